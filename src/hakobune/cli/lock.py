"""`hakobune lock`."""

from pathlib import Path

import click

from hakobune.cli.json_option import json_option
from hakobune.console import Console, show, show_json
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.stages.project import open_project
from hakobune.stages.render import check_lock


@click.command("lock")
@click.option("--check", is_flag=True, help="Only report whether lock and Dockerfile are current.")
@click.option("--upgrade", is_flag=True, help="Upgrade all Python packages.")
@click.option("--move-base", is_flag=True, help="Upgrade all Debian packages of the base.")
@json_option
def command(*, check: bool, upgrade: bool, move_base: bool, is_json: bool) -> None:
    """Resolve the conda file to exact packages, each with its sha256, and write the lock.

    Pins that still fit are kept. Only this step asks the package index: commit the result.
    """
    project = open_project(Path.cwd())
    if check:
        lock = check_lock(project)
        if is_json:
            show_json(_about(project, lock))
            return
        show(f"{project.lock} and {project.dockerfile} are up to date with {project.environment}")
        show(f"{len(lock.packages)} packages for Python {lock.python} on {lock.platform}")
        return
    # Imported here, so that --check stays quick.
    from hakobune.settings import read_settings  # noqa: PLC0415
    from hakobune.stages.lock import lock_environment  # noqa: PLC0415
    from hakobune.stages.machine import system_runner  # noqa: PLC0415

    lock = lock_environment(
        project,
        system_runner(),
        Console(),
        index=read_settings().uv_environment(),
        upgrade=upgrade,
        move_base=move_base,
    )
    if is_json:
        show_json(_about(project, lock))


def _about(project: Project, lock: Lock) -> dict[str, object]:
    """Return what `--json` prints of a lock."""
    return {
        "lock": project.lock,
        "dockerfile": project.dockerfile,
        "environment": lock.environment,
        "python": lock.python,
        "platform": lock.platform,
        "packages": len(lock.packages),
    }
