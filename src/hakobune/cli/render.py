"""`hakobune render`."""

from pathlib import Path

import click

from hakobune.console import Console
from hakobune.stages.project import open_project, read_fresh_lock
from hakobune.stages.render import render


@click.command("render")
def command() -> None:
    """Write docker/Dockerfile from the lock, over whatever lies there."""
    project = open_project(Path.cwd())
    render(project, read_fresh_lock(project), Console())
