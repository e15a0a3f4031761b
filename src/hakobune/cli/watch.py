"""`hakobune watch`."""

import click

from hakobune.cli.options import (
    Document,
    job_argument,
    json_option,
    watch_options,
    workspace_options,
)
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show_bytes
from hakobune.model.destination import Destination
from hakobune.model.job import WatchWishes
from hakobune.stages.job_notes import last_job, shards_of
from hakobune.stages.shards import Shards
from hakobune.stages.watch import watch


@click.command("watch")
@job_argument
@json_option(
    job="its name",
    status="its state, in Azure ML's words",
)
@watch_options
@workspace_options
@pass_wiring
def command(wiring: Wiring, *, job: str, how: WatchWishes, given: Destination) -> Document:
    """Show a job's log until the job ends; fail if the job failed.

    Of a plan in shards that are not merged yet, the status of each is shown.

    JOB is the one that was submitted last from here, unless it is named. Ctrl-C leaves the job
    running. The log goes to stdout, everything else to stderr.
    """
    cloud = wiring.cloud(wiring.destination(given))
    job = job or last_job(wiring.project)
    shards = Shards(wiring.project, job, cloud, wiring.console)
    if shards_of(wiring.project, job) and cloud.job(job) is None and shards.find():
        shards.follow(wiring.patience.clock, retries=0, how=how)
        wiring.console.say("to merge their work, run the same hakobune submit again with --watch")
        return {"job": job, "status": "Completed"}
    found = watch(cloud, job, wiring.console, wiring.patience.clock, show_bytes, how=how)
    return {"job": job, "status": found.status}
