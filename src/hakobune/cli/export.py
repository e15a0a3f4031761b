"""`hakobune export`."""

from pathlib import Path

import click

from hakobune.cli.options import (
    Document,
    job_options,
    json_option,
    registry_option,
    workspace_options,
)
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.model.destination import Destination
from hakobune.model.job import JobWishes
from hakobune.stages.export import export
from hakobune.stages.export_pylock import export_pylock
from hakobune.stages.push import plan_push, require_digest
from hakobune.stages.submit import plan_submit


@click.command("export", context_settings={"ignore_unknown_options": True})
@click.option("--to", "folder", default="azureml", show_default=True, help="Folder to write into.")
@click.option(
    "--pylock",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write only the locked Python packages, as a pylock.toml (PEP 751); needs no Azure.",
)
@json_option(
    files="the paths of the written files",
)
@registry_option
@job_options
@workspace_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_wiring
def command(
    wiring: Wiring, *, folder: str, pylock: Path | None, given: Destination, wishes: JobWishes
) -> Document:
    """Write environment.yml, job.yml and compute.yml for `az ml`.

    az ml environment create -f environment.yml, then az ml job create -f job.yml give the job that
    hakobune submit gives. Arguments go to the training program.
    """
    project, runner = wiring.project, wiring.runner
    if pylock is not None:
        export_pylock(project, pylock, wiring.console)
        show(str(pylock))
        return {"files": [str(pylock)]}
    to = wiring.destination(given)
    planned = plan_push(project, runner, registry_name=wiring.registry(to))
    pushed = require_digest(planned, runner, wiring.patience)
    wishes = wishes.on_compute(to.compute)
    submission = plan_submit(project, wishes, pushed, runner=runner, cwd=wiring.cwd)
    wiring.console.say("outputs: {}, because of: {}".format(*wishes.outputs))
    written = [str(path) for path in export(project, submission, Path(folder), wiring.console)]
    show("\n".join(written))
    return {"files": written}
