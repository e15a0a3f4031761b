"""`hakobune sbom`."""

from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.stages.build import current_image
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.sbom import ensure_sbom


@click.command("sbom")
def command() -> None:
    """Print where the image's list of parts lies (CycloneDX), after writing it if it is missing.

    hakobune build writes it too. It names each Debian and Python package with its licence, and the
    image by its digest; the same image gives the same bytes.
    """
    project, runner = open_project(Path.cwd()), system_runner()
    image = current_image(project, runner)
    show(str(ensure_sbom(project, image, runner, Console())))
