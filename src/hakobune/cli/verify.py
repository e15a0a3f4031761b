"""`hakobune verify`."""

from pathlib import Path

import click

from hakobune.console import show, show_link
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.record import find_run
from hakobune.stages.verify import walk


@click.command("verify")
@click.argument("run")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The public key that the run has to be signed with.",
)
def command(*, run: str, key: Path | None) -> None:
    """Walk a run's chain, offline, from its files to its image, and name the first broken link.

    RUN is a folder, or its name in runs/. Each hash is computed from the bytes that lie here:
    files, data, lock, Dockerfile, source, layers of the image. A link of which nothing lies here
    is shown as such and breaks nothing; a missing image is told last, after all else held.
    """
    project, runner = open_project(Path.cwd()), system_runner()
    folder = find_run(project, run, cwd=Path.cwd())
    unseen = set()
    for link in walk(project, folder, runner, key=key):
        show_link(link)
        unseen |= set() if link.is_seen else {link.name}
    told = ["the chain holds"]
    if "signed" in unseen:
        told.append("nobody signed it")
    if others := sorted(unseen - {"signed"}):
        told.append(f"not to be seen from here: {', '.join(others)}")
    show(f"{folder.name}: {'; '.join(told)}")
