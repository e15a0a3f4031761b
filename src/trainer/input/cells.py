"""Texts of cells to dates. A column has one format, never one for each cell."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from trainer.input.numbers import is_number

_SAMPLE = 200
_QUARTER = re.compile(r"([0-9]{4})-?[Qq]([1-4])")
_YEAR_MONTH = re.compile(r"([12][0-9]{3})(0[1-9]|1[0-2])")
_YEAR = re.compile(r"[0-9]{4}")
_BARE_DATE = re.compile(rf"[0-9]{{4}}|[0-9]{{8}}|{_YEAR_MONTH.pattern}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFormat:
    """A way to write a date: its name for messages, and the function that reads it."""

    name: str
    read: Callable[[str], datetime]


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _quarter(text: str) -> datetime:
    match = _QUARTER.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime(int(match[1]), 3 * int(match[2]) - 2, 1)  # noqa: DTZ001 - the file has no zones


def _year_month(text: str) -> datetime:
    match = _YEAR_MONTH.fullmatch(text)
    if match is None:
        raise ValueError(text)
    return datetime(int(match[1]), int(match[2]), 1)  # noqa: DTZ001 - the file has no zones


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
    DateFormat(name="YYYYMM", read=_year_month),
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


def is_year(text: str) -> bool:
    """Return whether a cell is a year and no more; a value may look the same."""
    return _YEAR.fullmatch(text.strip()) is not None


def is_date(text: str) -> bool:
    """Return whether a cell is a date in any format; of bare numbers YYYYMMDD, YYYYMM and YYYY."""
    text = text.strip()
    if is_number(text) and not _BARE_DATE.fullmatch(text):
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
