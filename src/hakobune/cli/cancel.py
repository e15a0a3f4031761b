"""`hakobune cancel`."""

import click

from hakobune.cli.options import Document, job_argument, json_option, workspace_options
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.model.destination import Destination
from hakobune.stages.job_notes import last_job, shards_of
from hakobune.stages.watch import cancel


@click.command("cancel")
@job_argument
@click.option("--dry-run", is_flag=True, help="Print the job's name and cancel nothing.")
@json_option(
    job="its name",
    status="its state, in Azure ML's words",
)
@workspace_options
@pass_wiring
def command(wiring: Wiring, *, job: str, dry_run: bool, given: Destination) -> Document:
    """End a job, of a plan in shards all of them. A job that is over keeps its state.

    JOB is the one that was submitted last from here, unless it is named. Prints the job's state.
    """
    job = job or last_job(wiring.project)
    shards = [note.name for note in shards_of(wiring.project, job)]
    if dry_run:
        show(f"would cancel {', '.join(shards or [job])}")
        return None
    cloud = wiring.cloud(wiring.destination(given))
    ended = [cancel(cloud, name, wiring.console) for name in shards]
    if not ended or cloud.job(job) is not None:  # a merging job comes after its shards
        ended.append(cancel(cloud, job, wiring.console))
    found = ended[-1]
    show(found.status)
    return {"job": job, "status": found.status}
