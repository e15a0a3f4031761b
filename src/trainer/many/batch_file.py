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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import IO, Any

import numpy as np

from trainer.input.records import Places
from trainer.many.series import STATUSES, Result
from trainer.regular_file import open_beneath, read_beneath

_HEAD = b"trainer-batch-1 "
_SIZES = struct.Struct("<III")  # of the facts, the forecast and the model
_DIGEST_BYTES = 32
# A batch has one series, or 25,000 rows at most: a thousandth of this.
_LARGEST_BYTES = 1 << 30
_PIECE_BYTES = 1 << 20
_ROWS = 6  # dates and five numbers
_ARRAYS = ("dates", "numbers", "model")
_FACTS = tuple(field.name for field in fields(Result) if field.name not in _ARRAYS)
_FAILURES = (ArithmeticError, AttributeError, RecursionError, TypeError, ValueError, struct.error)
# The type of each fact: whoever may write to a shared folder could seal any.
_NUMBER, _NUMBER_OR_NONE = (float, int), (float, int, NoneType)
_TYPES: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("name", "status", "reason"), (str,)),
    **dict.fromkeys(("best_baseline", "calendar"), (str, NoneType)),
    **dict.fromkeys(("origins", "rows"), (int,)),
    **dict.fromkeys(("first", "last", "season"), (int, NoneType)),
    **dict.fromkeys(("error", "baseline_error", "skill"), _NUMBER_OR_NONE),
    **dict.fromkeys(("members", "errors"), (dict,)),
    "seconds": _NUMBER,
}
_EARLIEST_US, _LATEST_US = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999


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
            piece = scratch.read(_PIECE_BYTES)
        target.write(digest.digest())
        target.flush()
        os.fsync(target.fileno())
    return path


def read_batch(path: Path, batch: str) -> list[Result] | None:
    """Return the results of a file; None where it is not a whole one of this batch."""
    if not _is_sealed(path, batch):
        return None
    try:
        content = read_beneath(path.parent, path.name, _LARGEST_BYTES)
        return list(records(content[len(head(batch)) : -_DIGEST_BYTES]))
    except (OSError, ValueError):
        return None


def find_sealed(folder: Path, batches: Sequence[str]) -> dict[str, Path]:
    """Return a sealed file of each batch that has one in the folder."""
    wanted, found = set(batches), dict[str, Path]()
    names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    for name in names:
        batch = name.partition(".")[0]
        if batch in wanted and batch not in found and _is_sealed(folder / name, batch):
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
        if batch in wanted and names[batch] > 1 and _is_sealed(folder / name, batch):
            again[batch] += 1
    return Counter({batch: count - 1 for batch, count in again.items()})


def _is_sealed(path: Path, batch: str) -> bool:
    """Return whether a file has this batch's first line and the right seal; a piece at a time."""
    start, digest = head(batch), hashlib.sha256()
    try:
        with open_beneath(path.parent, path.name) as stream:
            left = os.fstat(stream.fileno()).st_size - _DIGEST_BYTES
            if not len(start) <= left <= _LARGEST_BYTES or stream.read(len(start)) != start:
                return False
            digest.update(start)
            left -= len(start)
            while left and (piece := stream.read(min(left, _PIECE_BYTES))):
                digest.update(piece)
                left -= len(piece)
            return not left and stream.read(_DIGEST_BYTES + 1) == digest.digest()
    except (OSError, ValueError):
        return False


def _require_form(facts: dict[str, Any], dates: Places) -> None:
    """Raise ValueError for facts that the program does not write."""
    numbers = [number for name in ("members", "errors") for number in facts[name].values()]
    moments = [*dates.tolist(), *(facts[name] or 0 for name in ("first", "last"))]
    if not (
        all(type(facts[name]) in types for name, types in _TYPES.items())
        and facts["status"] in STATUSES
        and all(type(number) in _NUMBER for number in numbers)
        and all(_EARLIEST_US <= moment <= _LATEST_US for moment in moments)
    ):
        raise ValueError("other facts")


def _result(text: bytes, numbers: bytes, model: bytes) -> Result:
    facts: dict[str, Any] = json.loads(text, parse_constant=_refuse_constant)
    if set(facts) != set(_FACTS):
        raise ValueError("other fields")
    steps, rest = divmod(len(numbers), 8 * _ROWS)
    if rest:
        raise ValueError("other numbers")
    dates = np.frombuffer(numbers, dtype="<i8", count=steps)
    _require_form(facts, dates)
    return Result(
        dates=dates,
        numbers=np.frombuffer(numbers, dtype="<f8", offset=8 * steps).reshape(_ROWS - 1, steps),
        model=model,
        **facts,
    )


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
