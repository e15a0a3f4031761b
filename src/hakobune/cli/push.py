"""`hakobune push`."""

import shlex

import click

from hakobune.cli.options import Document, json_option, registry_option, workspace_options
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.model.destination import Destination
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, push, push_commands


@click.command("push")
@click.option("--dry-run", is_flag=True, help="Print the commands and push nothing.")
@json_option(
    image="the image by digest",
    tag="the same by its tag",
    digest="its digest",
)
@registry_option
@workspace_options
@pass_wiring
def command(wiring: Wiring, *, dry_run: bool, given: Destination) -> Document:
    """Push the image to the registry, unless it is there, and read its digest back.

    The tag is derived from the image's content. Logins are those of the docker program
    (docker login, az acr login). Prints the image by digest.
    """
    to = wiring.destination(given)
    name = (to.registry or UNKNOWN_REGISTRY) if dry_run else wiring.registry(to)
    planned = plan_push(wiring.project, wiring.runner, registry_name=name)
    if dry_run:
        for words in push_commands(planned):
            show(shlex.join(words))
        return None
    pushed = push(planned, wiring.runner, wiring.patience, wiring.console)
    show(pushed.reference)
    return {"image": pushed.reference, "tag": pushed.tagged, "digest": pushed.digest}
