"""`hakobune fetch`."""

import click

from hakobune.cli.options import Document, job_argument, json_option, workspace_options
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_table
from hakobune.model.destination import Destination
from hakobune.stages.deliver import bring
from hakobune.stages.job_notes import last_job


@click.command("fetch")
@job_argument
@click.option("--output", default="", help="Only the output of this name.")
@json_option(
    job="the job's name",
    status="if it was asked for: the job's state, in Azure ML's words",
    is_over="if it was asked for: whether the job has ended",
    page="if known: the address of the job's page",
    environment="if submitted: the environment's name and version",
    compute="if submitted: the cluster",
    folder="if fetched: the run's folder",
    files="if fetched: the path of each declared output, by name",
    grade="if fetched: the grade beside the local run, or null",
)
@workspace_options
@pass_wiring
def command(wiring: Wiring, *, job: str, output: str, given: Destination) -> Document:
    """Download a job's declared outputs to runs/JOB, verified, all or none.

    JOB is the one that was submitted last from here, unless it is named. An interrupted download
    continues where it stopped. The last line grades the results beside those of the local run with
    the same image, data and arguments.
    """
    services = wiring.services(wiring.destination(given))
    found = bring(services, job or last_job(wiring.project), output=output)
    show_table(found.files)
    if found.grade:
        show(found.grade)
    return found.values()
