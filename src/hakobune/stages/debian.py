"""The Debian packages of a lock: those of a base, and what the image has besides."""

import fnmatch
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from packaging.specifiers import SpecifierSet

from hakobune.adapters import debian_base, files
from hakobune.adapters.process import Runner
from hakobune.errors import (
    DebianPackageUnknownError,
    DebianReleaseGoneError,
    DebianUnreachableError,
)
from hakobune.model.lock import DebianBase, Lock, LockedDebian, LockedSdist, LockedWheel
from hakobune.model.project import PYPROJECT, Project
from hakobune.model.reporter import Reporter
from hakobune.model.spec import EnvironmentSpec, SystemPackage
from hakobune.transform.choose_python import ChosenPython
from hakobune.transform.debian_packages import Candidate, of_base, read_candidates, upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianWishes:
    """What may move: every Debian package, or those with a newer security build."""

    move: bool = False
    is_security: bool = False

    @property
    def is_any(self) -> bool:
        """Whether Debian has to be asked."""
        return self.move or self.is_security


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianChoice:
    """The base of Debian's packages, what is added to any base, and who asked for it."""

    base: DebianBase | None
    packages: tuple[LockedDebian, ...]
    asked: tuple[tuple[str, str], ...]


def bases() -> dict[str, Any]:
    """Return the table of the bases."""
    return tomllib.loads(files.read_data("bases.toml"))


def choose_debian(  # noqa: PLR0913, PLR0917 - what is asked for, what there was, and how to ask
    project: Project,
    spec: EnvironmentSpec,
    python: ChosenPython,
    packages: Sequence[LockedWheel | LockedSdist],
    old: Lock | None,
    runner: Runner,
    reporter: Reporter,
    *,
    wishes: DebianWishes,
) -> DebianChoice:
    """Return the Debian packages of a lock; an earlier lock's are kept unless they are to move.

    A package that is added to the base moves the base, too: Debian's packages fit together only as
    the archive has them at one moment. Raises DebianPackageUnknownError for what a release lacks,
    or has in another version than a line asks for, and DebianUnreachableError.
    """
    table = bases()
    if not python.debian_suite:
        _say_no_base(python, table["debian"], reporter)
    asked = {
        release: asked_for(project, spec, packages, release)
        for release in dict.fromkeys([python.debian_suite, python.suite])
        if release
    }
    pairs = dict.fromkeys(pair for names in asked.values() for pair in names.items())
    base = old.debian_base if old is not None else None
    if base is not None and base.suite != python.debian_suite:
        base = None
    locked: list[LockedDebian] = []
    for release, names in asked.items():
        required = tuple(table["debian_packages"]) if release == python.debian_suite else ()
        kept = _Kept(
            base=base if required else None,
            added=_added(old, release),
            is_whole=(not required or _has_all(base, required))
            and (not names or _is_asked_alike(old, release, pairs)),
        )
        found = _of_release(
            project, release, required, names, kept, runner, reporter, wishes=wishes
        )
        base = found.base if required else base
        locked += found.added
    _require_versions(spec, asked, locked, reporter)
    _say_added(packages, set(pairs) - set(old.debian if old else ()), reporter)
    return DebianChoice(base=base, packages=tuple(locked), asked=tuple(sorted(pairs)))


def _say_added(
    packages: Sequence[LockedWheel | LockedSdist],
    new: set[tuple[str, str]],
    reporter: Reporter,
) -> None:
    """Print what the packages need that nobody asked for by name."""
    for package in packages:
        if names := sorted(name for name, by in new if by == package.name):
            reporter.say(
                f"note: {package.name} needs Debian's {', '.join(names)}: added to the image"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What a lock has for a Debian release; `is_whole`: all that is asked for now."""

    base: DebianBase | None
    added: tuple[LockedDebian, ...]
    is_whole: bool


def _of_release(  # noqa: PLR0913, PLR0917 - as above
    project: Project,
    release: str,
    required: tuple[str, ...],
    names: Mapping[str, str],
    kept: _Kept,
    runner: Runner,
    reporter: Reporter,
    *,
    wishes: DebianWishes,
) -> _Kept:
    """Return the packages for one Debian release: kept, or as Debian has them now."""
    if (kept.is_whole and not wishes.is_any) or not (required or names):
        return kept if names else _Kept(base=kept.base, added=(), is_whole=True)
    try:
        answer = debian_base.resolve(runner, release, required, tuple(names))
    except DebianPackageUnknownError as exc:
        raise _with_places(exc, release, names, project) from exc
    except DebianReleaseGoneError as exc:
        if not names or kept.is_whole:
            reporter.say(f"note: {exc.what}; the lock keeps what it had")
            return kept
        by = ", ".join(f"{name} ({by})" for name, by in names.items())
        raise DebianReleaseGoneError(
            f"{exc.what}. The image of this Python is built on {release}, and needs from it: {by}",
            remedy=f"choose a newer release of this Python, whose image is built on a newer Debian "
            f"(a line without the third number, such as `python=3.8`, means that); or {exc.remedy}",
        ) from exc
    if answer is None:
        if names and not kept.is_whole:
            raise DebianUnreachableError(
                f"Debian's packages cannot be listed from this host, and the image needs "
                f"{', '.join(names)}",
                remedy="run `hakobune lock` on a Debian host with its mirror, or set "
                "HAKOBUNE_DEBIAN_MIRROR (docs/how-to/bare-host.md)",
            )
        reporter.say(
            "note: Debian's packages cannot be listed from this host: the lock keeps what it had"
        )
        return kept
    candidates = read_candidates(answer)
    chosen = _chosen(candidates, kept, runner, is_security=wishes.is_security and kept.is_whole)
    by_name = {package.name: package for package in chosen}
    of = [candidate.package.name for candidate in candidates if candidate.is_base]
    base = DebianBase(suite=release, packages=tuple(of_base(by_name[name], release) for name in of))
    added = tuple(
        replace(by_name[c.package.name], suite=by_name[c.package.name].suite or release)
        for c in candidates
        if c.is_added
    )
    return _Kept(base=base if required else None, added=added, is_whole=True)


def _chosen(
    candidates: Sequence[Candidate], kept: _Kept, runner: Runner, *, is_security: bool
) -> list[LockedDebian]:
    """Return each candidate, or the locked package where only security builds may move."""
    if not is_security:
        return [candidate.package for candidate in candidates]
    packages = (*(kept.base.packages if kept.base else ()), *kept.added)
    before = {package.name: package for package in packages}
    chosen = []
    for candidate in candidates:
        old = before.get(candidate.package.name)
        is_fixed = old is not None and bool(
            candidate.fixed and debian_base.is_older(runner, old.version, candidate.fixed)
        )
        chosen.append(candidate.package if old is None or is_fixed else old)
    return chosen


def asked_for(
    project: Project,
    spec: EnvironmentSpec,
    packages: Sequence[LockedWheel | LockedSdist],
    release: str,
) -> dict[str, str]:
    """Return the Debian packages that a release is asked for, by name.

    The values are who asks: `pyproject.toml`, a `file:line`, or the name of a wheel.
    """
    asked = dict.fromkeys(project.debian, PYPROJECT)
    for wanted in spec.debian:
        for name in wanted.packages:
            asked.setdefault(name, wanted.place)
    known = tomllib.loads(files.read_data("system_libraries.toml"))
    locked = {package.name for package in packages}
    for wheel in sorted(locked & known["needs"].keys()):
        if not locked.intersection(known["instead"].get(wheel, ())):
            for library in known["needs"][wheel]:
                asked.setdefault(debian_base.package_with(library, release), wheel)
    sources = {package.name for package in packages if isinstance(package, LockedSdist)}
    for name in sorted(sources & known["builds"].keys()):
        asked |= dict.fromkeys(
            (debian for debian in known["builds"][name] if debian not in asked), name
        )
    return asked


def _say_no_base(python: ChosenPython, debian: Mapping[str, str], reporter: Reporter) -> None:
    reporter.say(
        f"note: no release of Debian has Python {python.version} "
        f"({', '.join(f'{name} {text}' for name, text in debian.items())}): "
        "this environment can be built only where an image registry can be reached"
    )


def _has_all(base: DebianBase | None, required: Sequence[str]) -> bool:
    return base is not None and set(required) <= {package.name for package in base.packages}


def _added(old: Lock | None, release: str) -> tuple[LockedDebian, ...]:
    found = () if old is None else old.debian_packages
    return tuple(package for package in found if package.release == release)


def _is_asked_alike(old: Lock | None, release: str, pairs: Mapping[tuple[str, str], None]) -> bool:
    """Tell whether a lock was asked for the same packages, for this Debian release, too.

    What it has is not compared by name: `libglib2.0-0` is in the package `libglib2.0-0t64`.
    """
    if old is None:
        return False
    releases = {old.registry_base.release, old.debian_base.suite if old.debian_base else ""}
    return release in releases and {name for name, _ in pairs} == {name for name, _ in old.debian}


def _with_places(
    exc: DebianPackageUnknownError, release: str, names: Mapping[str, str], project: Project
) -> DebianPackageUnknownError:
    """Return the error with who asked for each package: a line, or a wheel's name."""
    if not exc.unknown:
        return exc
    text = (files.read_bytes(project.root / PYPROJECT) or b"").decode("utf-8", "replace")
    lines = []
    for name, similar in exc.unknown.items():
        near = f"; similar: {', '.join(similar)}" if similar else ""
        by = names.get(name, PYPROJECT)
        if by == PYPROJECT:
            found = (n for n, line in enumerate(text.splitlines(), 1) if f'"{name}"' in line)
            by = f"{by}:{next(found, 1)}"
        lines.append(f"{by}: Debian {release} has no `{name}`{near}")
    return DebianPackageUnknownError(
        "\n".join(lines), remedy="correct the name or remove it, then run: hakobune lock"
    )


def _require_versions(
    spec: EnvironmentSpec,
    asked: Mapping[str, Mapping[str, str]],
    locked: Sequence[LockedDebian],
    reporter: Reporter,
) -> None:
    """Raise DebianPackageUnknownError where Debian has another version than a line asks for.

    An exported file says what there was: there, another version is only told.
    """
    problems = []
    for wanted in spec.debian:
        for release in asked:
            version = _version_of(wanted, release, locked)
            if not version or any(
                SpecifierSet(text).contains(version, prereleases=True) for text in wanted.versions
            ):
                continue
            what = (
                f"{wanted.place}: `{wanted.written}`: Debian {release} has {wanted.name} {version}"
            )
            if wanted.is_exact:
                problems.append(what)
            else:
                reporter.say(f"note: {what}, which is taken")
    if problems:
        raise DebianPackageUnknownError(
            "\n".join(problems),
            remedy="ask for the version that Debian has, or for none (the name alone); the Debian "
            "release follows the Python (docs/reference/environment-file.md)",
            place=problems[0].partition(": ")[0],
        )


def _version_of(wanted: SystemPackage, release: str, locked: Sequence[LockedDebian]) -> str:
    """Return the version of the software in a Debian release; empty where it is the base's own."""
    for package in locked:
        if package.release == release and fnmatch.fnmatch(
            package.name.removesuffix("t64"), wanted.version_of
        ):
            return str(upstream(package.version) or "")
    return ""
