"""`hakobune vendor`."""

from pathlib import Path

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.stages.vendor import vendor


@click.command("vendor")
@click.option("--folder", help="Where to put it.  [default: vendor in the project's folder]")
@json_option(
    folder="the folder",
    files="how many files it has",
    base="the base image's name",
)
@pass_wiring
def command(wiring: Wiring, *, folder: str | None) -> Document:
    """Download all that a build needs from a network into one folder, each file by its sha256.

    The lock's wheels, what installs and compiles them, and the base image. Called again it
    downloads only what is missing or damaged. hakobune build --offline needs only the folder.
    """
    to = Path(folder) if folder else wiring.project.root / "vendor"
    secrets = wiring.build_secrets
    listing = vendor(wiring.project, wiring.runner, wiring.console, folder=to, secrets=secrets)
    show(f"{to}: {len(listing.files)} files, base {listing.base}")
    return {"folder": str(to), "files": len(listing.files), "base": listing.base}
