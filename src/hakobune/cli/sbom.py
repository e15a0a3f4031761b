"""`hakobune sbom`."""

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.stages.build import current_image
from hakobune.stages.sbom import ensure_sbom


@click.command("sbom")
@json_option(
    image="the image's id",
    sbom="the path of its SBOM",
)
@pass_wiring
def command(wiring: Wiring) -> Document:
    """Print the path of the image's SBOM (CycloneDX); it is written first where it is missing.

    hakobune build writes it too. It names each Debian and Python package with its licence, and the
    image by its digest; the same image gives the same bytes.
    """
    image = current_image(wiring.project, wiring.runner)
    path = ensure_sbom(wiring.project, image, wiring.runner, wiring.console)
    show(str(path))
    return {"image": image.id, "sbom": str(path)}
