"""Lock (value) to the text of a lock file. Same value, same bytes; no I/O, no clock.

One package a line, so that a change of one package is a change of one line. `read_lock` refuses a
file whose last line, the seal, does not fit.
"""

import json

from hakobune.model.lock import SCHEMA_VERSION, DebianPackage, Lock, LockedWheel
from hakobune.transform.seal import seal


def write_lock(lock: Lock, *, written_from: str) -> bytes:
    """Return the bytes of the lock file (TOML). `written_from` names the conda file in its head."""
    lines = [
        f"# Written by `hakobune lock` from {written_from}; not to be edited by hand.",
        f"schema_version = {SCHEMA_VERSION}",
        f"environment = {_text(lock.environment)}",
        f"environment_sha256 = {_text(lock.environment_sha256)}",
        f"platform = {_text(lock.platform)}",
        f"python = {_text(lock.python)}",
        *_array("requirements", tuple(_text(text) for text in lock.requirements)),
        "",
        "# What builds the image and is not in it.",
        *_array("tools", tuple(_wheel(wheel) for wheel in lock.tools)),
        "",
        *_array("packages", tuple(_wheel(wheel) for wheel in lock.packages)),
        "",
        "# The base as a registry has it; the first `hakobune build` that reaches one fills it in.",
        "[base.registry]",
        f"image = {_text(lock.registry_base.image)}",
        f"digest = {_text(lock.registry_base.digest or '')}",
    ]
    if lock.debian_base is not None:
        lines += [
            "",
            "# The base as Debian's packages make it, where no registry answers.",
            "[base.debian]",
            f"suite = {_text(lock.debian_base.suite)}",
            *_array("packages", tuple(_debian(item) for item in lock.debian_base.packages)),
        ]
    return seal("\n".join(lines) + "\n")


def _text(value: str) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _array(key: str, items: tuple[str, ...]) -> list[str]:
    return [f"{key} = [", *(f"  {item}," for item in items), "]"]


def _wheel(wheel: LockedWheel) -> str:
    return (
        f"{{ name = {_text(wheel.name)}, version = {_text(wheel.version)}, "
        f"file = {_text(wheel.file)}, size = {wheel.size}, sha256 = {_text(wheel.sha256)} }}"
    )


def _debian(package: DebianPackage) -> str:
    return (
        f"{{ name = {_text(package.name)}, version = {_text(package.version)}, "
        f"architecture = {_text(package.architecture)}, size = {package.size}, "
        f"sha256 = {_text(package.sha256)}, path = {_text(package.path)} }}"
    )
