"""`hakobune register`."""

import click

from hakobune.cli.options import json_option, workspace_options
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_json
from hakobune.model.destination import Destination
from hakobune.stages.deliver import bring_model
from hakobune.stages.register import planned_model
from hakobune.stages.submit import last_job


@click.command("register")
@click.argument("job", default="")
@click.option("--dry-run", is_flag=True, help="Print what would be registered; needs no login.")
@click.option("--ungraded", is_flag=True, help="Register a model that no local run compares with.")
@json_option
@workspace_options
@pass_wiring
def command(  # noqa: PLR0913 - what the options became
    wiring: Wiring, *, job: str, dry_run: bool, ungraded: bool, is_json: bool, given: Destination
) -> None:
    """Register a job's model with its metrics and digests as tags, once.

    JOB is the one that was submitted last from here, unless it is named; its outputs are fetched
    first where that was not done. A model that differs from that of the local run is not
    registered, and one that no local run of the same image, data and arguments can be compared with
    only with --ungraded. Prints the model's name and version.
    """
    job = job or last_job(wiring.project)
    if dry_run:
        show(planned_model(wiring.project, job))
        return
    found = bring_model(wiring.services(wiring.destination(given)), job, is_ungraded=ungraded)
    if is_json:
        show_json(found.values())
        return
    wiring.console.say(str(found.grade))
    show(f"{found.model}:{found.version}")
