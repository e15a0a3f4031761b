"""`hakobune render`."""

import click

from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.compose import differences
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render


@click.command("render")
@pass_wiring
def command(wiring: Wiring) -> None:
    """Write docker/Dockerfile from the lock; an existing file is overwritten.

    Where a compose file describes another container than hakobune train runs, each difference is
    printed.
    """
    render(wiring.project, read_fresh_lock(wiring.project), wiring.runner, wiring.console)
    for line in differences(wiring.project):
        wiring.console.say(line)
