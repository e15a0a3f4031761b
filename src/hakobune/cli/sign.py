"""`hakobune sign`."""

from pathlib import Path

import click

from hakobune.cli.options import Document, json_option, registry_option, run_argument
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.model.destination import Destination
from hakobune.stages.record import find_run
from hakobune.stages.sign import attach, pushed_place, sign


@click.command("sign")
@run_argument()
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="The private key: Ed25519, PEM (openssl genpkey -algorithm ed25519 -out key.pem).",
)
@click.option("--attach", "attaches", is_flag=True, help="Also attach it to the image, pushed.")
@json_option(
    run="the run's folder",
    signature="the path of the envelope",
    attached="with --attach: where it is in the registry",
)
@registry_option
@pass_wiring
def command(wiring: Wiring, *, run: str, key: Path, attaches: bool, registry: str) -> Document:
    """Sign a run's record, as an in-toto statement with SLSA provenance in a DSSE envelope.

    With --attach the envelope goes to the image in its registry too, as an OCI referrer.
    """
    folder = find_run(wiring.project, run, cwd=wiring.cwd)
    place = ""
    if attaches:  # checked before anything is signed
        to = wiring.destination(Destination(registry=registry))
        place = pushed_place(
            wiring.project, folder, registry_name=to.registry, rehearsal=to.rehearsal
        )
    found = {"run": str(folder), "signature": str(sign(folder, key, wiring.console))}
    show(found["signature"])
    if attaches:
        reference = attach(folder, place, wiring.runner, wiring.patience, wiring.console)
        show(reference)
        found["attached"] = reference
    return found
