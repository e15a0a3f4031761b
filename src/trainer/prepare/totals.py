"""Running totals of each day and each type. Their size grows with the days, not with the lines.

Plain sums add doubles in the order of the file, as the origin of the daily series did, and give
its very bits; another order of the lines may change the last digit. Exact sums hold each total as a
whole number of 2^-1126, which every double is a multiple of: no order of the lines changes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

import numpy as np

from trainer.input.records import Flags, Floats, Places
from trainer.prepare.options import Options
from trainer.prepare.reading import Rows

_UNIT_BITS = 1126
_MANTISSA_BITS = 53
_HALF_BITS = 26


@dataclass(slots=True)
class Day:
    """All lines of a day, and lines, amount and quantity of those selected."""

    all_lines: int = 0
    lines: int = 0
    amount: float = 0.0
    quantity: float = 0.0
    exact_amount: int = 0
    exact_quantity: int = 0


@dataclass(slots=True)
class TypeTotal:
    """Lines and amount of a type, of all lines that were read."""

    lines: int = 0
    amount: float = 0.0


@dataclass(slots=True)
class Totals:
    """What was added up so far. Days outside `--from` and `--to` are counted only."""

    options: Options
    days: dict[int, Day] = field(default_factory=dict)
    types: list[TypeTotal] = field(default_factory=list)
    lines: int = 0
    outside: int = 0
    selected: int = 0
    negative_quantities: int = 0
    zero_amounts: int = 0
    first_day: int | None = None
    last_day: int | None = None
    newest_line_day: int | None = None
    is_sorted: bool = True

    def add(self, rows: Rows, type_names: Sequence[str]) -> None:
        """Add what was read."""
        self._note_days(rows.days)
        self._add_types(rows, len(type_names))
        if rows.quantities is not None:
            self.negative_quantities += int((rows.quantities < 0).sum())
        if rows.amounts is not None:
            self.zero_amounts += int((rows.amounts == 0).sum())
        inside = _between(rows.days, self.options.first, self.options.last)
        self.outside += int((~inside).sum())
        selected = inside & _is_selected(rows, self.options, type_names)
        self.selected += int(selected.sum())
        days, places = np.unique(rows.days[inside], return_inverse=True)
        kept = [self.days.setdefault(int(day), Day()) for day in days]
        for day, count in zip(kept, np.bincount(places, minlength=len(kept)), strict=True):
            day.all_lines += int(count)
        self._add_selected(rows, selected, kept, places[selected[inside]])

    def _note_days(self, days: Places) -> None:
        self.lines += len(days)
        first, last = int(days.min()), int(days.max())
        newest = first if self.newest_line_day is None else self.newest_line_day
        self.is_sorted &= newest <= int(days[0]) and bool((np.diff(days) >= 0).all())
        self.first_day = first if self.first_day is None else min(self.first_day, first)
        self.last_day = last if self.last_day is None else max(self.last_day, last)
        self.newest_line_day = int(days[-1])

    def _add_types(self, rows: Rows, count: int) -> None:
        if rows.types is None:
            return
        self.types.extend(TypeTotal() for _ in range(count - len(self.types)))
        lines = np.bincount(rows.types, minlength=count)
        amounts = np.array([total.amount for total in self.types])
        if rows.amounts is not None:
            np.add.at(amounts, rows.types, rows.amounts)
        for place, total in enumerate(self.types):
            total.lines += int(lines[place])
            total.amount = float(amounts[place])

    def _add_selected(self, rows: Rows, selected: Flags, kept: list[Day], places: Places) -> None:
        for day, count in zip(kept, np.bincount(places, minlength=len(kept)), strict=True):
            day.lines += int(count)
        if rows.amounts is not None:
            self._sum(kept, places, rows.amounts[selected], "amount")
        if rows.quantities is not None:
            self._sum(kept, places, rows.quantities[selected], "quantity")

    def _sum(self, kept: list[Day], places: Places, values: Floats, name: str) -> None:
        if self.options.sums == "exact":
            exact = f"exact_{name}"
            for place, units in exact_sums(places, values, len(kept)):
                setattr(kept[place], exact, getattr(kept[place], exact) + units)
            return
        # From the totals so far, in the order of the lines: the bits of one long sum.
        totals = np.array([getattr(day, name) for day in kept], dtype=np.float64)
        np.add.at(totals, places, values)
        for day, total in zip(kept, totals, strict=True):
            setattr(day, name, float(total))


def exact_sums(places: Places, values: Floats, count: int) -> list[tuple[int, int]]:
    """Return the sum of each place's values, as a whole number of 2^-1126."""
    fractions, exponents = np.frexp(values)
    mantissas = np.ldexp(fractions, _MANTISSA_BITS).astype(np.int64)
    shifts = exponents.astype(np.int64) - _MANTISSA_BITS + _UNIT_BITS
    keys, groups = np.unique(shifts * count + places, return_inverse=True)
    # In halves of 26 and 27 bits, whose sums do not overflow 63 bits.
    high, low = (np.zeros(len(keys), dtype=np.int64) for _ in range(2))
    np.add.at(high, groups, mantissas >> _HALF_BITS)
    np.add.at(low, groups, mantissas & ((1 << _HALF_BITS) - 1))
    sums = dict[int, int]()
    for key, upper, lower in zip(keys.tolist(), high.tolist(), low.tolist(), strict=True):
        shift, place = divmod(key, count)
        sums[place] = sums.get(place, 0) + (((upper << _HALF_BITS) + lower) << shift)
    return list(sums.items())


def as_fraction(units: int) -> Fraction:
    """Return an exact sum as a number."""
    return Fraction(units, 1 << _UNIT_BITS)


def _between(days: Places, first: date | None, last: date | None) -> Flags:
    inside = np.ones(len(days), dtype=np.bool_)
    if first is not None:
        inside &= days >= first.toordinal()
    if last is not None:
        inside &= days <= last.toordinal()
    return inside


def _is_selected(rows: Rows, options: Options, type_names: Sequence[str]) -> Flags:
    selected = np.ones(len(rows.days), dtype=np.bool_)
    if options.types and rows.types is not None:
        selected &= np.array([name in options.types for name in type_names])[rows.types]
    if rows.is_wanted_product is not None:
        selected &= rows.is_wanted_product
    return selected
