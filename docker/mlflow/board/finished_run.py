"""A finished run of ./runs, read as what it is: files that a program in a container wrote.

Regular files only, without following links, within limits; the record's seal and the checksums of
what is shown must be right, and every text has a known form. Standard library only.
"""

import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

SHOWN = ("report.html", "pred.png", "res.png", "metric.json", "forecast.csv")
RECORD = "record.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_KEY = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_. /-]{0,199}")
_SEAL = re.compile(rb',\n  "sha256": "([0-9a-f]{64})"\n\}\n\Z')
_LARGEST_TEXT_BYTES, _LARGEST_FILE_BYTES = 1 << 22, 1 << 25
_MOST_VALUES, _DEEPEST, _LONGEST = 200, 3, 500


class RunInvalidError(Exception):
    """The folder is not a finished run, or not an unchanged one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """A run as MLflow takes it; `files` are the contents to show, by name."""

    run_id: str
    record_sha256: str
    experiment: str
    started_ms: int
    ended_ms: int
    parameters: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, float], ...]
    tags: tuple[tuple[str, str], ...]
    files: tuple[tuple[str, bytes], ...]


def read_finished_run(folder: Path) -> FinishedRun:
    """Return the run in a folder. Raises RunInvalidError, whatever is in it."""
    try:
        return _read(folder)
    except RunInvalidError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise RunInvalidError(f"{type(exc).__name__}: {exc!r:.200}") from exc


def read_record(folder: Path) -> bytes:
    """Return the bytes of a run's record. Raises OSError."""
    return _content(folder, RECORD, _LARGEST_TEXT_BYTES)


def _read(folder: Path) -> FinishedRun:
    content = read_record(folder)
    record = _sealed(content)
    if record["status"] != "succeeded" or record["run_id"] != folder.name:
        raise RunInvalidError("the record is that of another run, or of a failure")
    manifest = record["manifest"]
    files = tuple(
        (name, _checked(folder, name, manifest[name]["sha256"]))
        for name in SHOWN
        if name in manifest
    )
    found = json.loads(dict(files).get("metric.json", b"{}"))
    values = list(_flat(found, "", _DEEPEST))
    return FinishedRun(
        run_id=_matched(NAME, record["run_id"]),
        record_sha256=hashlib.sha256(content).hexdigest(),
        experiment=_text(found.get("model_name")) or "runs",
        started_ms=_milliseconds(record["started"]),
        ended_ms=_milliseconds(record["ended"]),
        parameters=tuple((k, v) for k, v in values if isinstance(v, str))[:_MOST_VALUES],
        metrics=tuple((k, v) for k, v in values if isinstance(v, float))[:_MOST_VALUES],
        tags=tuple(_tags(record, content, found)),
        files=(*files, (RECORD, content)),
    )


def _tags(
    record: dict[str, Any], content: bytes, found: dict[str, Any]
) -> Iterator[tuple[str, str]]:
    yield "run_id", _matched(NAME, record["run_id"])
    yield "record_sha256", hashlib.sha256(content).hexdigest()
    for given in record["inputs"]:
        yield f"input_sha256.{_matched(_KEY, given['name'])}", _matched(_DIGEST, given["sha256"])
    for name, digest in (record.get("image") or {}).items():
        if name.endswith("_sha256") and digest:
            yield _matched(_KEY, name), _matched(_DIGEST, digest)
    for name, entry in record["manifest"].items():
        yield f"sha256.{_matched(_KEY, name)}"[:200], _matched(_DIGEST, entry["sha256"])
    if verdict := _text(found.get("verdict")):
        yield "mlflow.note.content", verdict


def _flat(value: Any, name: str, depth: int) -> Iterator[tuple[str, str | float]]:  # noqa: ANN401 - JSON
    """Yield the metrics (numbers with a point) and parameters (all else) of metric.json by path."""
    if isinstance(value, dict):
        for key, inner in value.items() if depth else ():
            if isinstance(key, str) and _KEY.fullmatch(path := f"{name}/{key}".lstrip("/")):
                yield from _flat(inner, path, depth - 1)
    elif isinstance(value, float):
        if math.isfinite(value):
            yield name, value
    elif isinstance(value, str | int):
        if text := _text(str(value)):
            yield name, text
    elif isinstance(value, list) and value and all(type(part) is int for part in value):
        yield name, ",".join(map(str, value[:50]))[:_LONGEST]


def _text(value: object) -> str:
    """Return a text on one line that a page can show; nothing where it is none."""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value[:_LONGEST] if c.isprintable()).strip()


def _sealed(content: bytes) -> dict[str, Any]:
    end = _SEAL.search(content)
    if (
        end is None
        or hashlib.sha256(content[: end.start()] + b"\n}\n").hexdigest().encode() != end[1]
    ):
        raise RunInvalidError("the record's seal does not match")
    record = json.loads(content)
    if not isinstance(record, dict):
        raise RunInvalidError("the record is not an object")
    return record


def _checked(folder: Path, name: str, digest: str) -> bytes:
    content = _content(folder, name, _LARGEST_FILE_BYTES)
    if hashlib.sha256(content).hexdigest() != digest:
        raise RunInvalidError(f"{name} was changed after the run wrote it")
    return content


def _content(folder: Path, name: str, largest: int) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    place = os.open(folder, flags | os.O_DIRECTORY)
    try:
        file = os.open(name, flags, dir_fd=place)
    finally:
        os.close(place)
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise RunInvalidError(f"{name} is not a regular file")
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise RunInvalidError(f"{name} has more than {largest} bytes")
    return content


def _matched(pattern: re.Pattern[str], text: object) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise RunInvalidError(f"the record has {text!r:.80} where {pattern.pattern} has to be")
    return text


def _milliseconds(text: object) -> int:
    moment = datetime.strptime(_matched(_TIME, text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000)
