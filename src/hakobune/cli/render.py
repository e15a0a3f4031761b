"""`hakobune render`."""

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render


@click.command("render")
@json_option(
    dockerfile="its path",
    lock="the lock's path",
)
@pass_wiring
def command(wiring: Wiring) -> Document:
    """Write docker/Dockerfile from the lock; an existing file is overwritten."""
    project = wiring.project
    render(project, read_fresh_lock(project), wiring.runner, wiring.console)
    return {"dockerfile": project.dockerfile, "lock": project.lock}
