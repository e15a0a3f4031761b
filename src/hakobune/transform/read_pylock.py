"""pylock.toml (PEP 751) to locked wheels. No I/O. Addresses of files are left behind on purpose."""

import tomllib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from hakobune.model.lock import LockedWheel

# Newest first, as an installer prefers them; 2_41 is the C library of Debian trixie.
_PLATFORMS = [
    *(f"manylinux_2_{minor}_x86_64" for minor in range(41, 4, -1)),
    "linux_x86_64",
]


def read_pylock(text: str, *, python: str) -> tuple[LockedWheel, ...]:
    """Return one wheel for each package, sorted by name: the one that CPython would install."""
    ranks = _ranks(python)
    wheels = []
    for package in tomllib.loads(text)["packages"]:
        best = min(package["wheels"], key=lambda wheel: _rank(wheel, ranks))
        wheels.append(
            LockedWheel(
                name=package["name"],
                version=package["version"],
                file=_file_name(best),
                size=best.get("size", 0),
                sha256=best["hashes"]["sha256"],
            )
        )
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def _file_name(wheel: Mapping[str, Any]) -> str:
    name = wheel.get("name") or urlsplit(wheel["url"]).path.rpartition("/")[2]
    return unquote(str(name))


def _rank(wheel: Mapping[str, Any], ranks: Mapping[Tag, int]) -> int:
    """Return the place of a wheel in the order of preference; unusable ones come last."""
    tags = parse_wheel_filename(_file_name(wheel))[3]
    return min((ranks[tag] for tag in tags if tag in ranks), default=len(ranks))


def _ranks(python: str) -> dict[Tag, int]:
    major, minor = (int(part) for part in python.split(".")[:2])
    version = (major, minor)
    tags = [
        *cpython_tags(version, platforms=_PLATFORMS),
        *compatible_tags(version, f"cp{major}{minor}", platforms=_PLATFORMS),
    ]
    return {tag: place for place, tag in enumerate(tags)}
