"""The results of two runs (bytes by file name) to a grade. No I/O.

Numbers are read from JSON and CSV. Of a JSON object the keys `run` and `run_id` are left out: they
say when and where (docs/reference/record.md). Pictures, pages and logs show what the other files
say or when it was made, and the record is about the run; they are not compared.
"""

import csv
import io
import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

from hakobune.model.grade import TOLERANCE, Grade, Sameness
from hakobune.model.record import RECORD

_VIEWS = {".html", ".jpg", ".jpeg", ".log", ".pdf", ".png", ".svg"}
_TIMINGS = "timings"
_PLACE_KEYS = ("run", "run_id")
_MISSING = object()
_TOLD = 60
_SPACE = re.compile(r"[ \t\n\r]*")
_INTEGER = re.compile(r"[+-]?\d+")
# What the parsers raise for what they cannot read: no JSON, no UTF-8, a cell of a megabyte, a
# thousand brackets.
_UNREADABLE = (ValueError, csv.Error, RecursionError)


def is_compared(name: str) -> bool:
    """Tell whether a file of a run is a result, by its name.

    What a run measured of itself, in a file `timings.…`, is none.
    """
    path = PurePosixPath(name)
    is_measured = path.name.partition(".")[0] == _TIMINGS
    return name != RECORD and not is_measured and path.suffix.lower() not in _VIEWS


def without_place(name: str, content: bytes) -> bytes:
    """Return the bytes that are compared of a file: JSON less the keys that say when and where."""
    if PurePosixPath(name).suffix.lower() != ".json":
        return content
    try:
        json.loads(content)
        return _cut_out(content.decode()).encode()
    except _UNREADABLE:
        return content


def _cut_out(text: str) -> str:
    """Return a JSON text without its top level's members of time and place, all else untouched."""
    decode = json.JSONDecoder().raw_decode
    place = _after_space(text, 0)
    if text[place] != "{":
        return text
    kept, start = [], 0
    place = _after_space(text, place + 1)
    while text[place] != "}":
        key, end = decode(text, place)
        colon = _after_space(text, end)
        _, end = decode(text, _after_space(text, colon + 1))
        if key in _PLACE_KEYS:
            kept.append(text[start:place])
            start = end
        place = _after_space(text, end)
        if text[place] == ",":
            place = _after_space(text, place + 1)
    return "".join([*kept, text[start:]])


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return place if found is None else found.end()


def grade_results(left: Mapping[str, bytes], right: Mapping[str, bytes]) -> Grade:
    """Return the grade of all files that are compared; where there are none, they are different.

    Bit-identical are files of the same bytes, less time and place. A file without numbers that can
    be read, such as a pickle, counts by its bytes: where they differ and all readable numbers are
    equal, the runs are numerically identical.
    """
    names = sorted(name for name in {*left, *right} if is_compared(name))
    if not names:
        return Grade(sameness=Sameness.DIFFERENT, first="no file of either run is a result")
    absent = next((name for name in names if name not in left or name not in right), None)
    if absent is not None:
        return Grade(sameness=Sameness.DIFFERENT, first=f"{absent}: only one run has it")
    grades = [_grade_file(name, left[name], right[name]) for name in names]
    worst = max((grade for grade in grades if grade), key=lambda g: g.sameness.rank, default=None)
    opaque = next((name for name, grade in zip(names, grades, strict=True) if grade is None), None)
    if opaque is not None and (worst is None or worst.sameness.rank < Sameness.NUMBERS.rank):
        is_some = any(_is_readable(name) for name in names)
        sameness = Sameness.NUMBERS if is_some else Sameness.DIFFERENT
        return Grade(sameness=sameness, first=f"{opaque}: other bytes")
    return worst or Grade(sameness=Sameness.BITS)


def _is_readable(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in (".json", ".csv")


def _grade_file(name: str, left: bytes, right: bytes) -> Grade | None:
    """Return the grade of one file, or None for other bytes that hold no numbers to read."""
    if without_place(name, left) == without_place(name, right):
        return Grade(sameness=Sameness.BITS)
    if not _is_readable(name):
        return None
    try:
        pairs = list(_numbers(name, left, right))
    except _UNREADABLE as exc:
        return Grade(sameness=Sameness.DIFFERENT, first=f"{name}: other bytes, not readable: {exc}")
    worst = Grade(sameness=Sameness.NUMBERS, first=f"{name}: other bytes")
    for place, one, other in pairs:
        found = _compared(one, other)
        if found.rank > worst.sameness.rank:
            where = f"{name}: {place}" if place else name
            worst = Grade(sameness=found, first=f"{where}: {_told(one)}, {_told(other)}")
        if found is Sameness.DIFFERENT:
            break
    return worst


def _numbers(name: str, left: bytes, right: bytes) -> Iterator[tuple[str, Any, Any]]:
    """Yield place and both values of everything in two files."""
    if PurePosixPath(name).suffix.lower() == ".json":
        return _json_pairs("", _without_place(left), _without_place(right))
    return _csv_pairs(left.decode(), right.decode())


def _without_place(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    found = json.loads(content, object_pairs_hook=_object)
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if key not in _PLACE_KEYS}
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object. Raises ValueError for a key that comes twice: which counts is open."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _json_pairs(place: str, left: Any, right: Any) -> Iterator[tuple[str, Any, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(left, dict) and isinstance(right, dict):
        for key in dict.fromkeys([*left, *right]):
            inner = f"{place}.{key}" if place else str(key)
            yield from _json_pairs(inner, left.get(key, _MISSING), right.get(key, _MISSING))
    elif isinstance(left, list) and isinstance(right, list):
        for number, (one, other) in enumerate(zip_longest(left, right, fillvalue=_MISSING)):
            yield from _json_pairs(f"{place}[{number}]", one, other)
    else:
        yield place, left, right


def _csv_pairs(left: str, right: str) -> Iterator[tuple[str, Any, Any]]:
    nothing: list[str] = []
    head = nothing
    both = csv.reader(io.StringIO(left)), csv.reader(io.StringIO(right))
    for line, (one, other) in enumerate(zip_longest(*both, fillvalue=nothing), 1):
        head = head or one
        for column, (cell, beside) in enumerate(zip_longest(one, other, fillvalue=_MISSING)):
            name = head[column] if column < len(head) else str(column + 1)
            yield f"line {line}, {name}", _number(cell), _number(beside)


def _number(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    try:
        return int(cell) if _INTEGER.fullmatch(cell) else float(cell)
    except ValueError:
        return cell


def _compared(left: object, right: object) -> Sameness:
    """Return how much two values are the same; between integers there is no tolerance."""
    same = Sameness.NUMBERS if left == right and type(left) is type(right) else Sameness.DIFFERENT
    if isinstance(left, bool) or isinstance(right, bool):
        return same
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return same
    if left == right or (left != left and right != right):  # noqa: PLR0124 - NaN
        return Sameness.NUMBERS
    if isinstance(left, int) and isinstance(right, int):
        return Sameness.DIFFERENT
    try:
        return Sameness.CLOSE if math.isclose(left, right, rel_tol=TOLERANCE) else same
    except OverflowError:  # an integer beyond every float
        return Sameness.DIFFERENT


def _told(value: object) -> str:
    text = "missing" if value is _MISSING else repr(value)
    return text if len(text) <= _TOLD else f"{text[:_TOLD]}..."
