"""A run's `record.json` (bytes) to RunRecord, after its seal was checked. No I/O."""

import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from hakobune.errors import RecordDamagedError, RecordFromFutureError
from hakobune.model.record import (
    SCHEMA_VERSION,
    Document,
    JobFacts,
    ManifestEntry,
    Outside,
    RecordedInput,
    RunRecord,
    valid_commit,
)
from hakobune.transform.write_record import SEAL, seal_of, write_json

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
        values = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        what = f"is not JSON: {exc}" if content else "is empty"
        raise RecordDamagedError(f"{place} {what}", remedy=_REMEDY, place=place) from exc
    if not isinstance(values, dict):
        raise RecordDamagedError(f"{place} is not a JSON object", remedy=_REMEDY, place=place)
    version = values.get("schema_version")
    if isinstance(version, int) and version > schema:
        raise RecordFromFutureError(
            f"{place} has schema {version}; this hakobune supports up to {schema}",
            remedy="use the hakobune that wrote it, or a newer one",
        )
    if version != schema or not isinstance(version, int) or isinstance(version, bool):
        raise RecordDamagedError(
            f"{place} has schema {version!r}; this hakobune reads {schema}",
            remedy="train again: such a record does not name its image",
        )
    if values.get(SEAL) != seal_of(values) or write_json(values) != content:
        raise RecordDamagedError(
            f"{place} was changed after it was written: its bytes do not match its `{SEAL}`",
            remedy=_REMEDY,
            place=place,
        )
    return values


T = TypeVar("T")
Values = Mapping[str, Any]


def _record(values: Values) -> RunRecord:
    if values.get("status") != "succeeded":
        raise ValueError(f"`status` is {values.get('status')!r} and not 'succeeded'")
    outside = values.get("outside")
    return RunRecord(
        run_id=_field(values, "run_id", _text),
        arguments=_field(values, "arguments", _texts),
        image=_field(values, "image", _image),
        inputs=_field(values, "inputs", _inputs),
        manifest=_field(values, "manifest", _manifest),
        outside=None if outside is None else _field(values, "outside", _outside),
        values=values,
        sha256=values[SEAL],
    )


def _outside(values: Values) -> Outside:
    return Outside(
        hakobune=_field(values, "hakobune", _text),
        image=_field(values, "image", _digest),
        reference=_field(values, "reference", _text),
        found_by=_field(values, "found_by", _text),
        base=_field(values, "base", _text),
        environment=_field(values, "environment", _document),
        lock=_field(values, "lock", _document),
        dockerfile=_field(values, "dockerfile", _document),
        source=_field(values, "source", _document),
        commit=_field(values, "commit", lambda value: valid_commit(_text(value))),
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
    return {name: _field(values, name, lambda value: _text(value or "")) for name in values}


def _inputs(values: list[Values]) -> tuple[RecordedInput, ...]:
    return tuple(
        RecordedInput(
            name=_field(entry, "name", _text),
            path=_field(entry, "path", lambda value: _text(value or "")),
            sha256=_field(entry, "sha256", _text),
        )
        for entry in values
    )


def _manifest(values: Values) -> tuple[ManifestEntry, ...]:
    return tuple(_field(values, name, partial(_entry, name)) for name in values)


def _entry(name: str, values: Values) -> ManifestEntry:
    return ManifestEntry(
        name=_text(name),
        sha256=_field(values, "sha256", _text),
        size_bytes=_field(values, "bytes", _count),
    )


def _document(values: Values) -> Document:
    return Document(path=_field(values, "path", _text), sha256=_field(values, "sha256", _text))


def _pairs(values: Values) -> dict[str, str]:
    return {name: _field(values, name, _text) for name in values}


def _texts(values: list[Any]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _field(values: Values, key: str, convert: Callable[[Any], T]) -> T:
    """Return what stands under a key. Raises ValueError with the way there."""
    try:
        return convert(values[key])
    except KeyError as exc:
        raise ValueError(f"`{key}` is missing") from exc
    except (TypeError, ValueError, AttributeError) as exc:
        raise ValueError(f"`{key}`: {exc}") from exc


def _no_number(word: str) -> None:
    """Refuse what Python reads and JSON has not."""
    raise ValueError(f"{word} is not JSON")


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is not a count")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _digest(value: object) -> str:
    """Return an image's digest: it is handed to the docker program, where others are options."""
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", _text(value)):
        raise ValueError(f"{value!r} is not a digest")
    return _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(f"{value!r} is not text")
    return value
