"""`hakobune sign`."""

from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.stages.project import open_project
from hakobune.stages.record import find_run
from hakobune.stages.sign import sign


@click.command("sign")
@click.argument("run")
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="The private key: Ed25519, PEM (openssl genpkey -algorithm ed25519 -out key.pem).",
)
def command(*, run: str, key: Path) -> None:
    """Sign a run's record, as an in-toto statement with SLSA provenance in a DSSE envelope."""
    project = open_project(Path.cwd())
    show(str(sign(find_run(project, run, cwd=Path.cwd()), key, Console())))
