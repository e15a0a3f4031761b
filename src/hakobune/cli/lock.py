"""`hakobune lock`."""

import click

from hakobune.cli.options import json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_json
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.stages.render import check_lock


@click.command("lock")
@click.option("--check", is_flag=True, help="Only report whether lock and Dockerfile are current.")
@click.option("--upgrade", is_flag=True, help="Upgrade all Python packages.")
@click.option("--move-base", is_flag=True, help="Upgrade all Debian packages of the base.")
@click.option("--verbose", is_flag=True, help="Show the resolver's whole explanation of a failure.")
@json_option
@pass_wiring
def command(  # noqa: PLR0913 - the options of the command line, by name
    wiring: Wiring, *, check: bool, upgrade: bool, move_base: bool, verbose: bool, is_json: bool
) -> None:
    """Resolve the conda file to exact packages, each with its sha256, and write the lock.

    Pins that still fit are kept. Only this step uses the package index: commit the result.
    """
    project = wiring.project
    lock = (
        check_lock(project)
        if check
        else _locked(wiring, upgrade=upgrade, move_base=move_base, is_whole=verbose)
    )
    if is_json:
        show_json(_about(project, lock))
    elif check:
        show(f"{project.lock} and {project.dockerfile} are up to date with {project.environment}")
        show(f"{len(lock.packages)} packages for Python {lock.python} on {lock.platform}")


def _locked(wiring: Wiring, *, upgrade: bool, move_base: bool, is_whole: bool) -> Lock:
    # Imported here, so that --check stays quick.
    from hakobune.stages.lock import LockWishes, lock_environment  # noqa: PLC0415

    wishes = LockWishes(
        index=wiring.settings.uv_environment,
        upgrade=upgrade,
        move_base=move_base,
        is_whole=is_whole,
    )
    return lock_environment(wiring.project, wiring.runner, wiring.console, wishes=wishes)


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
