"""The wanted Python to those that base images have. No I/O.

An official image `python:3.13-slim-trixie` is made of one Debian release; Debian's own Python is
another base, for a machine that reaches no registry. A lock has to be right for either.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import Version

OLDEST = Version("3.7")
# What the loaders of Debian's releases offer to wheels: https://sources.debian.org/src/glibc/
GLIBC = {"stretch": 24, "buster": 28, "bullseye": 31, "bookworm": 36, "trixie": 41, "forky": 42}


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseTable:
    """Which Pythons there are: `images` by release (`3.13.5`), and `debian` by Debian's release.

    The values of `images` are Debian releases; those of `debian` are versions of Python.
    """

    images: Mapping[str, str]
    debian: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenPython:
    """A Python for an image.

    `version` is as the image's tag has it (`3.13`, or `3.13.1` where only that release fits), and
    `solved_for` the release that the solve is for: the oldest that a base may have. `suite` is the
    Debian release of the official image, empty where there is none, and `debian_suite` that of
    Debian's own Python. `glibc` is the minor version that wheels may ask for.
    """

    version: str
    solved_for: str
    suite: str
    debian_suite: str
    glibc: int


def choose_python(wanted: tuple[str, ...], table: BaseTable, kept: str = "") -> list[ChosenPython]:
    """Return the Pythons that fit, the best first: what a lock has already, then the newest.

    `wanted` are alternatives, each a specifier; `kept` is an earlier lock's version. Empty where no
    base has a Python that fits.
    """
    found = dict.fromkeys(
        chosen for text in wanted for chosen in _fitting(SpecifierSet(text), table)
    )
    newest_first = sorted(found, key=lambda chosen: Version(chosen.solved_for), reverse=True)
    return sorted(newest_first, key=lambda chosen: chosen.version != kept)


def _fitting(wanted: SpecifierSet, table: BaseTable) -> list[ChosenPython]:
    minors = sorted({_minor(text) for text in (*table.images, *table.debian.values())}, key=Version)
    chosen = [_in_minor(minor, wanted, table) for minor in minors if Version(minor) >= OLDEST]
    return [found for found in chosen if found is not None]


def _in_minor(minor: str, wanted: SpecifierSet, table: BaseTable) -> ChosenPython | None:
    """Return the newest release of a minor version that fits; None where none does."""
    images = sorted((text for text in table.images if _minor(text) == minor), key=Version)
    debian = {text: suite for suite, text in table.debian.items() if _minor(text) == minor}
    fitting = [text for text in images if wanted.contains(text, prereleases=True)]
    own = [text for text in debian if wanted.contains(text, prereleases=True)]
    if not fitting and not own:
        return None
    newest = fitting[-1] if fitting else ""
    # The tag without a patch moves on to newer releases: only where any newer one fits, too.
    is_open = wanted.contains(f"{minor}.999") and newest in {"", *images[-1:]}
    releases = [*fitting[-1:], *(own if is_open else [text for text in own if text == newest])]
    releases = releases or own
    suites = [table.images[text] for text in releases if text in table.images]
    debian_suites = [debian[text] for text in releases if text in debian]
    return ChosenPython(
        version=minor if is_open else releases[0],
        solved_for=min(releases, key=Version),
        suite=table.images.get(newest, ""),
        debian_suite=debian_suites[0] if debian_suites else "",
        glibc=min(GLIBC[suite] for suite in (*suites[:1], *debian_suites)),
    )


def _minor(text: str) -> str:
    return ".".join(text.split(".")[:2])
