"""`hakobune lock`."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import may_ask_network, show, show_table
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.stages.render import check_lock

if TYPE_CHECKING:
    from hakobune.stages.lock import LockWishes

# A day (its first moment, in UTC) or a moment.
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"])


@click.command("lock")
@click.option("--check", is_flag=True, help="Only report whether lock and Dockerfile are current.")
@click.option("--strict", is_flag=True, help="With --check: fail where lock warns.")
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
@click.option("--move-base", is_flag=True, help="Upgrade all Debian packages.")
@click.option(
    "--security", is_flag=True, help="Upgrade the Debian packages with a newer security build."
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    help="Take this package although its index, its file's bytes or its builds differ; repeatable.",
)
@click.option("--verbose", is_flag=True, help="Show the resolver's whole explanation of a failure.")
@json_option(
    lock="the lock's path",
    dockerfile="if not --explain: the Dockerfile's path",
    environment="if not --explain: the environment's name",
    python="if not --explain: the image's Python",
    platform="if not --explain: linux/amd64",
    packages="if not --explain: how many packages are locked",
    security="with --check: the Debian packages with a newer security build, as lines",
    changes="with --diff: what a new lock would change, as lines",
    explanation="with --explain: each package with name, version, strategy and reason",
)
@pass_wiring
def command(  # noqa: PLR0913 - the options of the command line, by name
    wiring: Wiring,
    *,
    check: bool,
    strict: bool,
    explain: bool,
    diff: bool,
    upgrade: bool,
    upgraded: tuple[str, ...],
    exclude_newer: datetime | None,
    move_base: bool,
    security: bool,
    accepted: tuple[str, ...],
    verbose: bool,
) -> Document:
    """Resolve the conda file to exact packages, each with its sha256, and write the lock.

    Pins that still fit are kept, and what changed is printed. Only this step uses the package
    index: commit the result.
    """
    if check + diff + explain > 1 or strict > check:
        raise click.UsageError("--check, --diff, --explain: one of them; --strict: with --check")
    if explain or check:
        return _explain(wiring) if explain else _check(wiring, is_strict=strict)
    from hakobune.stages.lock import LockWishes  # noqa: PLC0415 - --check stays quick

    wishes = LockWishes(
        index=wiring.settings.uv_environment,
        asked=wiring.settings.asked_indexes,
        upgrade=upgrade,
        upgraded=upgraded,
        exclude_newer=f"{exclude_newer:%Y-%m-%dT%H:%M:%SZ}" if exclude_newer else "",
        accepted=accepted,
        move_base=move_base,
        security=security,
        is_trial=diff,
        is_whole=verbose,
    )
    return _lock(wiring, wishes)


def _check(wiring: Wiring, *, is_strict: bool) -> Document:
    project = wiring.project
    lock = check_lock(project)
    news = _security_news(wiring, lock)
    if is_strict:
        from hakobune.stages.doubts import require_no_doubt  # noqa: PLC0415 - as above

        require_no_doubt(project, lock, news)
    show(f"{project.lock} and {project.dockerfile} are up to date with {project.environment}")
    show(f"{len(lock.packages)} packages for Python {lock.python} on {lock.platform}")
    for line in news:
        show(line)
    if news:
        show("newer security builds: hakobune lock --security")
    return _about(project, lock) | {"security": news}


def _security_news(wiring: Wiring, lock: Lock) -> tuple[str, ...]:
    """Return the Debian packages with a newer security build; without an answer, say so."""
    has_debian = lock.debian_base is not None or lock.debian_packages
    if not (has_debian and may_ask_network()):
        return ()
    from hakobune.stages.doubts import security_news  # noqa: PLC0415 - as above

    news = security_news(lock, wiring.runner)
    if news is None:
        wiring.console.say("Debian's security archive did not answer: not compared with it")
    return news or ()


def _lock(wiring: Wiring, wishes: "LockWishes") -> Document:
    from hakobune.stages.lock import changes_of, lock_environment  # noqa: PLC0415 - as above

    project = wiring.project
    lock = lock_environment(project, wiring.runner, wiring.console, wishes=wishes)
    changes = changes_of(project, lock) if wishes.is_trial else ()
    if not wishes.is_trial:
        return _about(project, lock)
    show("\n".join(changes) or f"{project.lock} would stay as it is")
    return _about(project, lock) | {"changes": changes}


def _explain(wiring: Wiring) -> Document:
    from hakobune.stages.explain import explain  # noqa: PLC0415 - as above

    lines = explain(wiring.project, wiring.runner, wiring.settings.uv_environment)
    show_table([(line.name, line.version, line.strategy, line.reason) for line in lines])
    return {"lock": wiring.project.lock, "explanation": [asdict(line) for line in lines]}


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
