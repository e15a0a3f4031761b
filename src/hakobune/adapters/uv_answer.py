"""What uv's answer is read with: the image's markers and tags, and an earlier answer. No I/O."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # only `lock` needs it, so that other commands start without it
    from packaging.markers import Environment
    from packaging.tags import Tag

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
