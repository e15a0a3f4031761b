"""Totals of days to the series: one value for each day, week or month, None where there is none."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

import numpy as np

from trainer.errors import InputEmptyError, RawFileInvalidError
from trainer.prepare.options import Options, Period
from trainer.prepare.totals import Day, Totals, as_fraction

MOST_PERIODS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days from first to last, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Return how many days these are."""
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The series: the first day of each period, its value, and what was left out or filled.

    `lines` of the file went into it.
    """

    dates: tuple[date, ...]
    values: tuple[float | None, ...]
    lines: int
    gaps: tuple[Span, ...]
    empty: int
    filled: int
    dropped: tuple[Span, ...]


def to_series(totals: Totals, options: Options, *, incomplete_from: int | None) -> Prepared:
    """Return the series. `incomplete_from` is the first day that lacks lines, if some do."""
    first, last = _covered(totals, options)
    periods, dropped = _whole_periods(first, last, options, incomplete_from)
    values = [_value(totals, span, options) for span in periods]
    known = [place for place, value in enumerate(values) if value is not None]
    if not known:
        raise InputEmptyError(
            f"no whole {options.by} is left",
            remedy="keep parts of one with --partial keep, or choose other dates",
        )
    # Empty values at the ends say nothing that the first and last date do not say.
    inner = slice(known[0], known[-1] + 1)
    periods, values = periods[inner], values[inner]
    filled = _filled(values, options)
    return Prepared(
        dates=tuple(date.fromordinal(start) for start, _ in periods),
        values=tuple(filled),
        lines=sum(day.lines for span in periods for day in _days(totals, span)),
        gaps=_gaps(totals, max(periods[0][0], first), min(periods[-1][1], last)),
        empty=sum(value is None for value in filled),
        filled=sum(value is None for value in values) - sum(value is None for value in filled),
        dropped=tuple(_span(*ends) for ends in dropped),
    )


def _whole_periods(
    first: int, last: int, options: Options, incomplete_from: int | None
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return first and last day of the periods that are kept, and of those that are dropped."""
    periods = list(_periods(first, last, options.by))
    if options.partial == "keep":
        return periods, []
    whole_to = last if incomplete_from is None else incomplete_from - 1
    kept = [span for span in periods if first <= span[0] and span[1] <= whole_to]
    parts = [span for span in periods if span[0] < first or span[1] > whole_to]
    return kept, [(max(start, first), min(end, last)) for start, end in parts]


def _covered(totals: Totals, options: Options) -> tuple[int, int]:
    """Return the first and last day that the file tells of, between `--from` and `--to`."""
    first, last = totals.first_day or 0, totals.last_day or 0
    if options.first is not None:
        first = max(first, options.first.toordinal())
    if options.last is not None:
        last = min(last, options.last.toordinal())
    if last - first >= MOST_PERIODS:
        span = _span(first, last)
        raise RawFileInvalidError(
            f"the dates reach from {span.first} to {span.last}: more than {MOST_PERIODS:,} days",
            remedy="exclude placeholder dates with --from and --to",
        )
    return first, last


def _span(first: int, last: int) -> Span:
    return Span(first=date.fromordinal(first), last=date.fromordinal(last))


def _periods(first: int, last: int, by: Period) -> Iterator[tuple[int, int]]:
    """Yield first and last day of every period that has a day from `first` to `last`."""
    start = _start(first, by)
    while start <= last:
        end = _next_start(start, by) - 1
        yield start, end
        start = end + 1


def _start(day: int, by: Period) -> int:
    given = date.fromordinal(day)
    if by == "week":
        return day - given.weekday()
    return given.replace(day=1).toordinal() if by == "month" else day


def _next_start(start: int, by: Period) -> int:
    if by != "month":
        return start + (7 if by == "week" else 1)
    later = date.fromordinal(start) + timedelta(days=31)
    return later.replace(day=1).toordinal()


def _value(totals: Totals, span: tuple[int, int], options: Options) -> float | None:
    """Return the measure; None without any line, and for a mean without selected ones."""
    days = _days(totals, span)
    lines = sum(day.lines for day in days)
    if not days or (options.measure == "mean" and lines == 0):
        return None
    if options.measure == "count":
        return float(lines)
    is_quantity = options.measure == "quantity"
    divisor = lines if options.measure == "mean" else 1
    if options.sums == "exact":
        units = sum(day.exact_quantity if is_quantity else day.exact_amount for day in days)
        return float(as_fraction(units) / divisor)
    return _plain_sum(days, is_quantity=is_quantity) / divisor


def _days(totals: Totals, span: tuple[int, int]) -> list[Day]:
    found = (totals.days.get(day) for day in range(span[0], span[1] + 1))
    return [day for day in found if day is not None]


def _plain_sum(days: Sequence[Day], *, is_quantity: bool) -> float:
    total = 0.0
    for day in days:
        total += day.quantity if is_quantity else day.amount
    return total


def _filled(values: Sequence[float | None], options: Options) -> list[float | None]:
    if options.fill == "none":
        return list(values)
    if options.fill == "zero":
        return [0.0 if value is None else value for value in values]
    known = [place for place, value in enumerate(values) if value is not None]
    line = np.interp(range(len(values)), known, [values[place] or 0.0 for place in known])
    return [float(line[place]) if value is None else value for place, value in enumerate(values)]


def _gaps(totals: Totals, first: int, last: int) -> tuple[Span, ...]:
    """Return the days without any line, neighbours together."""
    absent = [day for day in range(first, last + 1) if day not in totals.days]
    runs = groupby(enumerate(absent), key=lambda pair: pair[1] - pair[0])
    gaps = []
    for _, run in runs:
        days = [day for _, day in run]
        gaps.append(_span(days[0], days[-1]))
    return tuple(gaps)
