"""A run's `record.json` (bytes) to RunRecord, after its seal was checked. No I/O."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from hakobune.errors import RecordDamagedError, RecordFromFutureError
from hakobune.model.forms import escaped, is_of, optional, required, shortened
from hakobune.model.json_text import parse_json
from hakobune.model.record import (
    SCHEMA_VERSION,
    Document,
    JobFacts,
    ManifestEntry,
    Outside,
    RecordedInput,
    RunRecord,
    SourceFolder,
)
from hakobune.transform.write_record import SEAL, write_json

# What the container knows of its image, and the form of each.
IMAGE_KEYS = {
    "environment_sha256": "sha256",
    "lock_sha256": "sha256",
    "source_sha256": "sha256",
    "base": "image reference",
}
# A larger number is no size of a file.
_LARGEST_COUNT = 1 << 63
_REMEDY = "fetch the run again, or repeat it; a record cannot be edited"


def read_record(content: bytes, *, place: str) -> RunRecord:
    """Return the record. Raises RecordDamagedError or RecordFromFutureError."""
    values = read_sealed(content, place=place, schema=SCHEMA_VERSION)
    try:
        return _record(values)
    except (TypeError, ValueError, AttributeError) as exc:
        raise RecordDamagedError(
            f"{place} does not have the form of schema {SCHEMA_VERSION}: {exc}",
            remedy="do not use this run; docs/reference/record.md describes the form of a record",
        ) from exc


def read_sealed(content: bytes, *, place: str, schema: int) -> dict[str, Any]:
    """Return the values of a sealed JSON document of ours, once its bytes are proven whole."""
    try:
        values = parse_json(content)
    except ValueError as exc:
        what = f"is not JSON: {exc}" if content else "is empty"
        raise RecordDamagedError(f"{place} {what}", remedy=_REMEDY, place=place) from exc
    if not isinstance(values, dict):
        raise RecordDamagedError(f"{place} is not a JSON object", remedy=_REMEDY, place=place)
    version = values.get("schema_version")
    if isinstance(version, int) and version > schema:
        raise RecordFromFutureError(
            f"{place} has schema {shortened(version)}; this hakobune supports up to {schema}",
            remedy="use the hakobune that wrote it, or a newer one",
        )
    if version != schema or not isinstance(version, int) or isinstance(version, bool):
        raise RecordDamagedError(
            f"{place} has schema {shortened(version)}; this hakobune reads {schema}",
            remedy="train again: such a record does not name its image",
        )
    if write_json(values) != content or not _is_sealed(content, values.get(SEAL)):
        raise RecordDamagedError(
            f"{place} was changed after it was written: its bytes do not match its `{SEAL}`",
            remedy=_REMEDY,
            place=place,
        )
    return values


def _is_sealed(content: bytes, seal: object) -> bool:
    """Tell whether the last key is the sha256 of the same bytes without it."""
    end = f',\n  "{SEAL}": "{seal}"\n}}\n'.encode()
    body = content.removesuffix(end)
    return body != content and hashlib.sha256(body + b"\n}\n").hexdigest() == seal


T = TypeVar("T")
Values = Mapping[str, Any]


def _record(values: Values) -> RunRecord:
    if values.get("status") != "succeeded":
        raise ValueError(f"`status` is {shortened(values.get('status'))} and not 'succeeded'")
    outside = values.get("outside")
    _check_facts(values)
    return RunRecord(
        run_id=_field(values, "run_id", partial(required, "run id")),
        arguments=_field(values, "arguments", _arguments),
        image=_field(values, "image", _image),
        inputs=_field(values, "inputs", _inputs),
        manifest=_field(values, "manifest", _manifest),
        outside=None if outside is None else _field(values, "outside", _outside),
        values=values,
        sha256=values[SEAL],
    )


def _check_facts(values: Values) -> None:
    """Raise ValueError for facts of machine and program that may be absent, but have a form.

    They are compared and shown, and go into the signed statement.
    """
    for key in ("started", "ended"):
        if key in values:
            _field(values, key, partial(required, "time"))
    for key, inner in (("versions", None), ("numerics", None), ("processor", "model")):
        if key not in values:
            continue
        found = _field(values, key, _table)
        for name in found if inner is None else (inner,):
            required("line", name)
            if found.get(name) is not None:
                _field(found, name, partial(required, "line"))


def _outside(values: Values) -> Outside:
    return Outside(
        hakobune=_field(values, "hakobune", _text),
        image=_field(values, "image", partial(required, "digest")),
        reference=_field(values, "reference", _text),
        found_by=_field(values, "found_by", _text),
        base=_field(values, "base", _text),
        environment=_field(values, "environment", _document),
        lock=_field(values, "lock", _document),
        dockerfile=_field(values, "dockerfile", _document),
        source=_field(values, "source", _source),
        commit=_field(values, "commit", partial(required, "commit id")),
        is_dirty=_field(values, "is_dirty", _truth),
        host=_field(values, "host", _pairs),
        inputs=_field(values, "inputs", _inputs),
        job=_field(values, "job", lambda job: None if job is None else _job(job)),
    )


def _job(values: Values) -> JobFacts:
    return JobFacts(
        name=_field(values, "name", _text),
        environment=_field(values, "environment", _text),
        image=_field(values, "image", _text),
        tags=_field(values, "tags", _pairs),
    )


def _image(values: Values) -> dict[str, str]:
    """Return what the container knew of its image; empty for what it did not know."""
    found = {}
    for name in _table(values):
        value = values[required("line", name)]
        known = IMAGE_KEYS.get(name, "line")
        if value is not None and value != "" and not is_of(known, value):
            raise ValueError(f"{shortened(name)}: {shortened(value)} is not a valid {known}")
        found[name] = value or ""
    return found


def _inputs(values: Any) -> tuple[RecordedInput, ...]:  # noqa: ANN401 - any JSON
    found = tuple(
        RecordedInput(
            name=_field(entry, "name", _text),
            path=_field(entry, "path", lambda value: optional("place", value or "")),
            sha256=_field(entry, "sha256", _text),
        )
        for entry in map(_table, _list(values))
    )
    if len({item.name for item in found}) != len(found):
        raise ValueError("an input is named twice")
    return found


def _manifest(values: Values) -> tuple[ManifestEntry, ...]:
    return tuple(_field(values, name, partial(_entry, name)) for name in _table(values))


def _entry(name: str, values: Values) -> ManifestEntry:
    return ManifestEntry(
        name=_text(name),
        sha256=_field(values, "sha256", _text),
        size_bytes=_field(values, "bytes", _count),
    )


def _document(values: Values) -> Document:
    return Document(path=_field(values, "path", _text), sha256=_field(values, "sha256", _text))


def _source(values: Values) -> SourceFolder:
    return SourceFolder(path=_field(values, "path", _text), sha256=_field(values, "sha256", _text))


def _pairs(values: Values) -> dict[str, str]:
    return {name: _field(values, name, _text) for name in _table(values)}


def _arguments(values: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON
    return tuple(required("argument", value) for value in _list(values))


def _field(values: Values, key: str, convert: Callable[[Any], T]) -> T:
    """Return what stands under a key. Raises ValueError with the way there."""
    if not isinstance(values, dict):
        raise TypeError("it is not an object")
    try:
        return convert(values[key])
    except KeyError as exc:
        raise ValueError(f"`{escaped(key)}` is missing") from exc
    except (TypeError, ValueError, AttributeError) as exc:
        raise ValueError(f"`{escaped(key[:80])}`: {exc}") from exc


def _table(value: Any) -> Values:  # noqa: ANN401 - any JSON
    if not isinstance(value, dict):
        raise TypeError(f"{shortened(value)} is not an object")
    return value


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    if not isinstance(value, list):
        raise TypeError(f"{shortened(value)} is not a list")
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LARGEST_COUNT:
        raise TypeError(f"{shortened(value)} is not a count")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{shortened(value)} is neither true nor false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shortened(value)} is not text")
    return value
