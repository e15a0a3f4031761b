"""A run's `record.json` (bytes) to RunRecord, after its seal was checked. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

from hakobune.errors import RecordDamagedError, RecordFromFutureError
from hakobune.model.record import (
    SCHEMA_VERSION,
    Document,
    JobFacts,
    ManifestEntry,
    Outside,
    RecordedInput,
    RunRecord,
)
from hakobune.transform.write_record import SEAL, seal_of, write_json

_REMEDY = "fetch the run again, or make it again with its arguments: a record is never mended"


def read_record(content: bytes, *, place: str) -> RunRecord:
    """Return the record. Raises RecordDamagedError or RecordFromFutureError."""
    values = read_sealed(content, place=place, schema=SCHEMA_VERSION)
    try:
        return _record(values)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise RecordDamagedError(
            f"{place} has not the form of schema {SCHEMA_VERSION}: {type(exc).__name__} {exc}",
            remedy="docs/reference/record.md describes it; let the program write it so",
        ) from exc


def read_sealed(content: bytes, *, place: str, schema: int) -> dict[str, Any]:
    """Return the values of a sealed JSON document of ours, once its bytes are proven whole."""
    try:
        values = json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        raise RecordDamagedError(f"{place} is no JSON: {exc}", remedy=_REMEDY) from exc
    if not isinstance(values, dict):
        raise RecordDamagedError(f"{place} is no JSON object", remedy=_REMEDY)
    version = values.get("schema_version")
    if isinstance(version, int) and version > schema:
        raise RecordFromFutureError(
            f"{place} has schema {version}; this hakobune knows up to {schema}",
            remedy="use the hakobune that wrote it, or a newer one",
        )
    if version != schema:
        raise RecordDamagedError(
            f"{place} has schema {version!r}; this hakobune reads {schema}",
            remedy="make the run again: such a record does not name its image",
        )
    if values.get(SEAL) != seal_of(values) or write_json(values) != content:
        raise RecordDamagedError(
            f"{place} is not as it was written: its bytes do not give its `{SEAL}`",
            remedy=_REMEDY,
        )
    return values


def _record(values: dict[str, Any]) -> RunRecord:
    outside = values.get("outside")
    if values["status"] != "succeeded":
        raise ValueError(f"status {values['status']!r}")
    return RunRecord(
        run_id=_text(values["run_id"]),
        arguments=tuple(_text(word) for word in values["arguments"]),
        image={name: _text(value or "") for name, value in values["image"].items()},
        inputs=_inputs(values["inputs"]),
        manifest=tuple(
            ManifestEntry(
                name=name, sha256=_text(entry["sha256"]), size_bytes=_count(entry["bytes"])
            )
            for name, entry in values["manifest"].items()
        ),
        outside=None if outside is None else _outside(outside),
        values=values,
        sha256=values[SEAL],
    )


def _outside(values: Mapping[str, Any]) -> Outside:
    job = values["job"]
    return Outside(
        hakobune=_text(values["hakobune"]),
        image=_text(values["image"]),
        reference=_text(values["reference"]),
        found_by=_text(values["found_by"]),
        base=_text(values["base"]),
        environment=_document(values["environment"]),
        lock=_document(values["lock"]),
        dockerfile=_document(values["dockerfile"]),
        source=_document(values["source"]),
        commit=_text(values["commit"]),
        is_dirty=_truth(values["is_dirty"]),
        host={name: _text(value) for name, value in values["host"].items()},
        inputs=_inputs(values["inputs"]),
        job=None
        if job is None
        else JobFacts(
            name=_text(job["name"]),
            environment=_text(job["environment"]),
            image=_text(job["image"]),
            tags={name: _text(value) for name, value in job["tags"].items()},
        ),
    )


def _inputs(values: list[Mapping[str, Any]]) -> tuple[RecordedInput, ...]:
    return tuple(
        RecordedInput(
            name=_text(entry["name"]),
            path=_text(entry["path"] or ""),
            sha256=_text(entry["sha256"]),
        )
        for entry in values
    )


def _document(values: Mapping[str, Any]) -> Document:
    return Document(path=_text(values["path"]), sha256=_text(values["sha256"]))


def _no_number(word: str) -> None:
    """Refuse what Python reads and JSON has not."""
    raise ValueError(f"{word} is no JSON")


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise TypeError(f"{value!r} is no count")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
