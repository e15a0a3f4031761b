"""`hakobune build`."""

import shlex
from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.settings import read_settings
from hakobune.stages.build import build, plan_build
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.sbom import ensure_sbom
from hakobune.stages.vendor import build_offline, plan_offline


@click.command("build")
@click.option("--dry-run", is_flag=True, help="Print the command and change nothing.")
@click.option("--offline", is_flag=True, help="Build from the vendored folder, without a network.")
@click.option("--folder", help="The vendored folder.  [default: vendor in the project's folder]")
def command(*, dry_run: bool, offline: bool, folder: str | None) -> None:
    """Build the image of docker/Dockerfile, on the official base or one of Debian's packages.

    The base is the registry's image by digest. Where no registry answers, it is made from the
    Debian packages that the lock names. With --offline both base and packages are taken from the
    folder that hakobune vendor filled, and give the same digest. The build imports each package
    that the conda file names and fails if one cannot be imported: it names the package and the
    system library that is missing. A new image's list of parts is written too (hakobune sbom).
    """
    project, runner = open_project(Path.cwd()), system_runner()
    vendored = Path(folder) if folder else project.root / "vendor"
    if dry_run:
        planned = (
            plan_offline(project, runner, folder=vendored)
            if offline
            else plan_build(project, runner)
        )
        show(shlex.join(planned))
        return
    console = Console()
    if offline:
        image = build_offline(project, runner, console, folder=vendored)
    else:
        image = build(project, runner, console, secrets=read_settings().build_secrets())
    ensure_sbom(project, image, runner, console)
    show(f"{image.tag} {image.id}")
