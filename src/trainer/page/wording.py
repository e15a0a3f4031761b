"""Numbers, dates and other people's text as they stand on the page."""

import html
import math
import unicodedata
from collections.abc import Sequence

import numpy as np

from trainer.page.content import Dates, Floats

ABSENT = "\N{EN DASH}"
MINUS, _TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Marks that turn the direction of the text after them: a name must not mirror the page.
_DIRECTION_MARKS = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_LARGEST_PLAIN, _SMALLEST_PLAIN = 15, -5
_THOUSANDTH = 0.001


def clean(text: str) -> str:
    """Return text on one line, without control characters and what cannot be written as UTF-8."""
    return "".join(_cleaned(letter) for letter in text).strip()


def _cleaned(letter: str) -> str:
    if letter in _DIRECTION_MARKS:
        return ""
    category = unicodedata.category(letter)
    if category in ("Cc", "Zl", "Zp"):
        return " "
    return "�" if category == "Cs" else letter


def escaped(text: str) -> str:
    """Return text so that HTML and SVG show it and run none of it."""
    return html.escape(clean(text), quote=True)


def isolated(text: str) -> str:
    """Return text in an element that keeps its direction of writing to itself."""
    return f"<bdi>{escaped(text)}</bdi>"


def shortened(text: str, longest: int) -> str:
    """Return text, cut where it is longer than its place."""
    text = clean(text)
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def shortened_inside(text: str, longest: int) -> str:
    """Return text without its middle where it is longer than its place: names differ at the end."""
    text = clean(text)
    tail = longest // 3
    return text if len(text) <= longest else f"{text[: longest - 1 - tail]}…{text[-tail:]}"


def is_number(value: float | None) -> bool:
    """Tell whether there is a number to show."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with this many significant digits, and all of those before the point."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    exponent = _exponent(value)
    if _SMALLEST_PLAIN <= exponent < _LARGEST_PLAIN:
        return fixed(value, max(0, digits - 1 - exponent))
    return f"{fixed(value / 10.0**exponent, 2)}{_TIMES}{power_of_ten(exponent)}"


def aligned(values: Sequence[float | None], digits: int = 4) -> list[str]:
    """Return the numbers of a column, all with as many decimals as suit the largest."""
    largest = max((abs(v) for v in values if v is not None and math.isfinite(v)), default=0.0)
    exponent = _exponent(largest) if largest else 0
    if not _SMALLEST_PLAIN <= exponent < _LARGEST_PLAIN:
        return [number(value, digits) for value in values]
    return [fixed(value, max(0, digits - 1 - exponent)) for value in values]


def fixed(value: float | None, places: int) -> str:
    """Return a number with this many decimals."""
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{value:,.{places}f}"
    if text.startswith("-") and not text.strip("-0.,"):
        text = text[1:]
    return text.replace("-", MINUS)


def power_of_ten(exponent: int) -> str:
    """Return 10 with its exponent raised."""
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def percent(share: float | None) -> str:
    """Return a share (0.12) as percent (12 %)."""
    if share is None or not math.isfinite(share):
        return ABSENT
    return f"{number(100 * share, 3 if abs(share) >= 0.1 else 2)}\u00a0%"  # noqa: PLR2004 - 10 %


def probability(value: float | None) -> str:
    """Return what follows the p of a p-value."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return "< 0.001" if value < _THOUSANDTH else f"= {value:.3f}"


def count(amount: int, one: str, many: str | None = None) -> str:
    """Return an amount with its noun."""
    return f"{amount:,} {one if amount == 1 else many or one + 's'}"


def listed(texts: list[str]) -> str:
    """Return texts as they are said: a, b and c."""
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def date(moment: np.datetime64) -> str:
    """Return a date as fine as its unit says."""
    if np.isnat(moment):
        return ABSENT
    unit = np.datetime_data(moment.dtype)[0]
    day, _, clock = str(moment.astype("datetime64[s]")).partition("T")
    year, month, day_of_month = day.rsplit("-", 2)
    if unit == "Y":
        return year
    if unit == "M":
        return f"{month_name(int(month))} {year}"
    words = f"{int(day_of_month)} {month_name(int(month))} {year}"
    return words if clock == "00:00:00" else f"{words} {clock.removesuffix(':00')}"


def as_fine_as(dates: object, calendar: str) -> Dates:
    """Return numpy dates in the unit that they are read in: months, years, days or finer.

    `calendar` is a code such as "MS", "YE-DEC" or "h".
    """
    found: Dates = np.asarray(dates, dtype="datetime64[us]")
    unit = calendar.partition("-")[0]
    if unit in ("MS", "ME"):
        return found.astype("datetime64[M]")
    if unit in ("YS", "YE"):
        return found.astype("datetime64[Y]")
    is_days = bool((found == found.astype("datetime64[D]")).all())
    return found.astype("datetime64[D]" if is_days else "datetime64[s]")


def month_name(month: int) -> str:
    """Return the short name of month 1 to 12."""
    return _MONTHS[month - 1]


def seconds(dates: Dates) -> Floats:
    """Return dates as seconds since 1970, to be drawn."""
    return np.asarray(dates.astype("datetime64[s]").astype(np.int64), dtype=np.float64)


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value)))
