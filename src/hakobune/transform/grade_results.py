"""The results of two runs (bytes by file name) to a grade. No I/O.

Numbers are read from JSON and CSV. Of a JSON object the keys `run` and `run_id` are left out: they
say when and where (docs/reference/record.md). Pictures and pages show what the other files say, and
the record is about the run; neither is compared.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import Any

from hakobune.model.grade import TOLERANCE, Grade, Sameness
from hakobune.model.record import RECORD

_VIEWS = {".html", ".jpg", ".log", ".md", ".pdf", ".png", ".svg", ".txt"}
_PLACE_KEYS = ("run", "run_id")
_MISSING = object()


def is_compared(name: str) -> bool:
    """Tell whether a file of a run is a result, by its name."""
    return name != RECORD and PurePosixPath(name).suffix.lower() not in _VIEWS


def without_place(name: str, content: bytes) -> bytes:
    """Return what is compared of a file: JSON without the keys that say when and where."""
    if not name.endswith(".json"):
        return content
    try:
        found, whole = _without_place(content), json.loads(content)
    except ValueError:
        return content
    return content if found == whole else json.dumps(found).encode()


def grade_results(left: Mapping[str, bytes], right: Mapping[str, bytes]) -> Grade:
    """Return the grade of all files that are compared.

    A file whose numbers cannot be read, such as a pickle, counts by its bytes: where they differ
    and all readable numbers are equal, the runs are numerically identical.
    """
    names = sorted(name for name in {*left, *right} if is_compared(name))
    absent = next((name for name in names if name not in left or name not in right), None)
    if absent is not None:
        return Grade(sameness=Sameness.DIFFERENT, first=f"{absent}: only one run has it")
    grades = [found for name in names if (found := _grade_file(name, left[name], right[name]))]
    opaque = [
        name
        for name in names
        if left[name] != right[name] and _numbers(name, left[name], right[name]) is None
    ]
    worst = max(grades, key=lambda grade: grade.sameness.rank, default=None)
    if opaque and (worst is None or worst.sameness is Sameness.BITS):
        sameness = Sameness.NUMBERS if grades else Sameness.DIFFERENT
        return Grade(sameness=sameness, first=f"{opaque[0]}: other bytes")
    return worst or Grade(sameness=Sameness.BITS)


def _grade_file(name: str, left: bytes, right: bytes) -> Grade | None:
    """Return the grade of one file, or None where its numbers cannot be read."""
    pairs = _numbers(name, left, right)
    if pairs is None:
        return None
    if left == right:
        return Grade(sameness=Sameness.BITS)
    worst = Grade(sameness=Sameness.BITS)
    for place, one, other in pairs:
        found = _compared(one, other)
        if found.rank > worst.sameness.rank:
            worst = Grade(sameness=found, first=f"{name}: {place}: {_told(one)}, {_told(other)}")
        if found is Sameness.DIFFERENT:
            break
    return worst


def _numbers(name: str, left: bytes, right: bytes) -> Iterator[tuple[str, Any, Any]] | None:
    """Return place and both values of everything in two files; None where they are opaque."""
    suffix = PurePosixPath(name).suffix.lower()
    try:
        if suffix == ".json":
            return _json_pairs("", _without_place(left), _without_place(right))
        if suffix == ".csv":
            return _csv_pairs(left.decode(), right.decode())
    except ValueError:
        pass
    return None


def _without_place(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    found = json.loads(content)
    if isinstance(found, dict):
        return {key: value for key, value in found.items() if key not in _PLACE_KEYS}
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
    try:
        return float(cell)  # type: ignore[arg-type] # what is no text is no number either
    except (TypeError, ValueError):
        return cell


def _compared(left: object, right: object) -> Sameness:
    numbers = (int, float)
    if isinstance(left, numbers) and isinstance(right, numbers):
        if left == right or (left != left and right != right):  # noqa: PLR0124 - NaN
            same = type(left) is type(right) and math.copysign(1, left) == math.copysign(1, right)
            return Sameness.BITS if same else Sameness.NUMBERS
        if math.isclose(left, right, rel_tol=TOLERANCE):
            return Sameness.CLOSE
    return Sameness.BITS if left == right else Sameness.DIFFERENT


def _told(value: object) -> str:
    return "missing" if value is _MISSING else repr(value)
