"""`hakobune register`."""

import click

from hakobune.cli.options import Document, job_argument, json_option, workspace_options
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.model.destination import Destination
from hakobune.stages.deliver import bring_model
from hakobune.stages.job_notes import last_job
from hakobune.stages.register import planned_model


@click.command("register")
@job_argument
@click.option("--dry-run", is_flag=True, help="Print what would be registered; needs no login.")
@click.option("--ungraded", is_flag=True, help="Register a model that no local run compares with.")
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
    model="if registered: the model's name",
    version="if registered: its version",
)
@workspace_options
@pass_wiring
def command(
    wiring: Wiring, *, job: str, dry_run: bool, ungraded: bool, given: Destination
) -> Document:
    """Register a job's model with its metrics and digests as tags, once.

    JOB is the one that was submitted last from here, unless it is named; its outputs are fetched
    first where that was not done. A model that differs from that of the local run is not
    registered, and one that no local run of the same image, data and arguments can be compared with
    only with --ungraded. Prints the model's name and version.
    """
    job = job or last_job(wiring.project)
    if dry_run:
        show(planned_model(wiring.project, job))
        return None
    found = bring_model(wiring.services(wiring.destination(given)), job, is_ungraded=ungraded)
    wiring.console.say(str(found.grade))
    show(f"{found.model}:{found.version}")
    return found.values()
