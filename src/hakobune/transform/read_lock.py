"""The text of a lock file to a Lock (value). No I/O.

A lock decides what is installed, so everything in it is checked: the seal must match, every key
must be known, and every name and hash must have a form that is safe in a Dockerfile.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, assert_never, get_args

from hakobune.errors import LockDamagedError
from hakobune.model.forms import is_of, shortened
from hakobune.model.lock import (
    FILE_ADDRESS,
    INDEX_ADDRESS,
    PLATFORM,
    SCHEMA_VERSION,
    DebianBase,
    Kind,
    Lock,
    LockedConda,
    LockedDebian,
    LockedPackage,
    LockedSdist,
    LockedWheel,
    RegistryBase,
)
from hakobune.model.spec import Index
from hakobune.transform.line_ends import line_ends_error, with_lf
from hakobune.transform.seal import is_sealed

_LONGEST = 1 << 20  # bytes of a lock; four thousand packages
# Python's parser needs the square of a dotted key's parts in time.
_MOST_DOTS = 100
_LARGEST = 1 << 40  # bytes of a package
_FORMS = {
    "name": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*"),
    "version": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!:~-]*"),
    "wheel": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.whl"),
    "sdist": re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!-]*\.(tar|tar\.gz|zip)"),
    "conda": re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+!-]*\.(conda|tar\.bz2)"),
    "subdir": re.compile(r"linux-64|noarch"),
    "path": re.compile(r"pool/[A-Za-z0-9._+~%/-]+\.deb"),
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "architecture": re.compile(r"all|amd64"),
    "suite": re.compile(r"[a-z]+"),
    "origin": re.compile(r"[a-z]+(-security|-updates)?"),
    "debian": re.compile(r"[a-z0-9][a-z0-9.+-]+"),
    "asked_by": re.compile(r"[^\x00-\x1f\x7f]{1,500}"),
    "python": re.compile(r"3\.\d+(\.\d+)?"),
    "platform": re.compile(re.escape(PLATFORM)),
    "environment": re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*"),
    "environment_sha256": re.compile(r"[0-9a-f]{64}"),
    "image": re.compile(r"[a-z0-9][a-z0-9.:/_-]*"),
    "digest": re.compile(r"(sha256:[0-9a-f]{64})?"),
    "builders": re.compile(
        r"[A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+( [A-Za-z0-9._-]+==[A-Za-z0-9._+!-]+)*"
    ),
    # uv reads a file of these, in which another line could be an option.
    "override": re.compile(
        r"[a-z0-9][a-z0-9._-]*([=<>!~]=?[A-Za-z0-9.*+!_-]+(,[=<>!~]=?[A-Za-z0-9.*+!_-]+)*)?"
    ),
    "wheel_sha256": re.compile(r"([0-9a-f]{64})?"),
    "accepted": re.compile("differs"),
    "file_address": FILE_ADDRESS,
    "included": re.compile(r"(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f\x7f]{1,500}"),
    "variable": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "value": re.compile(r"[^\x00-\x1f\x7f]*"),
    "address": INDEX_ADDRESS,
    "role": re.compile(r"default|extra"),
    "index": re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/~%+-]*"),
    "index_name": re.compile(r"[a-z][a-z0-9_]*"),
    "packages": re.compile(r"[A-Za-z0-9._-]+( [A-Za-z0-9._-]+)*"),
}


def read_lock(content: bytes, *, file: str) -> Lock:
    """Return the lock that a lock file's bytes hold.

    Raises LockDamagedError if it was edited or cut short, or if a newer hakobune wrote it, and
    LineEndsError if git or an editor turned its line ends into CRLF.
    """
    if not is_sealed(content) and is_sealed(with_lf(content)):
        raise line_ends_error(file)
    try:
        return _read(content)
    except _DamageError as exc:
        raise LockDamagedError(
            f"{file}{exc.args[0]}",
            remedy="restore the committed file (git checkout), or lock again: hakobune lock",
            place=file,
        ) from exc


class _DamageError(Exception):
    """What is wrong, as `:line: what` or `: what`; never leaves this module."""


def _read(content: bytes) -> Lock:
    tree = _parsed(content)
    version = tree.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        known = f"this hakobune reads schema_version {SCHEMA_VERSION}"
        raise _DamageError(f":2: schema_version is {shortened(version)}; {known}")
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
        requirements=tuple(map(_line, _take(tree, "requirements", list))),
        registry_base=RegistryBase(
            image=_word(registry, "image"), digest=_word(registry, "digest") or None
        ),
        debian_base=None if debian is None else _debian_base(debian),
        tools=tuple(_tool(item) for item in _take(tree, "tools", list)),
        packages=tuple(_package(item) for item in _take(tree, "packages", list)),
        sha256=hashlib.sha256(content).hexdigest(),
        overrides=tuple(
            map(_override, _take(tree, "overrides", list) if "overrides" in tree else ())
        ),
        builders=tuple(
            _tool(item) for item in (_take(tree, "builders", list) if "builders" in tree else ())
        ),
        variables=_pairs(tree, "variables", {"name": "variable", "value": "value"}),
        included=_pairs(tree, "included", {"path": "included", "sha256": "sha256"}),
        indexes=tuple(map(_index, _take(tree, "indexes", list) if "indexes" in tree else ())),
        debian=_pairs(tree, "debian", {"name": "debian", "asked_by": "asked_by"}),
    )
    left = [*tree, *(f"base.{key}" for key in base), *(f"base.registry.{key}" for key in registry)]
    if left:
        raise _DamageError(f": unknown key `{left[0]}`")
    return lock


def _parsed(content: bytes) -> dict[str, Any]:
    if len(content) > _LONGEST:
        raise _DamageError(f": longer than {_LONGEST} bytes")
    for number, line in enumerate(content.splitlines(), 1):
        if line.count(b".") > _MOST_DOTS:
            raise _DamageError(f":{number}: more than {_MOST_DOTS} dots in one line")
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError:
        raise _DamageError(": not UTF-8 text") from None
    # Besides TOMLDecodeError: numbers of thousands of digits, and a thousand brackets.
    except (ValueError, RecursionError) as exc:
        found = re.search(r"^(.*) \(at line (\d+), .*\)$", str(exc))
        where = f":{found[2]}: {found[1]}" if found else f": {exc}"
        raise _DamageError(where) from None


def _take(table: dict[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401 - kind says which
    value = table.pop(key, None)
    if type(value) is not kind:
        raise _DamageError(f": `{key}` is missing or not of the type {kind.__name__}")
    return value


def _override(item: object) -> str:
    return _word({"override": item}, "override")


def _line(item: object) -> str:
    if not is_of("line", item):
        raise _DamageError(f": `requirements` has {shortened(item)}, which is not a line of text")
    return str(item)


def _size(table: dict[str, Any]) -> int:
    value = _take(table, "size", int)
    if not 0 <= value < _LARGEST:
        raise _DamageError(f": `size = {shortened(value)}` is not the size of a file")
    return int(value)


def _word(table: dict[str, Any], key: str, form: str = "") -> str:
    value = _take(table, key, str)
    if not _FORMS[form or key].fullmatch(value):
        raise _DamageError(f": `{key} = {shortened(value)}` does not have the form of one")
    return str(value)


def _pairs(tree: dict[str, Any], key: str, forms: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return an array of tables of two texts; an empty one is left out of the file."""
    pairs = []
    for item in _take(tree, key, list) if key in tree else ():
        entry = _entry(item)
        first, second = (_word(entry, name, form) for name, form in forms.items())
        _require_empty(entry, first)
        pairs.append((first, second))
    return tuple(pairs)


def _index(item: object) -> Index:
    """Return an index; only those of the project have a name."""
    entry = _entry(item)
    index = Index(
        address=_word(entry, "address"),
        is_default=_word(entry, "role") == "default",
        name=_word(entry, "name", "index_name") if "name" in entry else "",
        packages=tuple(_word(entry, "packages").split()) if "packages" in entry else (),
    )
    _require_empty(entry, index.address)
    return index


def _entry(item: object) -> dict[str, Any]:
    if not isinstance(item, Mapping):
        raise _DamageError(": a package must be a table")
    return dict(item)


def _package(item: object) -> LockedPackage:
    """Return a package; `kind` says which, and an entry without it is a wheel."""
    table = _entry(item)
    kind = _kind(table)
    package: LockedPackage
    match kind:
        case "wheel":
            package = LockedWheel(
                **_file(table, kind), index=_index_of(table), address=_address(table)
            )
        case "sdist":
            package = LockedSdist(
                **_file(table, kind),
                builders=tuple(_word(table, "builders").split()),
                wheel_sha256=_word(table, "wheel_sha256"),
                index=_index_of(table),
                is_accepted="accepted" in table and bool(_word(table, "accepted")),
                address=_address(table),
            )
        case "debian":
            package = _debian(table)
            if not package.suite:
                raise _DamageError(f": `{package.name}` names no suite of Debian")
        case "conda":
            package = LockedConda(subdir=_word(table, "subdir"), **_file(table, kind))
        case _:
            assert_never(kind)
    _require_empty(table, package.name)
    return package


def _kind(table: dict[str, Any]) -> Kind:
    value = table.pop("kind", "wheel")
    for kind in get_args(Kind):
        if kind == value:
            return kind  # type: ignore[no-any-return] # get_args does not know of what
    raise _DamageError(f": `{table.get('name')}` has the unknown kind {shortened(value)}")


def _file(table: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """Return what wheels, sdists and conda packages have; the kind decides the file's form."""
    return {
        "name": _word(table, "name"),
        "version": _word(table, "version"),
        "file": _word(table, "file", kind),
        "size": _size(table),
        "sha256": _word(table, "sha256"),
    }


def _address(table: dict[str, Any]) -> str:
    return _word(table, "address", "file_address") if "address" in table else ""


def _index_of(table: dict[str, Any]) -> str:
    return _word(table, "index") if "index" in table else ""


def _debian(table: dict[str, Any]) -> LockedDebian:
    return LockedDebian(
        name=_word(table, "name"),
        version=_word(table, "version"),
        architecture=_word(table, "architecture"),
        size=_size(table),
        sha256=_word(table, "sha256"),
        path=_word(table, "path"),
        suite=_word(table, "suite", "origin") if "suite" in table else "",
    )


def _require_empty(table: dict[str, Any], name: str) -> None:
    if table:
        raise _DamageError(f": `{name}` has the unknown key `{next(iter(table))}`")


def _tool(item: object) -> LockedWheel:
    package = _package(item)
    if not isinstance(package, LockedWheel):
        raise _DamageError(f": the tool `{package.name}` is not a wheel")
    return package


def _debian_base(table: dict[str, Any]) -> DebianBase:
    packages = _debian_list(table, "packages")
    headers = _debian_list(table, "headers") if "headers" in table else ()
    return DebianBase(suite=_word(table, "suite"), packages=packages, headers=headers)


def _debian_list(table: dict[str, Any], key: str) -> tuple[LockedDebian, ...]:
    packages = []
    for item in _take(table, key, list):
        entry = _entry(item)
        packages.append(_debian(entry))
        _require_empty(entry, packages[-1].name)
    return tuple(packages)
