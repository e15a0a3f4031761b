"""`hakobune render`."""

import click

from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render


@click.command("render")
@pass_wiring
def command(wiring: Wiring) -> None:
    """Write docker/Dockerfile from the lock; an existing file is overwritten."""
    render(wiring.project, read_fresh_lock(wiring.project), wiring.runner, wiring.console)
