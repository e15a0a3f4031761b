"""`hakobune lock`."""

from dataclasses import asdict
from datetime import datetime

import click

from hakobune.cli.options import json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_json, show_table
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.stages.render import check_lock

# A day (its first moment, in UTC) or a moment.
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.command("lock")
@click.option("--check", is_flag=True, help="Only report whether lock and Dockerfile are current.")
@click.option("--upgrade", is_flag=True, help="Upgrade all Python packages.")
@click.option(
    "--upgrade-package", "upgraded", multiple=True, help="Upgrade this package; repeatable."
)
@click.option(
    "--exclude-newer",
    type=_MOMENT,
    help="Take no file that came to the index on this day (UTC) or later.",
)
@click.option(
    "--explain",
    is_flag=True,
    help="Print of each locked package where it comes from and who asked for it.",
)
@click.option("--diff", is_flag=True, help="Print what a new lock would change; write nothing.")
@click.option("--move-base", is_flag=True, help="Upgrade all Debian packages of the base.")
@click.option("--verbose", is_flag=True, help="Show the resolver's whole explanation of a failure.")
@json_option
@pass_wiring
def command(  # noqa: PLR0913 - the options of the command line, by name
    wiring: Wiring,
    *,
    check: bool,
    explain: bool,
    diff: bool,
    upgrade: bool,
    upgraded: tuple[str, ...],
    exclude_newer: datetime | None,
    move_base: bool,
    verbose: bool,
    is_json: bool,
) -> None:
    """Resolve the conda file to exact packages, each with its sha256, and write the lock.

    Pins that still fit are kept, and what changed is printed. Only this step uses the package
    index: commit the result.
    """
    project = wiring.project
    if check + diff + explain > 1:
        raise click.UsageError("--check, --diff and --explain exclude each other")
    if explain:
        _explain(wiring, is_json=is_json)
        return
    changes: tuple[str, ...] = ()
    if check:
        lock = check_lock(project)
    else:
        lock, changes = _locked(
            wiring,
            upgrade=upgrade,
            upgraded=upgraded,
            exclude_newer=exclude_newer,
            move_base=move_base,
            is_whole=verbose,
            is_trial=diff,
        )
    if is_json:
        show_json(_about(project, lock) | ({"changes": changes} if diff else {}))
    elif diff:
        show("\n".join(changes) or f"{project.lock} would stay as it is")
    elif check:
        show(f"{project.lock} and {project.dockerfile} are up to date with {project.environment}")
        show(f"{len(lock.packages)} packages for Python {lock.python} on {lock.platform}")


def _explain(wiring: Wiring, *, is_json: bool) -> None:
    from hakobune.stages.explain import explain  # noqa: PLC0415 - as below

    lines = explain(wiring.project, wiring.runner, wiring.settings.uv_environment)
    if is_json:
        show_json({"lock": wiring.project.lock, "explanation": [asdict(line) for line in lines]})
    else:
        show_table([(line.name, line.version, line.strategy, line.reason) for line in lines])


def _locked(  # noqa: PLR0913 - as above
    wiring: Wiring,
    *,
    upgrade: bool,
    upgraded: tuple[str, ...],
    exclude_newer: datetime | None,
    move_base: bool,
    is_whole: bool,
    is_trial: bool,
) -> tuple[Lock, tuple[str, ...]]:
    """Return the new lock, and in a trial what it changes."""
    # Imported here, so that --check stays quick.
    from hakobune.stages.lock import LockWishes, changes_of, lock_environment  # noqa: PLC0415

    wishes = LockWishes(
        index=wiring.settings.uv_environment,
        upgrade=upgrade,
        upgraded=upgraded,
        exclude_newer="" if exclude_newer is None else f"{exclude_newer:%Y-%m-%dT%H:%M:%SZ}",
        move_base=move_base,
        is_whole=is_whole,
        is_trial=is_trial,
    )
    lock = lock_environment(wiring.project, wiring.runner, wiring.console, wishes=wishes)
    return lock, changes_of(wiring.project, lock) if is_trial else ()


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
