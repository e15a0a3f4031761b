"""Texts of cells to numbers. A column has one decimal mark, which nothing guesses.

`1.026` and `1,026` are about one, or about a thousand. What decides is another cell of the column
(`1.026,5`, `12.34`, `0.125`, `1.234.567`) or the user (`--decimal`); neither the delimiter nor the
form of the dates does.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from math import isinf
from typing import Literal, get_args

Mark = Literal[".", ","]
MARKS: tuple[Mark, ...] = get_args(Mark)
LARGEST_VALUE = 1e15
_MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
# Plain, no-break, narrow no-break and thin space, and both apostrophes.
_GROUPS = " \u00a0\u202f\u2009'\u2019"
_MINUS = "\u2212"  # as a typeset table has it
_NAMES: dict[Mark, str] = {".": "point", ",": "comma"}
_GROUPINGS = {".": "points", ",": "commas", "'": "apostrophes", "\u2019": "apostrophes"}
_FEWEST_GROUPED = 5  # 1234 stays whole in many places where 12 345 does not


def _form(mark: Mark, other: Mark) -> re.Pattern[str]:
    """Return the form of a number: groups of three by one sign, none of which begins with 0."""
    grouped = (
        rf"[1-9][0-9]{{0,2}}(?:(?P<sign>[{other}{_GROUPS}])[0-9]{{3}})(?:(?P=sign)[0-9]{{3}})*"
    )
    whole = rf"(?P<whole>[0-9]+)(?:[{mark}][0-9]*)?|[{mark}][0-9]+"
    return re.compile(
        rf"[+\-{_MINUS}]?(?:{grouped}(?:[{mark}][0-9]*)?|(?:{whole})(?:[eE][+-]?[0-9]{{1,4}})?)"
    )


_FORMS: dict[Mark, re.Pattern[str]] = {".": _form(".", ","), ",": _form(",", ".")}
_OTHERS: dict[Mark, re.Pattern[str]] = {
    ".": re.compile(rf"[,{_GROUPS}]"),
    ",": re.compile(rf"[.{_GROUPS}]"),
}


def is_missing(text: str) -> bool:
    """Return whether a cell says that there is no value."""
    return text.strip().lower() in _MISSING


def is_number(text: str) -> bool:
    """Return whether a cell is a number, whatever its decimal mark."""
    return bool(_fitting(text.strip()))


def is_doubtful(text: str) -> bool:
    """Return whether a cell is one number with a decimal point and another with a comma."""
    return ("." in text or "," in text) and len(_fitting(text.strip())) == len(MARKS)


def beyond(column: str, number: float) -> str:
    """Return what is wrong with a number that no file may have."""
    what = "infinite" if isinf(number) else f"beyond ±{LARGEST_VALUE:g}"
    return f"{column}: {float(number)} is {what}"


def _fitting(text: str) -> list[Mark]:
    return [mark for mark, form in _FORMS.items() if form.fullmatch(text)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decimal:
    """The decimal mark of a column, and what decided it: a cell, `--decimal`, or nothing needed."""

    mark: Mark = "."
    reason: str = ""

    @property
    def name(self) -> str:
        """Return the mark in words."""
        return f"a decimal {_NAMES[self.mark]}" + (f" ({self.reason})" if self.reason else "")

    def read(self, text: str) -> float:
        """Return the cell's number, NaN where it is missing. Raises ValueError with the reason."""
        text = text.strip()
        if is_missing(text):
            return float("nan")
        if _INFINITE.fullmatch(text):
            raise ValueError(f"{text!r} is infinite")
        if not _FORMS[self.mark].fullmatch(text):
            where = f" with {self.name}" if _fitting(text) else ""
            raise ValueError(f"{_shortened(text)} is not a number{where}")
        plain = text.replace(_MINUS, "-")
        number = float(_OTHERS[self.mark].sub("", plain).replace(",", "."))
        if abs(number) > LARGEST_VALUE:
            raise ValueError(f"{_shortened(text)} is beyond ±{LARGEST_VALUE:g}")
        return number

    def grouping(self, text: str) -> str | None:
        """Return what groups the thousands; "" if nothing does, None if the number is short."""
        match = _FORMS[self.mark].fullmatch(text.strip())
        if match is None:
            return None
        if sign := match["sign"]:
            return _GROUPINGS.get(sign, "spaces")
        return "" if len((match["whole"] or "").lstrip("0")) >= _FEWEST_GROUPED else None


@dataclass(slots=True)
class Evidence:
    """What the cells of a column that were seen so far show about its decimal mark."""

    counts: Counter[Mark] = field(default_factory=Counter)
    firsts: dict[Mark, Decimal] = field(default_factory=dict)
    doubtful: int = 0
    first_doubtful: tuple[int, str] | None = None

    def add(self, line: int, text: str) -> None:
        """Look at a cell."""
        if "." not in text and "," not in text:
            return
        text = text.strip()
        fitting = _fitting(text)
        if len(fitting) == 1:
            mark = fitting[0]
            self.counts[mark] += 1
            self.firsts.setdefault(mark, Decimal(mark=mark, reason=f"line {line}: {text!r}"))
        elif fitting:
            self.doubtful += 1
            self.first_doubtful = self.first_doubtful or (line, text)

    @property
    def found(self) -> Decimal | None:
        """Return the mark that most deciding cells have; None where there is none."""
        return self.firsts[self.counts.most_common(1)[0][0]] if self.counts else None

    def refuse(self, name: str, error: Callable[..., Exception], column: str = "") -> None:
        """Raise where a cell can be read two ways, and no other decides. `name` is the file's."""
        if self.counts or self.first_doubtful is None:
            return
        line, text = self.first_doubtful
        point, comma = (f"{Decimal(mark=mark).read(text):.15g}" for mark in MARKS)
        more = f" ({self.doubtful:,} such cells)" if self.doubtful > 1 else ""
        raise error(
            f"{name}:{line}: {column and column + ': '}{text!r} is {point} or {comma}: the "
            f"decimal mark is not known, and no other row decides{more}",
            remedy=f"repeat the command with --decimal . if the decimal mark is a point ({point}), "
            f"or with --decimal , if it is a comma ({comma})",
        )


def _shortened(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")  # noqa: PLR2004 - fits a line
