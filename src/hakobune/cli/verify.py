"""`hakobune verify`."""

from pathlib import Path

import click

from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_link
from hakobune.stages.record import find_run
from hakobune.stages.verify import walk


@click.command("verify")
@click.argument("run")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    help="The public key that the run has to be signed with.",
)
@pass_wiring
def command(wiring: Wiring, *, run: str, key: Path | None) -> None:
    """Walk a run's chain, offline, from its files to its image, and name the first broken link.

    RUN is a folder, or its name in runs/. Each hash is computed from the bytes on this machine:
    files, data, lock, Dockerfile, source, layers of the image. Links that cannot be checked here
    are marked `--` and do not fail; a missing image is reported last, after all else held.
    """
    folder = find_run(wiring.project, run, cwd=wiring.cwd)
    unseen = set()
    for link in walk(wiring.project, folder, wiring.runner, key=key):
        show_link(link)
        unseen |= set() if link.is_seen else {link.name}
    summary = ["the chain holds"]
    if "signed" in unseen:
        summary.append("unsigned")
    if others := sorted(unseen - {"signed"}):
        summary.append(f"not verifiable on this machine: {', '.join(others)}")
    show(f"{folder.name}: {'; '.join(summary)}")
