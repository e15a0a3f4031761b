"""`hakobune vendor`."""

from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.settings import read_settings
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.vendor import vendor


@click.command("vendor")
@click.option("--folder", help="Where to put it.  [default: vendor in the project's folder]")
def command(*, folder: str | None) -> None:
    """Put all that a build needs from a network into one folder, each file by its sha256.

    The lock's wheels, what installs and compiles them, and the base image. Called again it fetches
    only what is missing or damaged. hakobune build --offline builds from the folder alone.
    """
    project = open_project(Path.cwd())
    to = Path(folder) if folder else project.root / "vendor"
    secrets = read_settings().build_secrets()
    listing = vendor(project, system_runner(), Console(), folder=to, secrets=secrets)
    show(f"{to}: {len(listing.files)} files, base {listing.base}")
