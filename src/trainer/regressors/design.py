"""A plan and dates to columns of numbers, and which of several columns say something of their own.

Every number depends on its date and step alone: the columns of a forecast continue those of the
training part, and no processor changes a bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.errors import RegressorsInvalidError
from trainer.interruption import held_back
from trainer.regressors.plan import Plan
from trainer.regressors.waves import sine_and_cosine

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NEVER_CHANGES = 1e-12
_NOTHING_NEW = 1e-6
_WEEK_DAYS = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Regressors of consecutive steps: the name of each column, and shape (steps, columns)."""

    names: tuple[str, ...]
    matrix: Floats

    def kept(self, columns: Sequence[int]) -> "Design":
        """Return some of the columns."""
        names = tuple(self.names[column] for column in columns)
        return Design(names=names, matrix=self.matrix[:, list(columns)])

    def beside(self, other: "Design") -> "Design":
        """Return these columns and those of another design of the same steps."""
        return Design(
            names=(*self.names, *other.names), matrix=np.hstack([self.matrix, other.matrix])
        )


def design(plan: Plan, dates: "pd.DatetimeIndex", start: int) -> Design:
    """Return the plan's columns for consecutive dates.

    `start` is how many steps of the calendar the first of them is after the series' first date: 0
    for the training part, its length for what follows it. Monday, or January, is what the others
    are compared with: all seven, or twelve, would add up to the constant.
    """
    columns = dict[str, Floats]()
    if plan.weekday:
        days = np.asarray(dates.day_of_week)
        columns |= {f"weekday_{_WEEKDAYS[day]}": _flags(days == day) for day in range(1, 7)}
    if plan.month:
        months = np.asarray(dates.month)
        columns |= {f"month_{month:02d}": _flags(months == month) for month in range(2, 13)}
    if plan.holidays is not None:
        columns[f"holiday_{plan.holidays}"] = _holidays(plan.holidays, dates)
    for period, pairs in plan.fourier:
        spelled = repr(period).removesuffix(".0")  # all digits: the name says how to make it again
        for pair in range(1, pairs + 1):
            steps = range(start, start + len(dates))
            waves = np.array([sine_and_cosine(step * pair, period) for step in steps])
            waves = waves.reshape(len(dates), 2)
            columns[f"sin_{spelled}_{pair}"] = waves[:, 0]
            columns[f"cos_{spelled}_{pair}"] = waves[:, 1]
    matrix = np.column_stack(list(columns.values())) if columns else np.empty((len(dates), 0))
    return Design(names=tuple(columns), matrix=np.ascontiguousarray(matrix, dtype=np.float64))


def independent(matrix: Floats) -> tuple[int, ...]:
    """Return the columns that change and that no sum of the constant and those before gives.

    Each column is freed of what the kept ones before it explain (Gram-Schmidt, twice); what is left
    of a column that says nothing new is rounding.
    """
    kept, directions = list[int](), list[Floats]()
    for place in range(matrix.shape[1]):
        column = matrix[:, place]
        centred = column - _mean(column)
        length = _length(centred)
        if length <= _NEVER_CHANGES * max(_length(column), np.finfo(np.float64).tiny):
            continue
        rest = centred / length
        for direction in (*directions, *directions):
            rest = rest - _sum(rest * direction) * direction
        left = _length(rest)
        if left > _NOTHING_NEW:
            kept.append(place)
            directions.append(rest / left)
    return tuple(kept)


def dropped_notes(names: Sequence[str], matrix: Floats, kept: Sequence[int]) -> tuple[str, ...]:
    """Return a note on each column of the training part that `independent` did not keep."""
    notes = []
    for place in sorted(set(range(len(names))) - set(kept)):
        column = matrix[:, place]
        is_constant = not len(column) or bool((column == column[0]).all())
        why = "never changes" if is_constant else "follows from the others"
        notes.append(f"regressor {names[place]} {why} in the training part: dropped")
    return tuple(notes)


def _flags(flags: npt.NDArray[np.bool_]) -> Floats:
    return flags.astype(np.float64)


def _holidays(code: str, dates: "pd.DatetimeIndex") -> Floats:
    """Return 1 for each date that is a holiday, 0 for the others."""
    with held_back():
        import holidays  # noqa: PLC0415 - loads a thousand names, for those who ask for holidays

    if len(dates) > 1 and (dates[-1] - dates[0]).days >= _WEEK_DAYS * (len(dates) - 1):
        raise RegressorsInvalidError(
            "--calendar holidays: with a week or more from date to date, holidays lie between them",
            remedy="leave holidays out; for weeks or months give their number as a column "
            "with --regressors",
        )
    country, _, part = code.partition("-")
    years = sorted({int(year) for year in dates.year})
    # The years beside them bring holidays that were moved over New Year.
    around = range(years[0] - 1, years[-1] + 2) if years else range(0)
    known = holidays.country_holidays(country, subdiv=part or None, years=around)
    known.expand = False
    return np.array([float(day in known) for day in dates.date], dtype=np.float64)


def _mean(column: Floats) -> float:
    return _sum(column) / len(column) if len(column) else 0.0


def _length(column: Floats) -> float:
    return float(np.sqrt(_sum(column * column)))


def _sum(column: Floats) -> float:
    """Return the sum as NumPy adds, which is the same everywhere; a BLAS product is not."""
    return float(np.add.reduce(np.ascontiguousarray(column)))
