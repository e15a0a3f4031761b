"""A question to packages: wheels, and source distributions where nothing else fits.

A source distribution is read, never run: uv gets what it says of itself. Its wheel is built in the
image's build, which compares what comes out with what was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hakobune.adapters import resolver
from hakobune.adapters.download import download
from hakobune.adapters.process import Runner
from hakobune.adapters.resolver import KnownSdist, Question
from hakobune.errors import SdistInvalidError, WheelMissingError
from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.model.spec import requirement_name
from hakobune.transform.read_sdist import SdistFacts, read_sdist

_MOST_ROUNDS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The packages, and what builds the source distributions among them.

    `compiled` are those of them that have sources of a compiled language, as `name version`.
    """

    packages: tuple[LockedWheel | LockedSdist, ...]
    builders: tuple[LockedWheel, ...] = ()
    compiled: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sdists:
    """The source distributions that may be taken, by name; one release of each."""

    known: dict[str, KnownSdist] = field(default_factory=dict)
    facts: dict[str, SdistFacts] = field(default_factory=dict)


def solve(runner: Runner, question: Question, *, env: Mapping[str, str]) -> Solution:
    """Return what the question asks for. Raises what the resolver raises, or SdistInvalidError.

    A package becomes a source distribution only if the index has no wheel of it that fits.
    """
    sdists = _Sdists()
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
            if not _read_more(exc, sdists, runner, question, env):
                raise
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
    question: Question,
    env: Mapping[str, str],
) -> bool:
    """Read the source distributions that are missing; return whether there was a new one."""
    is_new = False
    for wanted in missing.lacking:
        if requirement_name(wanted) in sdists.known:
            continue
        found = resolver.locate_sdist(runner, wanted, question, env=env)
        if found is None:
            continue
        content = download(found.address, file=found.file, sha256=found.sha256, env=env)
        try:
            facts = read_sdist(content, file=found.file)
        except ValueError as exc:
            raise SdistInvalidError(
                str(exc), remedy="choose another release of this package"
            ) from exc
        sdists.known[found.name] = KnownSdist(
            name=found.name, version=found.version, requires=facts.requires
        )
        sdists.facts[found.name] = facts
        is_new = True
    return is_new


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
    for package in packages:
        if isinstance(package, LockedWheel):
            found.append(package)
            continue
        wheels = resolver.solve(
            runner,
            replace(
                question,
                requirements=sdists.facts[package.name].builders,
                constraints=(),
                preferred=question.preferred_builders.get(package.name, ()),
                takes_prereleases=False,
            ),
            env=env,
        )
        pins = tuple(f"{wheel.name}=={wheel.version}" for wheel in wheels)
        builders |= {
            pin: wheel
            for pin, wheel in zip(pins, wheels, strict=True)
            if isinstance(wheel, LockedWheel)
        }
        found.append(replace(package, builders=pins))
    return Solution(
        packages=tuple(found),
        builders=tuple(builders[pin] for pin in sorted(builders)),
        compiled=tuple(
            f"{package.name} {package.version}"
            for package in packages
            if isinstance(package, LockedSdist) and sdists.facts[package.name].needs_compiler
        ),
    )
