"""`hakobune lock`."""

from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.stages.project import open_project
from hakobune.stages.render import check_lock


@click.command("lock")
@click.option("--check", is_flag=True, help="Only say whether lock and Dockerfile are current.")
@click.option("--upgrade", is_flag=True, help="Let every Python package move to its newest.")
@click.option("--move-base", is_flag=True, help="Let every Debian package of the base move.")
def command(*, check: bool, upgrade: bool, move_base: bool) -> None:
    """Resolve the conda file to exact packages, each with its sha256, and write the lock.

    Pins that still fit are kept. This is the only step that asks the package index; its answer is
    to be committed.
    """
    project = open_project(Path.cwd())
    if check:
        lock = check_lock(project)
        show(f"{project.lock} and {project.dockerfile} belong to {project.environment}")
        show(f"{len(lock.packages)} packages for Python {lock.python} on {lock.platform}")
        return
    # Imported here, so that --check stays quick.
    from hakobune.settings import read_settings  # noqa: PLC0415
    from hakobune.stages.lock import lock_environment  # noqa: PLC0415
    from hakobune.stages.machine import system_runner  # noqa: PLC0415

    lock_environment(
        project,
        system_runner(),
        Console(),
        index=read_settings().uv_environment(),
        upgrade=upgrade,
        move_base=move_base,
    )
