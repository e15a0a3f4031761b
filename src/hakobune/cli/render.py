"""`hakobune render`."""

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.compose import differences
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render


@click.command("render")
@json_option(
    dockerfile="its path",
    lock="the lock's path",
    compose="where a compose file is another container than that of train, as file:line: …",
)
@pass_wiring
def command(wiring: Wiring) -> Document:
    """Write docker/Dockerfile from the lock; an existing file is overwritten.

    Where a compose file describes another container than hakobune train runs, each difference is
    printed.
    """
    project = wiring.project
    render(project, read_fresh_lock(project), wiring.runner, wiring.console)
    found = differences(project)
    for line in found:
        wiring.console.say(line)
    return {"dockerfile": project.dockerfile, "lock": project.lock, "compose": found}
