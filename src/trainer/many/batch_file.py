"""The file of a batch: its results one after another, sealed by the sha256 of all before it.

A file is written once, under a name of its own, and never renamed, overwritten or appended to: a
mounted blob store allows no more, and two processes may work the same batch. Whoever reads takes
any sealed file of a batch and ignores the rest. Reading one executes nothing.
"""

import hashlib
import json
import os
import secrets
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import IO, Any

import numpy as np

from trainer.many.series import Result
from trainer.regular_file import read_beneath

_HEAD = b"trainer-batch-1 "
_SIZES = struct.Struct("<III")  # of the facts, the forecast and the model
_DIGEST_BYTES = 32
_LARGEST_BYTES = 1 << 32
_ROWS = 6  # dates and five numbers
_ARRAYS = ("dates", "numbers", "model")
_FACTS = tuple(field.name for field in fields(Result) if field.name not in _ARRAYS)
_FAILURES = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, struct.error)


def head(batch: str) -> bytes:
    """Return the first line of a batch's file."""
    return _HEAD + batch.encode() + b"\n"


def record(result: Result) -> bytes:
    """Return one result as bytes."""
    facts = {name: getattr(result, name) for name in _FACTS}
    text = json.dumps(facts, ensure_ascii=False, allow_nan=False).encode()
    numbers = result.dates.astype("<i8").tobytes() + result.numbers.astype("<f8").tobytes()
    return _SIZES.pack(len(text), len(numbers), len(result.model)) + text + numbers + result.model


def records(content: bytes) -> Iterator[Result]:
    """Yield the results that are there whole. Raises ValueError for what no program writes."""
    place = 0
    while place + _SIZES.size <= len(content):
        sizes = _SIZES.unpack_from(content, place)
        start, place = place + _SIZES.size, place + _SIZES.size + sum(sizes)
        if place > len(content):
            return
        facts, numbers = start + sizes[0], start + sizes[0] + sizes[1]
        try:
            yield _result(content[start:facts], content[facts:numbers], content[numbers:place])
        except _FAILURES as exc:
            raise ValueError(f"not a result: {exc}") from exc


def whole_length(content: bytes) -> tuple[int, int]:
    """Return how many records are there whole, and how many bytes they have."""
    count = place = 0
    while place + _SIZES.size <= len(content):
        following = place + _SIZES.size + sum(_SIZES.unpack_from(content, place))
        if following > len(content):
            break
        count, place = count + 1, following
    return count, place


def write_batch(folder: Path, batch: str, scratch: IO[bytes]) -> Path:
    """Write the records of a scratch file as a sealed file of the batch; return its path.

    The folder is not created: a node that was frozen meanwhile may come too late, and must leave
    nothing in the output of a run that is complete.
    """
    path = folder / f"{batch}.{secrets.token_hex(6)}"
    digest = hashlib.sha256()
    scratch.seek(0)
    with path.open("xb") as target:
        piece = head(batch)
        while piece:
            digest.update(piece)
            target.write(piece)
            piece = scratch.read(1 << 20)
        target.write(digest.digest())
        target.flush()
        os.fsync(target.fileno())
    return path


def read_batch(path: Path, batch: str) -> list[Result] | None:
    """Return the results of a file; None where it is not a whole one of this batch."""
    content = _sealed(path, batch)
    if content is None:
        return None
    try:
        return list(records(content))
    except ValueError:
        return None


def find_sealed(folder: Path, batches: Sequence[str]) -> dict[str, Path]:
    """Return a sealed file of each batch that has one in the folder."""
    wanted, found = set(batches), dict[str, Path]()
    names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    for name in names:
        batch = name.partition(".")[0]
        if batch in wanted and batch not in found and _sealed(folder / name, batch) is not None:
            found[batch] = folder / name
    return found


def count_again(folder: Path, batches: Sequence[str]) -> Counter[str]:
    """Return how many sealed files each batch has in the folder beyond its first."""
    wanted, names = set(batches), Counter[str]()
    found = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    for name in found:
        names[name.partition(".")[0]] += 1
    again = Counter[str]()
    for name in found:
        batch = name.partition(".")[0]
        if batch in wanted and names[batch] > 1 and _sealed(folder / name, batch) is not None:
            again[batch] += 1
    return Counter({batch: count - 1 for batch, count in again.items()})


def _sealed(path: Path, batch: str) -> bytes | None:
    """Return what stands between the first line and the seal; None without a right seal."""
    try:
        content = read_beneath(path.parent, path.name, _LARGEST_BYTES)
    except (OSError, ValueError):
        return None
    start, end = head(batch), len(content) - _DIGEST_BYTES
    if end < len(start) or not content.startswith(start):
        return None
    if hashlib.sha256(memoryview(content)[:end]).digest() != content[end:]:
        return None
    return content[len(start) : end]


def _result(text: bytes, numbers: bytes, model: bytes) -> Result:
    facts: dict[str, Any] = json.loads(text)
    if set(facts) != set(_FACTS):
        raise ValueError("other fields")
    steps, rest = divmod(len(numbers), 8 * _ROWS)
    if rest:
        raise ValueError("other numbers")
    return Result(
        dates=np.frombuffer(numbers, dtype="<i8", count=steps),
        numbers=np.frombuffer(numbers, dtype="<f8", offset=8 * steps).reshape(_ROWS - 1, steps),
        model=model,
        **facts,
    )
