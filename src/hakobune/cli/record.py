"""`hakobune record`."""

import click

from hakobune.cli.options import Document, json_option, run_argument
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.record import complete_by_labels, find_run


@click.command("record")
@run_argument()
@json_option(
    run="the run's folder",
)
@pass_wiring
def command(wiring: Wiring, *, run: str) -> Document:
    """Complete the record of a run that `docker compose run` made without hakobune.

    The run's record has the digests of lock, conda file and source; the image here must have the
    same. hakobune train and fetch do this automatically.
    """
    folder = find_run(wiring.project, run, cwd=wiring.cwd)
    complete_by_labels(wiring.project, folder, wiring.runner, wiring.console)
    return {"run": str(folder)}
