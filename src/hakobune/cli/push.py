"""`hakobune push`."""

import shlex
from pathlib import Path

import click

from hakobune.cli.destination import destination, registry_option, workspace, workspace_options
from hakobune.cli.json_option import json_option
from hakobune.console import Console, show, show_json
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, push, push_commands
from hakobune.stages.workspace import azure_workspace, patience


@click.command("push")
@click.option("--dry-run", is_flag=True, help="Print the commands and push nothing.")
@json_option
@registry_option
@workspace_options
def command(*, dry_run: bool, is_json: bool, registry: str, **names: str) -> None:
    """Push the image to the registry, unless it is there, and read its digest back.

    The tag is derived from the image's content. Logins are those of the docker program
    (docker login, az acr login). Prints the image by digest.
    """
    project, runner, console = open_project(Path.cwd()), system_runner(), Console()
    to = destination(project, registry=registry, **names)
    if dry_run:
        planned = plan_push(project, runner, registry_name=to.registry or UNKNOWN_REGISTRY)
        for words in push_commands(planned):
            show(shlex.join(words))
        return
    name = to.registry or azure_workspace(workspace(project, **names), console).registry()
    planned = plan_push(project, runner, registry_name=name)
    pushed = push(planned, runner, patience(console), console)
    if is_json:
        show_json({"image": pushed.reference, "tag": pushed.tagged, "digest": pushed.digest})
    else:
        show(pushed.reference)
