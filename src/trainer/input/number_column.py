"""A column of cells to numbers, block by block.

A column has one decimal mark and one way to group thousands. The first cell that can be read in one
way only decides for all; until then what was read may still change, in the arrays that were
returned. Where no cell decides, the user is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.errors import DataError, RowsInvalidError
from trainer.input.numbers import (
    LARGEST_VALUE,
    MARKS,
    Decimal,
    Evidence,
    Mark,
    is_doubtful,
    is_missing,
)
from trainer.input.problems import Problems
from trainer.input.records import Flags, Floats, Places

MOST_UNDECIDED = 4_000_000
_PLAIN: dict[Mark, re.Pattern[str]] = {
    ".": re.compile(r"[0-9eE+\-.\n]*"),
    ",": re.compile(r"[0-9eE+\-,\n]*"),
}
_LONG = 10_000.0  # a number that would have groups where thousands are grouped
_NAN = float("nan")


@dataclass(slots=True, kw_only=True)
class NumberColumn:
    """Reads numbers. `name` is for messages; a missing one is NaN, or a problem if `is_needed`."""

    name: str
    problems: Problems
    told: Mark | None = None
    is_needed: bool = False
    error: type[DataError] = RowsInvalidError
    decimal: Decimal | None = None
    _evidence: Evidence = field(default_factory=Evidence)
    _doubtful: list[tuple[Floats, int, int, str]] = field(default_factory=list)
    _groupings: dict[str, tuple[int, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Take the mark that the user named."""
        if self.told is not None:
            self.decimal = Decimal(mark=self.told, reason=f"--decimal {self.told}")

    @property
    def is_open(self) -> bool:
        """Return whether a later cell may change what was read."""
        return bool(self._doubtful)

    def read(
        self, lines: Places, texts: Sequence[str], bad: Flags, *, is_cut_off: bool = False
    ) -> Floats:
        """Return the cells' numbers; mark rows whose cell is none.

        `is_cut_off`: the last cell may not be whole, so that it decides nothing for others.
        """
        joined = "\n".join(texts)
        if self.decimal is None and ("." in joined or "," in joined):
            self._look(lines, texts, is_cut_off=is_cut_off)
        has_mark = self.decimal is not None or not ("." in joined or "," in joined)
        numbers = self._plain(lines, texts, joined) if has_mark else None
        return self._one_by_one(lines, texts, bad) if numbers is None else numbers

    def accept(self, lines: Places, numbers: Floats, bad: Flags) -> Floats:
        """Return numbers that are none of a text; mark those that are not usable."""
        for place in np.flatnonzero(np.abs(numbers) > LARGEST_VALUE):
            what = "infinite" if np.isinf(numbers[place]) else f"beyond ±{LARGEST_VALUE:g}"
            self._refuse(lines, int(place), bad, f"{numbers[place]} is {what}")
        if self.is_needed:
            for place in np.flatnonzero(np.isnan(numbers)):
                self._refuse(lines, int(place), bad, "")
        return numbers

    def problem(self, text: str) -> str | None:
        """Return what is wrong with a cell, and change nothing."""
        if is_missing(text):
            return f"the {self.name} is missing" if self.is_needed else None
        marks = [self.decimal] if self.decimal else [Decimal(mark=mark) for mark in MARKS]
        for decimal in marks:
            try:
                decimal.read(text)
            except ValueError as exc:
                what = str(exc)
            else:
                return None
        return f"{self.name}: {what}"

    def finish(self) -> list[str]:
        """Return what has to be told. Raises where no cell decided what others are."""
        self._evidence.refuse(self.problems.name, self.error, self.name)
        if self.told is None and len(self._groupings) > 1:
            (first, (first_line, first_cell)), (other, (line, cell)), *_ = self._groupings.items()
            raise self.error(
                f"{self.problems.name}:{line}: {self.name}: {cell!r} groups thousands by "
                f"{other or 'nothing'}, {first_cell!r} on line {first_line} by "
                f"{first or 'nothing'}",
                remedy="group the thousands of all numbers in one way, or of none; if both are "
                "meant so, name the decimal mark with --decimal",
            )
        decimal = self.decimal or Decimal()
        grouped = "".join(f", thousands grouped by {sign}" for sign in self._groupings if sign)
        if decimal.mark == "," or self.told or grouped:
            return [f"numbers of {self.name!r} have {decimal.name}{grouped}"]
        return []

    def _look(self, lines: Places, texts: Sequence[str], *, is_cut_off: bool) -> None:
        for line, text in zip(lines[: len(texts) - is_cut_off], texts, strict=False):
            self._evidence.add(int(line), text)
            if self._evidence.counts:
                break
        if is_cut_off and not self._evidence.counts and not self._evidence.doubtful:
            self._evidence.add(int(lines[-1]), texts[-1])
        self.decimal = self._evidence.found
        if self.decimal is not None:
            for array, place, line, text in self._doubtful:
                array[place] = self.decimal.read(text)
                self._see_grouping(self.decimal, line, text)
            self._doubtful.clear()
        elif self._evidence.doubtful > MOST_UNDECIDED:
            self._evidence.refuse(self.problems.name, self.error, self.name)

    def _plain(self, lines: Places, texts: Sequence[str], joined: str) -> Floats | None:
        """Return the numbers where all are digits and a mark, else None."""
        mark = "." if self.decimal is None else self.decimal.mark
        if not _PLAIN[mark].fullmatch(joined):
            return None
        is_empty = joined.startswith("\n") or joined.endswith("\n") or "\n\n" in joined
        if not joined or (is_empty and self.is_needed):
            return None
        plain = joined.replace(",", ".").split("\n")
        if len(plain) != len(texts):
            return None
        try:
            read = (float(t) if t else _NAN for t in plain) if is_empty else map(float, plain)
            numbers = np.fromiter(read, np.float64, len(texts))
        except ValueError:
            return None
        if (np.abs(numbers) > LARGEST_VALUE).any():
            return None
        if "" not in self._groupings:
            for place in np.flatnonzero(np.abs(numbers) >= _LONG)[:1]:
                if (self.decimal or Decimal()).grouping(texts[int(place)]) == "":
                    self._groupings[""] = (int(lines[place]), texts[int(place)])
        return numbers

    def _one_by_one(self, lines: Places, texts: Sequence[str], bad: Flags) -> Floats:
        numbers = np.full(len(texts), _NAN)
        decimal = self.decimal or Decimal()
        for place, text in enumerate(texts):
            try:
                numbers[place] = decimal.read(text)
            except ValueError as exc:
                self._refuse(lines, place, bad, str(exc))
                continue
            if self.is_needed and is_missing(text):
                self._refuse(lines, place, bad, "")
                continue
            if self.decimal is None and is_doubtful(text):
                self._doubtful.append((numbers, place, int(lines[place]), text.strip()))
            else:
                self._see_grouping(decimal, int(lines[place]), text.strip())
        return numbers

    def _see_grouping(self, decimal: Decimal, line: int, text: str) -> None:
        grouping = decimal.grouping(text)
        if grouping is not None:
            self._groupings.setdefault(grouping, (line, text))

    def _refuse(self, lines: Places, place: int, bad: Flags, what: str) -> None:
        bad[place] = True
        told = f"{self.name}: {what}" if what else f"the {self.name} is missing"
        self.problems.add(int(lines[place]), told)
