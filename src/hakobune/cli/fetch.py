"""`hakobune fetch`."""

import click

from hakobune.cli.options import json_option, workspace_options
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_json, show_table
from hakobune.model.destination import Destination
from hakobune.stages.deliver import bring
from hakobune.stages.submit import last_job


@click.command("fetch")
@click.argument("job", default="")
@click.option("--output", default="", help="Only the output of this name.")
@json_option
@workspace_options
@pass_wiring
def command(wiring: Wiring, *, job: str, output: str, is_json: bool, given: Destination) -> None:
    """Download a job's declared outputs to runs/JOB, verified, all or none.

    JOB is the one that was submitted last from here, unless it is named. An interrupted download
    continues where it stopped. The last line grades the results beside those of the local run with
    the same image, data and arguments.
    """
    services = wiring.services(wiring.destination(given))
    found = bring(services, job or last_job(wiring.project), output=output)
    if is_json:
        show_json(found.values())
        return
    show_table(found.files)
    if found.grade:
        show(found.grade)
