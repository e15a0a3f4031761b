"""Finds out by a build which bytes the wheels of source distributions have, and locks them.

A lock is made without an engine, so the first build does it: it builds each wheel twice, compares
the two, and writes the sha256 into the lock. Every later build must give the same bytes.
"""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.process import Runner
from hakobune.errors import BuildFailedError, SdistUnstableError
from hakobune.model.lock import Lock, LockedSdist
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import BuildSecrets
from hakobune.stages.lock import store_lock
from hakobune.stages.render import render
from hakobune.transform.install_blocks import TWICE
from hakobune.transform.wheel_difference import wheel_difference


def settle_wheels(  # noqa: PLR0913 - what a build is made of, by name
    project: Project,
    lock: Lock,
    runner: Runner,
    reporter: Reporter,
    *,
    arguments: Mapping[str, str],
    secrets: BuildSecrets,
    options: tuple[str, ...],
) -> Lock:
    """Return the lock with the sha256 of each wheel that it did not have, after writing it.

    Raises SdistUnstableError, with what differs, for a package whose two wheels differ, or what
    building raises. Nothing is written then.
    """
    if not lock.unsettled:
        return lock
    with tempfile.TemporaryDirectory(prefix="hakobune-wheels-") as text:
        folder = Path(text)
        _export(project, runner, reporter, folder, arguments, secrets, options)
        found = {s.name: _same(s, folder) for s in lock.unsettled}
    reporter.say(
        f"note: built twice, with the same bytes: {', '.join(sorted(found))}; "
        f"the sha256 of each wheel is now in {project.lock}"
    )
    return _with_wheels(project, lock, found, runner, reporter)


def keep_wheels(  # noqa: PLR0913 - as above
    project: Project,
    lock: Lock,
    runner: Runner,
    reporter: Reporter,
    *,
    arguments: Mapping[str, str],
    secrets: BuildSecrets,
    options: tuple[str, ...],
    folder: Path,
) -> Lock:
    """Put a wheel of each package whose builds differ into the folder, and name it in the lock.

    Wheels that the lock names already are not built again. Raises what building raises.
    """
    missing = {s.name for s in lock.sdists if s.is_accepted and not s.wheel_sha256}
    if not missing:
        return lock
    found = {}
    with tempfile.TemporaryDirectory(prefix=".built-", dir=folder) as text:
        built = Path(text)
        _export(project, runner, reporter, built, arguments, secrets, options)
        for sdist in lock.sdists:
            if sdist.name in missing:
                wheel = _only_wheel(sdist, built / "first")
                found[sdist.name] = files.sha256_of(wheel)
                files.move_folder(wheel, folder / wheel.name)
    reporter.say(
        f"note: {', '.join(sorted(missing))}: each build gives another wheel; this one is kept, "
        f"and {project.lock} names it: build with --offline from now on"
    )
    return _with_wheels(project, lock, found, runner, reporter)


def _with_wheels(
    project: Project, lock: Lock, found: Mapping[str, str], runner: Runner, reporter: Reporter
) -> Lock:
    """Write the sha256 of these packages' wheels into the lock and the Dockerfile."""
    packages = tuple(
        replace(p, wheel_sha256=found[p.name])
        if isinstance(p, LockedSdist) and p.name in found
        else p
        for p in lock.packages
    )
    stored = store_lock(project, replace(lock, packages=packages), reporter)
    render(project, stored, runner, reporter)
    return stored


def _export(  # noqa: PLR0913, PLR0917 - as above
    project: Project,
    runner: Runner,
    reporter: Reporter,
    folder: Path,
    arguments: Mapping[str, str],
    secrets: BuildSecrets,
    options: tuple[str, ...],
) -> None:
    """Build each wheel twice, into the folders `first` and `second` below this one."""
    command = docker_cli.export_command(
        folder=folder,
        dockerfile=project.dockerfile_path,
        context=project.root,
        arguments=arguments,
        secrets=secrets,
        options=("--target", TWICE, *options),
    )
    docker_cli.build(runner, command, reporter, name="wheels", secrets=secrets)


def _same(sdist: LockedSdist, folder: Path) -> str:
    """Return the sha256 of the two wheels. Raises SdistUnstableError where they differ."""
    first, second = (_only_wheel(sdist, folder / part) for part in ("first", "second"))
    content, other = files.read_bytes(first) or b"", files.read_bytes(second) or b""
    if content == other:
        return hashlib.sha256(content).hexdigest()
    raise SdistUnstableError(
        f"{sdist.name} {sdist.version}, built twice from {sdist.file}, gives two different wheels: "
        + wheel_difference(content, other),
        remedy=f"choose a release of {sdist.name} that has a wheel, or accept that each build "
        f"differs: hakobune lock --accept {sdist.name} (then hakobune vendor keeps one wheel)",
    )


def _only_wheel(sdist: LockedSdist, folder: Path) -> Path:
    """Return the one wheel in a package's folder. Raises BuildFailedError."""
    found = sorted((folder / sdist.name).glob("*.whl"))
    if len(found) != 1 or not found[0].is_file():
        raise BuildFailedError(
            f"the build of {sdist.name} {sdist.version} gave {len(found)} wheels and not one",
            remedy=f"choose another release of {sdist.name}",
        )
    return found[0]
