"""`hakobune sign`."""

from pathlib import Path

import click

from hakobune.cli.destination import destination, registry_option
from hakobune.console import Console, show
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.record import find_run
from hakobune.stages.sign import attach, pushed_place, sign
from hakobune.stages.workspace import patience


@click.command("sign")
@click.argument("run")
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="The private key: Ed25519, PEM (openssl genpkey -algorithm ed25519 -out key.pem).",
)
@click.option("--attach", "attaches", is_flag=True, help="Also attach it to the image, pushed.")
@registry_option
def command(*, run: str, key: Path, attaches: bool, registry: str) -> None:
    """Sign a run's record, as an in-toto statement with SLSA provenance in a DSSE envelope.

    With --attach the envelope goes to the image in its registry too, as an OCI referrer.
    """
    project, console = open_project(Path.cwd()), Console()
    folder = find_run(project, run, cwd=Path.cwd())
    place = ""
    if attaches:  # whatever is wrong with it is told before anything is signed
        to = destination(project, registry=registry)
        place = pushed_place(project, folder, registry_name=to.registry, rehearsal=to.rehearsal)
    show(str(sign(folder, key, console)))
    if attaches:
        show(attach(folder, place, system_runner(), patience(console), console))
