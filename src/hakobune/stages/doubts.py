"""Warns of what a lock should not have: old Pythons and releases, doubled lines, old builds."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from packaging.requirements import Requirement as Pep508

from hakobune.adapters import debian_base, files, resolver
from hakobune.adapters.process import Runner
from hakobune.adapters.resolver import Question
from hakobune.errors import EnvironmentDoubtfulError
from hakobune.model.lock import Lock, LockedDebian, LockedSdist, LockedWheel
from hakobune.model.project import Project
from hakobune.model.spec import EnvironmentSpec, Requirement
from hakobune.stages.project import read_environment
from hakobune.transform.spec_warnings import Doubts, cuda_warning, spec_warnings

_LONG = timedelta(days=3 * 365)


def warnings_of(
    project: Project, spec: EnvironmentSpec, lock: Lock, *, today: date | None = None
) -> tuple[str, ...]:
    """Return what is to be warned of, each as `file:line: warning: what`.

    The day counts in UTC; default: today.
    """
    retired = tomllib.loads(files.read_data("retired_packages.toml"))
    doubts = Doubts(
        python_ends=tomllib.loads(files.read_data("bases.toml"))["python_ends"],
        retired=retired["azure_ml_sdk_v1"],
    )
    file = project.environment
    today = today or datetime.now(UTC).date()
    found = spec_warnings(spec, lock.python, doubts, file=file, today=today)
    return tuple(filter(None, (*found, cuda_warning(spec, lock, file=file))))


def old_releases(
    runner: Runner,
    spec: EnvironmentSpec,
    packages: Sequence[LockedWheel | LockedSdist],
    question: Question,
    *,
    env: Mapping[str, str],
) -> tuple[str, ...]:
    """Return a warning for each package that is years older than what its lines allow.

    `packages` are newly chosen ones, with the moments that the index gave; where it gave none,
    nothing is warned of. `question` has the Python.
    """
    chosen = {package.name: package for package in packages}
    lines = [wanted for wanted in spec.requirements if _is_old(chosen.get(wanted.name))]
    if not lines:
        return ()
    newest = resolver.newest(runner, sorted({w.name for w in lines}), question, env=env)
    bounds = (*spec.requirements, *spec.constraints)
    warnings = []
    for wanted in lines:
        package, (version, moment) = chosen[wanted.name], newest.get(wanted.name, ("", None))
        allows = all(_allows(bound, version) for bound in bounds if bound.name == wanted.name)
        if moment and allows and moment - (package.uploaded or moment) > _LONG:
            warnings.append(
                f"{wanted.place}: warning: {wanted.name} {package.version} is of "
                f"{package.uploaded:%Y}, though {version} is of {moment:%Y}: newer releases have "
                "no wheel, or need what does not fit the Python or the other lines; ask for "
                f"`{wanted.name}>={version}` to learn why"
            )
    return tuple(warnings)


def _is_old(package: LockedWheel | LockedSdist | None) -> bool:
    return bool(package and package.uploaded and datetime.now(UTC) - package.uploaded > _LONG)


def _allows(bound: Requirement, version: str) -> bool:
    """Tell whether a line allows this version; one of its alternatives is enough."""
    texts = (bound.text, *bound.others)
    return any(Pep508(text).specifier.contains(version, prereleases=True) for text in texts)


def require_no_doubt(project: Project, lock: Lock, security: Sequence[str] = ()) -> None:
    """Raise EnvironmentDoubtfulError with all warnings, if there are some.

    `security` are the Debian packages that have a newer security build.
    """
    found = warnings_of(project, read_environment(project), lock)
    if security and not found:
        raise EnvironmentDoubtfulError(
            "newer security builds of Debian packages:\n"
            + "\n".join(f"  {line}" for line in security),
            remedy="hakobune lock --security, or leave --strict out",
        )
    if found:
        raise EnvironmentDoubtfulError(
            "\n".join(found),
            remedy=f"change {project.environment} and run hakobune lock, or leave --strict out",
            place=found[0].partition(": ")[0],
        )


def security_news(lock: Lock, runner: Runner) -> tuple[str, ...] | None:
    """Return a line for each Debian package that has a newer security build.

    None where this host cannot ask Debian's security archive.
    """
    groups: dict[str, list[LockedDebian]] = {}
    if lock.debian_base is not None:
        groups[lock.debian_base.suite] = list(lock.debian_base.packages)
    for package in lock.debian_packages:
        groups.setdefault(package.release, []).append(package)
    lines: dict[str, None] = {}
    for release, packages in groups.items():
        newest = debian_base.security(runner, release)
        if newest is None:
            return None
        for package in packages:
            fixed = newest.get(package.name, "")
            if fixed and debian_base.is_older(runner, package.version, fixed):
                lines[f"{package.name} {package.version}: {release}-security has {fixed}"] = None
    return tuple(sorted(lines))
