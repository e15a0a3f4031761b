"""What uv's answer is read with: the image's markers and tags, and an earlier answer. No I/O."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from hakobune.errors import ResolutionImpossibleError
from hakobune.model.lock import LockedSdist, LockedWheel

if TYPE_CHECKING:  # only `lock` needs it, so that other commands start without it
    from packaging.markers import Environment
    from packaging.pylock import Package, PackageSdist, PackageWheel
    from packaging.tags import Tag

    from hakobune.adapters.resolver import Question

# PEP 600: the older names of manylinux_2_17, 2_12 and 2_5.
_FORMER_PLATFORMS = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")


def image_environment(python: str) -> "Environment":
    """Return the values of a conda file's markers in the image, whatever machine this is."""
    full = python if python.count(".") > 1 else f"{python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }


def image_tags(python: str, newest_glibc: int) -> list["Tag"]:
    """Return what CPython in the image can install, best first."""
    from packaging.tags import compatible_tags, cpython_tags  # noqa: PLC0415 - only `lock` needs it

    major, minor = (int(part) for part in python.split(".")[:2])
    version = (major, minor)
    glibc = [f"manylinux_2_{number}_x86_64" for number in range(newest_glibc, 4, -1)]
    platforms = [*glibc, "linux_x86_64"]
    return [
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, f"cp{major}{minor}", platforms=platforms),
        # Last, although an installer prefers these wheels to pure Python: locks that exist were
        # made without them and are not to change.
        *cpython_tags(version, platforms=_FORMER_PLATFORMS),
        *compatible_tags(version, f"cp{major}{minor}", platforms=_FORMER_PLATFORMS),
    ]


def earlier_answer(pins: Sequence[str]) -> str:
    """Return the least pylock.toml that holds these pins (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "hakobune"']
    for pin in pins:
        name, _, version = pin.partition("==")
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}"]
    return "\n".join(lines) + "\n"


def chosen_files(answer: str, question: "Question") -> tuple[LockedWheel | LockedSdist, ...]:
    """Return one file for each package: the best wheel that the image takes, or the source."""
    from packaging.pylock import (  # noqa: PLC0415 - as above
        Pylock,
        PylockSelectError,
        PylockValidationError,
    )

    try:
        pylock = Pylock.from_dict(tomllib.loads(answer))
        chosen = pylock.select(
            environment=image_environment(question.python),
            tags=image_tags(question.python, question.glibc),
        )
        packages = [_locked(package, found, question) for package, found in chosen]
    except (tomllib.TOMLDecodeError, PylockSelectError, PylockValidationError) as exc:
        raise ResolutionImpossibleError(
            f"{question.file}: uv's answer cannot be locked: {exc}",
            remedy="every package must have a wheel for this Python on linux/amd64, and the index "
            "must give its sha256; choose another version or index",
        ) from exc
    return tuple(sorted(packages, key=lambda package: package.name))


def _locked(package: "Package", file: object, question: "Question") -> LockedWheel | LockedSdist:
    """Return the package. Raises PylockValidationError unless its file is one that may be taken."""
    from packaging.pylock import (  # noqa: PLC0415 - as above
        PackageArchive,
        PackageSdist,
        PackageWheel,
        PylockValidationError,
    )

    outside = question.outside.get(package.name)
    if isinstance(file, PackageArchive) and outside is not None:
        kind = LockedWheel if outside.file.endswith(".whl") else LockedSdist
        return kind(name=package.name, **asdict(outside))
    is_known = isinstance(file, PackageSdist) and package.name in {k.name for k in question.known}
    if not isinstance(file, PackageWheel) and not is_known:
        raise PylockValidationError(f"{package.name} {package.version} has no wheel with a sha256")
    if not isinstance(file, PackageWheel | PackageSdist) or "sha256" not in file.hashes:
        raise PylockValidationError(f"{package.name} {package.version} has no wheel with a sha256")
    kind = LockedWheel if isinstance(file, PackageWheel) else LockedSdist
    return kind(
        name=package.name,
        version=str(package.version),
        file=file.filename,
        size=file.size or 0,
        sha256=file.hashes["sha256"],
        address=_link_of(package, file, question.links),
        uploaded=file.upload_time,
    )


def _link_of(package: "Package", file: "PackageWheel | PackageSdist", links: Sequence[str]) -> str:
    """Return the address of a file that comes from a list of links; empty if an index has it."""
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ())]
    files += [package.sdist] if package.sdist else []
    sha256 = file.hashes["sha256"]
    same = [str(one.url) for one in files if one.hashes.get("sha256") == sha256]
    if not links or any(not _is_linked(url, links) for url in same):
        return ""
    return same[0]


def _is_linked(url: str, links: Sequence[str]) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "file" or any(
        (parts.scheme, parts.netloc) == urlsplit(link)[:2] for link in links
    )
