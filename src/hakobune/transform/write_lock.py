"""Lock (value) to the text of a lock file. Same value, same bytes; no I/O, no clock.

One line per package, so that a change of one package changes one line. `read_lock` rejects a file
whose last line, the seal, does not match.
"""

import json
from typing import assert_never

from hakobune.model.lock import (
    SCHEMA_VERSION,
    Lock,
    LockedConda,
    LockedDebian,
    LockedPackage,
    LockedSdist,
    LockedWheel,
    kind_of,
)
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
        *_pairs("included", ("path", "sha256"), lock.included),
        *_pairs("variables", ("name", "value"), lock.variables),
        *_indexes(lock),
        *_overrides(lock),
        *_pairs("debian", ("name", "asked_by"), lock.debian),
        "",
        "# What builds the image and is not in it.",
        *_array("tools", tuple(_package(wheel) for wheel in lock.tools)),
        *_builders(lock),
        "",
        *_array("packages", tuple(_package(package) for package in lock.packages)),
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
            *_array("packages", tuple(_table(_debian(item)) for item in lock.debian_base.packages)),
        ]
        if lock.debian_base.headers:
            headers = tuple(_table(_debian(item)) for item in lock.debian_base.headers)
            lines += _array("headers", headers)
    return seal("\n".join(lines) + "\n")


def _text(value: str) -> str:
    """Return a TOML basic string; JSON's escapes are a subset of TOML's."""
    return json.dumps(value, ensure_ascii=False)


def _array(key: str, items: tuple[str, ...]) -> list[str]:
    return [f"{key} = [", *(f"  {item}," for item in items), "]"]


def _builders(lock: Lock) -> list[str]:
    """Return what builds the wheels of source distributions; nothing where there are none."""
    return _array("builders", tuple(map(_package, lock.builders))) if lock.builders else []


def _overrides(lock: Lock) -> list[str]:
    return _array("overrides", tuple(map(_text, lock.overrides))) if lock.overrides else []


def _pairs(key: str, names: tuple[str, str], pairs: tuple[tuple[str, str], ...]) -> list[str]:
    """Return an array of tables; nothing where it is empty, as in most locks."""
    rows = tuple(_table(dict(zip(names, pair, strict=True))) for pair in pairs)
    return _array(key, rows) if rows else []


def _indexes(lock: Lock) -> list[str]:
    """Return the indexes; nothing where none is named, as in most locks."""
    rows = []
    for index in lock.indexes:
        row: dict[str, str | int] = {"name": index.name} if index.name else {}
        row |= {"address": index.address, "role": "default" if index.is_default else "extra"}
        rows.append(
            _table(row | ({"packages": " ".join(index.packages)} if index.packages else {}))
        )
    return _array("indexes", tuple(rows)) if rows else []


def _package(package: LockedPackage) -> str:
    """Return the line of a package. A wheel has no `kind`: it was the only one at first."""
    match package:
        case LockedWheel():
            return _table({**_file(package), **_index(package), **_address(package)})
        case LockedSdist():
            built = {"builders": " ".join(package.builders), "wheel_sha256": package.wheel_sha256}
            accepted = {"accepted": "differs"} if package.is_accepted else {}
            known = {**_file(package), **built, **accepted, **_index(package), **_address(package)}
            return _table({"kind": kind_of(package), **known})
        case LockedDebian():
            return _table({"kind": kind_of(package), **_debian(package)})
        case LockedConda():
            subdir = {"subdir": package.subdir}
            return _table({"kind": kind_of(package), **_file(package), **subdir})
        case _:
            assert_never(package)


def _address(package: LockedWheel | LockedSdist) -> dict[str, str]:
    return {"address": package.address} if package.address else {}


def _file(package: LockedWheel | LockedSdist | LockedConda) -> dict[str, str | int]:
    return {
        "name": package.name,
        "version": package.version,
        "file": package.file,
        "size": package.size,
        "sha256": package.sha256,
    }


def _index(package: LockedWheel | LockedSdist) -> dict[str, str | int]:
    """Return where it comes from; nothing for the default index, as with most packages."""
    return {"index": package.index} if package.index else {}


def _debian(package: LockedDebian) -> dict[str, str | int]:
    suite: dict[str, str | int] = {"suite": package.suite} if package.suite else {}
    return {
        "name": package.name,
        "version": package.version,
        "architecture": package.architecture,
        "size": package.size,
        "sha256": package.sha256,
        "path": package.path,
        **suite,
    }


def _table(values: dict[str, str | int]) -> str:
    """Return a TOML inline table."""
    pairs = (
        f"{key} = {value if isinstance(value, int) else _text(value)}"
        for key, value in values.items()
    )
    return f"{{ {', '.join(pairs)} }}"
