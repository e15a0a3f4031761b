"""`hakobune build`."""

from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.settings import read_settings
from hakobune.stages.build import build, plan_build
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project


@click.command("build")
@click.option("--dry-run", is_flag=True, help="Print the command and change nothing.")
def command(*, dry_run: bool) -> None:
    """Build the image of docker/Dockerfile, on the official base or one of Debian's packages.

    The base is the registry's image by digest. Where no registry answers, it is made from the
    Debian packages that the lock names.
    """
    project, runner = open_project(Path.cwd()), system_runner()
    if dry_run:
        show(" ".join(plan_build(project, runner)))
        return
    image = build(project, runner, Console(), secrets=read_settings().build_secrets())
    show(f"{image.tag} {image.id}")
