"""A question to packages: wheels, and source distributions where nothing else fits.

A source distribution is read, never run: uv gets what it says of itself. Its wheel is built in the
image's build, which compares what comes out with what was read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote

from packaging.requirements import Requirement
from packaging.version import Version

from hakobune.adapters import resolver
from hakobune.adapters.download import download
from hakobune.adapters.process import Runner
from hakobune.adapters.resolver import KnownSdist, Question
from hakobune.errors import (
    PackageUnknownError,
    ResolutionImpossibleError,
    SdistInvalidError,
    WheelMissingError,
)
from hakobune.model.lock import COMPILER, Lock, LockedSdist, LockedWheel
from hakobune.model.spec import requirement_name
from hakobune.stages.outside import fetch_named
from hakobune.transform.read_sdist import SdistFacts, read_sdist

_MOST_ROUNDS = 40
_BUILD_TOOLS = {"cmake", "cython", "ninja", "packaging", "setuptools", "wheel"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The packages, and what builds the source distributions among them.

    `notes` are what a user should know of them, and `overrides` what was decided against them.
    """

    packages: tuple[LockedWheel | LockedSdist, ...]
    builders: tuple[LockedWheel, ...] = ()
    notes: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def is_compiled(self) -> bool:
        """Tell whether a compiler builds one of them."""
        return any(wheel.name == COMPILER for wheel in self.builders)


@dataclass(slots=True)
class _Sdists:
    """The source distributions that may be taken, by name; one release of each.

    `guessed` are those of which uv named no release, so that another one may have a wheel, and
    `useless` the ones among them with which nothing fits.
    """

    known: dict[str, KnownSdist] = field(default_factory=dict)
    facts: dict[str, SdistFacts] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)
    useless: set[str] = field(default_factory=set)


def solve(runner: Runner, question: Question, *, env: Mapping[str, str]) -> Solution:
    """Return what the question asks for. Raises what the resolver raises, or SdistInvalidError.

    A package becomes a source distribution only if the index has no wheel of it that fits.
    """
    with TemporaryDirectory(prefix="hakobune-") as folder:
        local, facts = fetch_named(runner, question, Path(folder), env=env)
        sdists = _Sdists(
            known={
                name: KnownSdist(
                    name=name, version=local.outside[name].version, requires=one.requires
                )
                for name, one in facts.items()
            },
            facts=facts,
        )
        return _solve(runner, local, sdists, env)


def _solve(
    runner: Runner, question: Question, sdists: "_Sdists", env: Mapping[str, str]
) -> Solution:
    for _ in range(_MOST_ROUNDS):
        pins = tuple(f"{known.name}=={known.version}" for known in sdists.known.values())
        asked = replace(
            question,
            known=tuple(sdists.known.values()),
            # Of another release nothing is known, and uv would run its code on this machine.
            constraints=(*question.constraints, *pins),
        )
        try:
            packages = resolver.solve(runner, asked, env=env)
        except WheelMissingError as exc:
            if not _read_more(exc, sdists, runner, asked, env):
                raise
            continue
        except ResolutionImpossibleError as exc:
            if not sdists.guessed:
                raise
            pinned = {f"{name}=={sdists.known[name].version}": name for name in sdists.guessed}
            at_fault = {name for pin, name in pinned.items() if pin in exc.proof} or sdists.guessed
            for name in at_fault:
                del sdists.known[name], sdists.facts[name]
            sdists.useless |= at_fault
            sdists.guessed -= at_fault
            continue
        if _read_stable(packages, sdists, runner, question, env):
            continue
        return _with_builders(packages, sdists, runner, question, env)
    raise SdistInvalidError(
        f"{question.file}: more than {_MOST_ROUNDS} packages have no wheel",
        remedy="choose another Python: for this one most of the releases have no wheels",
        place=question.file,
    )


def _read_more(
    missing: WheelMissingError,
    sdists: _Sdists,
    runner: Runner,
    asked: Question,
    env: Mapping[str, str],
) -> bool:
    """Read the source distributions that are missing; return whether there was a new one.

    uv's proof names releases that have no wheel, and packages of which some release has none: the
    latter may do without, once the former are there.
    """
    names = {wanted: requirement_name(wanted) for wanted in missing.lacking}
    left = [w for w in names if names[w] not in {*sdists.known, *sdists.useless}]
    certain = [wanted for wanted in left if wanted != names[wanted]]
    if not certain and left:
        fitting = _releases_that_fit(left, asked, runner, env)
        left = [f"{name}=={fitting[name]}" if name in fitting else name for name in left]
    is_new = False
    for wanted in certain or left:
        is_new |= _read_one(wanted, sdists, runner, asked, env, is_guessed=not certain)
    return is_new


def _releases_that_fit(
    names: Sequence[str], asked: Question, runner: Runner, env: Mapping[str, str]
) -> dict[str, str]:
    """Return which release of each package uv takes where any of its releases may be built.

    Their own requirements are not known yet, so this is a guess; empty where nothing fits.
    """
    free = dict.fromkeys(names)
    for _ in range(_MOST_ROUNDS):
        open_ones = tuple(KnownSdist(name=name, version="", requires=()) for name in free)
        try:
            packages = resolver.solve(
                runner, replace(asked, known=(*asked.known, *open_ones)), env=env
            )
        except WheelMissingError as exc:
            more = {requirement_name(wanted) for wanted in exc.lacking} - free.keys()
            more -= {known.name for known in asked.known}
            if not more:
                return {}
            free |= dict.fromkeys(sorted(more))
            continue
        except (PackageUnknownError, ResolutionImpossibleError):
            return {}
        return {package.name: package.version for package in packages if package.name in names}
    return {}


def _read_stable(
    packages: Sequence[LockedWheel | LockedSdist],
    sdists: _Sdists,
    runner: Runner,
    question: Question,
    env: Mapping[str, str],
) -> bool:
    """Read the sources of releases that only pre-releases have wheels beside; tell whether any.

    uv takes a pre-release where no other release has a wheel, and nobody asked for one.
    """
    asked_for = {
        requirement_name(text)
        for text in (*question.requirements, *question.constraints)
        if Requirement(text).specifier.prereleases
    }
    odd = [
        package.name
        for package in packages
        if isinstance(package, LockedWheel)
        and Version(package.version).is_prerelease
        and package.name not in {*sdists.known, *sdists.useless, *asked_for, *question.outside}
        # What an earlier lock has was looked at then.
        and f"{package.name}=={package.version}" not in question.preferred
    ]
    if question.takes_prereleases or not odd:
        return False
    newest = resolver.newest(runner, odd, question, env=env)
    is_new = False
    for name in odd:
        version = newest.get(name, ("", None))[0]
        is_read = bool(version) and not Version(version).is_prerelease
        if is_read:
            is_read = _read_one(
                f"{name}=={version}", sdists, runner, question, env, is_guessed=True
            )
        if not is_read:
            sdists.useless.add(name)
        is_new |= is_read
    return is_new


def _read_one(  # noqa: PLR0913 - what is wanted, where it goes, and how to ask
    wanted: str,
    sdists: _Sdists,
    runner: Runner,
    question: Question,
    env: Mapping[str, str],
    *,
    is_guessed: bool,
) -> bool:
    """Read a source distribution, and make it one that may be taken; tell whether there is one."""
    found = resolver.locate_sdist(runner, wanted, question, env=env)
    if found is None:
        return False
    content = download(found.address, file=found.file, sha256=found.sha256, env=env)
    try:
        facts = read_sdist(content, file=found.file)
    except ValueError as exc:
        raise SdistInvalidError(str(exc), remedy="choose another release of this package") from exc
    sdists.known[found.name] = KnownSdist(
        name=found.name, version=found.version, requires=facts.requires
    )
    sdists.facts[found.name] = facts
    if is_guessed:
        sdists.guessed.add(found.name)
    return True


def _with_builders(
    packages: tuple[LockedWheel | LockedSdist, ...],
    sdists: _Sdists,
    runner: Runner,
    question: Question,
    env: Mapping[str, str],
) -> Solution:
    """Add what builds each source distribution: each has a place of its own to be built in."""
    builders: dict[str, LockedWheel] = {}
    found: list[LockedWheel | LockedSdist] = []
    compiler: dict[str, LockedWheel] = {}
    for package in packages:
        if isinstance(package, LockedWheel):
            found.append(package)
            continue
        facts = sdists.facts[package.name]
        wheels = _builders_of(package, facts, runner, _beside(packages, package, question), env)
        if facts.needs_compiler:
            compiler = compiler or _compiler(runner, question, env)
            wheels |= compiler
        builders |= wheels
        found.append(replace(package, builders=tuple(wheels)))
    return Solution(
        packages=tuple(found),
        builders=tuple(builders[pin] for pin in sorted(builders)),
        notes=tuple(
            f"{package.name} {package.version} has sources in {languages}, which hakobune has no "
            "compiler for: its build succeeds only if it can do without them"
            for package in packages
            if isinstance(package, LockedSdist)
            and (languages := " and ".join(sdists.facts[package.name].languages))
        ),
    )


def _beside(
    packages: Sequence[LockedWheel | LockedSdist], package: LockedSdist, question: Question
) -> Question:
    """Return the question for what builds a package, with an earlier lock's answer preferred.

    Without one, what it builds with is what it later runs with: a C extension fits the NumPy that
    it was compiled for. Tools of the build are the newest that fit.
    """
    pins = question.preferred_builders.get(package.name) or tuple(
        f"{one.name}=={one.version}"
        for one in packages
        if isinstance(one, LockedWheel) and one.name not in _BUILD_TOOLS
    )
    return replace(question, preferred=pins)


def _builders_of(
    package: LockedSdist,
    facts: SdistFacts,
    runner: Runner,
    question: Question,
    env: Mapping[str, str],
) -> dict[str, LockedWheel]:
    """Return the wheels that build it, by pin. Raises what the resolver raises, with its name."""
    wanted = replace(
        question,
        requirements=facts.builders,
        constraints=(),
        takes_prereleases=False,
        places={},
        outside={},
    )
    try:
        wheels = resolver.solve(runner, wanted, env=env)
    except (PackageUnknownError, ResolutionImpossibleError, WheelMissingError) as exc:
        raise SdistInvalidError(
            f"{package.name} {package.version} has no wheel that fits, and what builds it "
            f"({', '.join(facts.builders)}) cannot be had:\n{exc.what}",
            remedy=f"choose another release of {package.name}, or another Python",
            place=next(iter(question.places.get(package.name, ())), question.file),
        ) from exc
    return {f"{w.name}=={w.version}": w for w in wheels if isinstance(w, LockedWheel)}


def _compiler(runner: Runner, question: Question, env: Mapping[str, str]) -> dict[str, LockedWheel]:
    """Return the wheel of the compiler of C and C++, by pin; an earlier lock's is kept."""
    before = (pin for pins in question.preferred_builders.values() for pin in pins)
    wanted = replace(
        question,
        requirements=(COMPILER,),
        constraints=(),
        preferred=tuple(pin for pin in before if requirement_name(pin) == COMPILER)[:1],
        places={},
        known=(),
    )
    wheels = resolver.solve(runner, wanted, env=env)
    return {f"{w.name}=={w.version}": w for w in wheels if isinstance(w, LockedWheel)}


def settled(
    solution: Solution, old: Lock | None, python: str, accepted: Sequence[str]
) -> tuple[LockedWheel | LockedSdist, ...]:
    """Return the packages with what an earlier lock knows of the wheels of the same sources.

    A source distribution of a name in `accepted` may give another wheel with each build, unless
    its source is not the one that the earlier lock had: then nothing is known of its builds.
    """
    taken = {requirement_name(name) for name in accepted}
    before = {sdist.name: sdist for sdist in old.sdists} if old else {}
    packages: list[LockedWheel | LockedSdist] = []
    for package in solution.packages:
        if isinstance(package, LockedSdist):
            known = before.get(package.name, package)
            if package.name in taken and known.sha256 == package.sha256:
                packages.append(replace(package, is_accepted=True))
                continue
            # Other builders, or another Python, may make another wheel.
            is_same = known.sha256 == package.sha256 and known.builders == package.builders
            if is_same and old is not None and old.python == python:
                sha256, was_accepted = known.wheel_sha256, known.is_accepted
                packages.append(replace(package, wheel_sha256=sha256, is_accepted=was_accepted))
                continue
        packages.append(package)
    return tuple(packages)


def accepted_notes(packages: Sequence[LockedWheel | LockedSdist]) -> tuple[str, ...]:
    """Return a line for each package whose wheel no build is compared with."""
    return tuple(
        f"{package.name} {package.version}: each build may give another wheel, which was accepted; "
        "`hakobune vendor` keeps one"
        for package in packages
        if isinstance(package, LockedSdist) and package.is_accepted and not package.wheel_sha256
    )


def with_paths(solution: Solution, root: Path) -> Solution:
    """Return the packages with the files of a folder of links as paths below the project's root."""
    packages: list[LockedWheel | LockedSdist] = []
    for package in solution.packages:
        path = Path(unquote(package.address.removeprefix("file://")))
        if package.address.startswith("file://"):
            inside = path.resolve().relative_to(root.resolve()).as_posix()
            packages.append(replace(package, address=f"file:{inside}"))
        else:
            packages.append(package)
    return replace(solution, packages=tuple(packages))
