"""The text of a lock file to a Lock (value). No I/O.

A lock decides what is installed, so nothing in it is taken on trust: the seal must fit, every key
must be known, and every name and hash must have the form that a Dockerfile can hold.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from hakobune.errors import LockDamagedError
from hakobune.model.lock import (
    PLATFORM,
    SCHEMA_VERSION,
    DebianBase,
    DebianPackage,
    Lock,
    LockedWheel,
    RegistryBase,
)
from hakobune.transform.seal import is_sealed

_FORMS = {
    "name": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*"),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!:~-]*"),
    "file": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl"),
    "path": re.compile(r"pool/[A-Za-z0-9._+~%/-]+\.deb"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "architecture": re.compile(r"all|amd64"),
    "suite": re.compile(r"[a-z]+"),
    "python": re.compile(r"3\.\d+(\.\d+)?"),
    "platform": re.compile(re.escape(PLATFORM)),
    "environment": re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*"),
    "environment_sha256": re.compile(r"[0-9a-f]{64}"),
    "image": re.compile(r"[a-z0-9][a-z0-9.:/_-]*"),
    "digest": re.compile(r"(sha256:[0-9a-f]{64})?"),
}


def read_lock(content: bytes, *, file: str) -> Lock:
    """Return what the lock file of these bytes says.

    Raises LockDamagedError when it was edited, cut short, or comes from a newer hakobune.
    """
    try:
        return _read(content)
    except _DamageError as exc:
        raise LockDamagedError(
            f"{file}{exc.args[0]}",
            remedy="restore the committed file (git checkout), or lock again: hakobune lock",
        ) from exc


class _DamageError(Exception):
    """What is wrong, as `:line: what` or `: what`; never leaves this module."""


def _read(content: bytes) -> Lock:
    try:
        text = content.decode()
        tree = tomllib.loads(text)
    except UnicodeDecodeError:
        raise _DamageError(": not UTF-8 text") from None
    except tomllib.TOMLDecodeError as exc:
        found = re.search(r"^(.*) \(at line (\d+), .*\)$", str(exc))
        where = f":{found[2]}: {found[1]}" if found else f": {exc}"
        raise _DamageError(where) from None
    version = tree.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        known = f"this hakobune reads schema_version {SCHEMA_VERSION}"
        raise _DamageError(f":2: schema_version is {version!r}; {known}")
    if not is_sealed(content):
        raise _DamageError(": changed by hand or by a merge (its last line, the seal, is broken)")
    base = _take(tree, "base", dict)
    debian = base.pop("debian", None)
    registry = _take(base, "registry", dict)
    lock = Lock(
        environment=_word(tree, "environment"),
        environment_sha256=_word(tree, "environment_sha256"),
        platform=_word(tree, "platform"),
        python=_word(tree, "python"),
        requirements=tuple(str(item) for item in _take(tree, "requirements", list)),
        registry_base=RegistryBase(
            image=_word(registry, "image"), digest=_word(registry, "digest") or None
        ),
        debian_base=None if debian is None else _debian_base(debian),
        tools=tuple(_wheel(item) for item in _take(tree, "tools", list)),
        packages=tuple(_wheel(item) for item in _take(tree, "packages", list)),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    left = [*tree, *(f"base.{key}" for key in base), *(f"base.registry.{key}" for key in registry)]
    if left:
        raise _DamageError(f": unknown key `{left[0]}`")
    return lock


def _take(table: dict[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401 - kind says which
    value = table.pop(key, None)
    if type(value) is not kind:
        raise _DamageError(f": `{key}` is missing, or no {kind.__name__}")
    return value


def _word(table: dict[str, Any], key: str) -> str:
    value = _take(table, key, str)
    if not _FORMS[key].fullmatch(value):
        raise _DamageError(f": `{key} = {value!r}` has not the form of one")
    return str(value)


def _entry(item: object) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise _DamageError(": a package must be a table")
    return dict(item)


def _wheel(item: object) -> LockedWheel:
    table = _entry(item)
    return LockedWheel(
        name=_word(table, "name"),
        version=_word(table, "version"),
        file=_word(table, "file"),
        size=_take(table, "size", int),
        sha256=_word(table, "sha256"),
    )


def _debian_base(table: dict[str, Any]) -> DebianBase:
    packages = []
    for item in _take(table, "packages", list):
        entry = _entry(item)
        packages.append(
            DebianPackage(
                name=_word(entry, "name"),
                version=_word(entry, "version"),
                architecture=_word(entry, "architecture"),
                size=_take(entry, "size", int),
                sha256=_word(entry, "sha256"),
                path=_word(entry, "path"),
            )
        )
    return DebianBase(suite=_word(table, "suite"), packages=tuple(packages))
