"""`hakobune record`."""

from pathlib import Path

import click

from hakobune.console import Console
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.record import complete_by_labels, find_run


@click.command("record")
@click.argument("run")
def command(*, run: str) -> None:
    """Complete the record of a run that `docker compose run` made without hakobune.

    The container knew the digests of its lock, conda file and source; the image here must have the
    same. hakobune train and fetch do this by themselves.
    """
    project = open_project(Path.cwd())
    folder = find_run(project, run, cwd=Path.cwd())
    complete_by_labels(project, folder, system_runner(), Console())
