"""Texts of cells to numbers and dates. A column has one date format, never one for each cell."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

LARGEST_VALUE = 1e15
_SAMPLE = 200
_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_COMMA_NUMBER = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]{1,4})?")
_QUARTER = re.compile(r"([0-9]{4})-?[Qq]([1-4])")
_YEAR_FIRST = re.compile(r"[0-9]{4}[-/.].*|[0-9]{4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFormat:
    """A way to write a date: its name for messages, and the function that reads it."""

    name: str
    read: Callable[[str], datetime]


def is_missing(text: str) -> bool:
    """Return whether a cell says that there is no value."""
    return text.strip().lower() in _MISSING


def is_number(text: str) -> bool:
    """Return whether a cell is a number with a decimal point."""
    return _NUMBER.fullmatch(text.strip()) is not None


def is_comma_number(text: str) -> bool:
    """Return whether a cell is a number with a decimal comma."""
    return _COMMA_NUMBER.fullmatch(text.strip()) is not None


def read_number(text: str, *, has_decimal_comma: bool) -> float:
    """Return the cell's number, NaN where it is missing. Raises ValueError with the reason."""
    text = text.strip()
    if is_missing(text):
        return float("nan")
    plain = text.replace(",", ".") if has_decimal_comma and is_comma_number(text) else text
    if re.fullmatch(r"[+-]?inf(inity)?", plain, re.IGNORECASE):
        raise ValueError(f"{text!r} is infinite")
    if not is_number(plain):
        raise ValueError(f"{_shortened(text)} is no number")
    number = float(plain)
    if abs(number) > LARGEST_VALUE:
        raise ValueError(f"{_shortened(text)} is beyond ±{LARGEST_VALUE:g}")
    return number


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")  # noqa: PLR2004 - fits a line


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _quarter(text: str) -> datetime:
    match = _QUARTER.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime(int(match[1]), 3 * int(match[2]) - 2, 1)  # noqa: DTZ001 - the file has no zones


def _pattern(pattern: str) -> DateFormat:
    def read(text: str) -> datetime:
        return datetime.strptime(text, pattern)  # noqa: DTZ007 - the file has no zones

    return DateFormat(name=_spelled(pattern), read=read)


def _spelled(pattern: str) -> str:
    for code, spelled in (
        ("%Y", "YYYY"),
        ("%m", "MM"),
        ("%d", "DD"),
        ("%H", "hh"),
        ("%M", "mm"),
        ("%S", "ss"),
        ("%b", "Mon"),
        ("%B", "Month"),
    ):
        pattern = pattern.replace(code, spelled)
    return pattern


_DAYS_AND_CLOCKS = [
    f"{day}{clock}"
    for day in ("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y")
    for clock in ("", " %H:%M", " %H:%M:%S")
]
FORMATS = (
    DateFormat(name="ISO 8601", read=_iso),
    _pattern("%Y-%m"),
    _pattern("%Y/%m"),
    _pattern("%Y"),
    DateFormat(name="YYYYQn", read=_quarter),
    *(_pattern(pattern) for pattern in _DAYS_AND_CLOCKS),
    *(
        _pattern(pattern)
        for pattern in ("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%b %Y", "%B %Y", "%b-%Y")
    ),
)


def read_date(text: str, way: DateFormat) -> datetime | None:
    """Return the cell's date, or None where it is none in this format."""
    try:
        return way.read(text.strip())
    except (ValueError, OverflowError):
        return None


def is_date(text: str) -> bool:
    """Return whether a cell is a date in any format, and more than a bare number."""
    text = text.strip()
    if is_number(text) and not _YEAR_FIRST.fullmatch(text) and len(text) != len("20131231"):
        return False
    return any(read_date(text, way) is not None for way in FORMATS)


def find_formats(texts: Sequence[str]) -> tuple[DateFormat, ...]:
    """Return the formats that read the most of a column's cells; two where the order is unclear."""
    sample = texts[:_SAMPLE]
    ways = [way for way in FORMATS if any(read_date(text, way) is not None for text in sample)]
    counts = [sum(read_date(text, way) is not None for text in texts) for way in ways]
    best = [way for way, count in zip(ways, counts, strict=True) if count == max(counts)]
    readings = {tuple(read_date(text, way) for text in texts): way for way in reversed(best)}
    return tuple(reversed(readings.values()))
