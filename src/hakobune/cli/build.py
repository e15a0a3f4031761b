"""`hakobune build`."""

import shlex
from pathlib import Path

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show
from hakobune.stages.build import build, plan_build
from hakobune.stages.sbom import ensure_sbom
from hakobune.stages.vendor import build_offline, plan_offline


@click.command("build")
@click.option("--dry-run", is_flag=True, help="Print the commands and change nothing.")
@click.option("--offline", is_flag=True, help="Build from the vendored folder, without a network.")
@click.option("--folder", help="The vendored folder.  [default: vendor in the project's folder]")
@click.option("--verbose", is_flag=True, help="Show all that docker prints.")
@json_option(
    tag="the image's name on this machine",
    image="its id",
    base="the base image's name",
    sbom="the path of its SBOM",
)
@pass_wiring
def command(
    wiring: Wiring, *, dry_run: bool, offline: bool, folder: str | None, verbose: bool
) -> Document:
    """Build the image of docker/Dockerfile, on the official base or one of Debian's packages.

    The base is the registry's image by digest. Where no registry answers, it is made from the
    Debian packages that the lock names. With --offline both base and packages are taken from the
    folder that hakobune vendor filled, and give the same digest. The build imports each package
    that the conda file names and fails if one cannot be imported: it names the package and the
    system library that is missing. For a new image an SBOM is written too (hakobune sbom).
    """
    project, runner, wiring.console.is_verbose = wiring.project, wiring.runner, verbose
    vendored = Path(folder) if folder else project.root / "vendor"
    if dry_run and offline:
        show("\n".join(map(shlex.join, plan_offline(project, runner, folder=vendored))))
        return None
    if dry_run:
        show("\n".join(map(shlex.join, plan_build(project, runner))))
        return None
    if offline:
        image = build_offline(project, runner, wiring.console, folder=vendored)
    else:
        secrets = wiring.build_secrets
        image = build(project, runner, wiring.console, secrets=secrets)
    sbom = ensure_sbom(project, image, runner, wiring.console)
    show(f"{image.tag} {image.id}")
    return {"tag": image.tag, "image": image.id, "base": image.base, "sbom": str(sbom)}
