"""The ways to write a date, each with its name. A column has one of them, never each cell its own.

Text only, and no library: `--help` lists the names.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trainer.input.numbers import is_number

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_FULL_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december", "sept"),
)
_MONTH_NUMBERS = {name: place + 1 for place, name in enumerate(_MONTHS)}
_MONTH_NUMBERS |= {name: _MONTH_NUMBERS[name[:3]] for name in _FULL_MONTHS}
_CLOCK = (
    r"(?:[T\s]\s*(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6})[0-9]*)?)?"
    r"(?:\s?(?P<half>[AaPp])\.?[Mm]\.?)?)?"
)
_PARTS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MM": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{1,2})",
    "Qn": r"[Qq](?P<quarter>[1-4])",
    "Month": r"(?P<name>[A-Za-z]{3,9})\.?",
}
_NOON = 12
_YEAR = re.compile(r"[0-9]{4}")
_BARE_DATE = re.compile(r"[0-9]{4}|[0-9]{8}|[12][0-9]{3}(?:0[1-9]|1[0-2])")
# An offset or the letter Z behind a time of day, as ISO 8601 writes it; other words for UTC.
_UTC = re.compile(r"\s?(?:UTC|GMT)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateForm:
    """A way to write a date: its name, and the function that reads it or raises ValueError."""

    name: str
    read: Callable[[str], datetime]


def _iso(text: str) -> datetime:
    return datetime.fromisoformat(_UTC.sub("Z", text))


def _whole_month(text: str) -> datetime:
    if not (_BARE_DATE.fullmatch(text) and len(text) == len("YYYYMM")):
        raise ValueError(text)
    return datetime(int(text[:4]), int(text[4:]), 1)  # noqa: DTZ001 - as written


def _form(name: str, *, clock: bool = False) -> DateForm:
    """Return the form that a name spells, such as DD/MM/YYYY, with or without a time of day."""
    parts = re.split(f"({'|'.join(_PARTS)})", name)
    pattern = re.compile(
        "".join(_PARTS.get(part) or re.escape(part) for part in parts) + (_CLOCK if clock else "")
    )

    def read(text: str) -> datetime:
        match = pattern.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return _date_of(match.groupdict())

    return DateForm(name=name, read=read)


def _date_of(found: dict[str, str | None]) -> datetime:
    """Return the date of a match. Raises ValueError where there is none, such as a 30 February."""
    month = int(found.get("month") or 1)
    if quarter := found.get("quarter"):
        month = 3 * int(quarter) - 2
    if (name := found.get("name")) is not None:
        month = _MONTH_NUMBERS.get(name.lower(), 0)
    hour = int(found.get("hour") or 0)
    if half := found.get("half"):
        if not 1 <= hour <= _NOON:
            raise ValueError(f"{hour} is not an hour before or after noon")
        hour = hour % _NOON + (_NOON if half in "Pp" else 0)
    return datetime(  # noqa: DTZ001 - as written
        int(found["year"] or 0),
        month,
        int(found.get("day") or 1),
        hour,
        int(found.get("minute") or 0),
        int(found.get("second") or 0),
        int((found.get("fraction") or "").ljust(6, "0")),
    )


ISO = "ISO 8601"
FORMS = (
    DateForm(name=ISO, read=_iso),
    *(_form(f"YYYY{sign}MM{sign}DD", clock=True) for sign in "-/."),
    *(_form(f"MM{sign}DD{sign}YYYY", clock=True) for sign in "/-"),
    *(_form(f"DD{sign}MM{sign}YYYY", clock=True) for sign in "/-."),
    *(_form(f"DD{sign}Month{sign}YYYY", clock=True) for sign in " -"),
    *(_form(name, clock=True) for name in ("Month DD, YYYY", "Month DD YYYY", "YYYY年MM月DD日")),
    *(_form(name) for name in ("YYYY-MM", "YYYY/MM", "MM/YYYY", "MM-YYYY", "MM.YYYY")),
    *(_form(name) for name in ("Month YYYY", "Month-YYYY", "YYYY年MM月", "YYYY年")),
    *(_form(name) for name in ("YYYYQn", "YYYY-Qn", "YYYY Qn", "Qn YYYY", "YYYY")),
    DateForm(name="YYYYMM", read=_whole_month),
)
NAMES = tuple(form.name for form in FORMS)


def read_date(text: str, form: DateForm) -> datetime | None:
    """Return a cell's date, or None where it is none in this form."""
    try:
        return form.read(text.strip())
    except (ValueError, OverflowError):
        return None


def is_year(text: str) -> bool:
    """Return whether a cell is a year and no more; a value may look the same."""
    return _YEAR.fullmatch(text.strip()) is not None


def is_date(text: str) -> bool:
    """Return whether a cell is a date in any form; of bare numbers YYYYMMDD, YYYYMM and YYYY."""
    text = text.strip()
    if is_number(text) and not _BARE_DATE.fullmatch(text):
        return False
    return any(read_date(text, form) is not None for form in FORMS)
