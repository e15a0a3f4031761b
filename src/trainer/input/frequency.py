"""The calendar that a series' dates follow, its season, and the dates that are absent from it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from trainer.errors import DatesIrregularError
from trainer.input.grid import DAY_US, SECOND_US, Grid, is_edge, month_of
from trainer.input.records import Places

_LEAST_COVERAGE = 0.5
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAY_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAY_S = 86_400
_WEEK_DAYS = 7
_STEP = re.compile("([0-9]*)([A-Za-z]+)")
_PLAIN = {
    **dict.fromkeys(("YS", "YE"), ("yearly", "years")),
    **dict.fromkeys(("QS", "QE"), ("quarterly", "quarters")),
    **dict.fromkeys(("MS", "ME"), ("monthly", "months")),
    "W": ("weekly", "weeks"),
    "B": ("business days", "business days"),
    "D": ("daily", "days"),
    "h": ("hourly", "hours"),
    "min": ("every minute", "minutes"),
    "s": ("every second", "seconds"),
}
_SEASONS = {"h": 24, "D": 7, "B": 5, "MS": 12, "ME": 12, "QS": 4, "QE": 4}
_WEEKS_A_YEAR = 52
FEWEST_REPEATS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """An even step of time: its pandas name, plain name, and the steps of a season (1: none).

    `seasons` are all natural periods that the dates hold three times, the shortest first: of hours
    a day and a week.
    """

    code: str
    name: str
    season: int
    seasons: tuple[int, ...] = ()

    def between(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Return every date from first to last."""
        return pd.date_range(first, last, freq=self.code)

    def after(self, last: pd.Timestamp, steps: int) -> pd.DatetimeIndex:
        """Return the dates that follow."""
        return pd.date_range(last, periods=steps + 1, freq=self.code)[1:]


def find_calendar(dates: pd.DatetimeIndex, name: str) -> Calendar:
    """Return the calendar of sorted, different dates; some may be absent, but not most."""
    grid = find_grid(dates.to_numpy().astype("datetime64[us]").view(np.int64))
    if grid is not None:
        first, last = dates[0], dates[-1]
        calendar = calendar_of(grid)
        return seasoned(calendar, len(calendar.between(first, last)))
    steps = pd.Series(np.diff(dates.to_numpy()))
    common = steps.mode().iloc[0] if len(steps) else pd.Timedelta(0)
    odd = next((place for place, step in enumerate(steps) if step != common), 0)
    raise DatesIrregularError(
        f"{name}: the {len(dates)} dates follow no calendar: the most common step is {common}, "
        f"but {dates[odd]} is followed by {dates[min(odd + 1, len(dates) - 1)]}",
        remedy="give one row for each hour, day, business day, week, month, quarter or year; "
        "leave missing values empty",
    )


def find_grid(dates: Places) -> Grid | None:
    """Return the coarsest step that sorted, different dates follow; None without one.

    Dates are microseconds since 1970. Of the step's dates some may be absent, but not most.
    """
    for grid in _candidates(dates):
        places = grid.places(dates)
        if places is None or (np.diff(places) < 1).any():
            continue
        if len(dates) >= _LEAST_COVERAGE * (int(places[-1] - places[0]) + 1):
            return grid
    return None


def _candidates(dates: Places) -> Iterator[Grid]:
    """Yield grids from the coarsest to the finest; the first that fits is meant."""
    if len(dates) < 2:  # noqa: PLR2004 - one date has no step
        return
    days, rest = np.divmod(dates, DAY_US)
    if not rest.any():
        for is_end, mark in ((False, "S"), (True, "E")):
            if is_edge(dates[:1], is_end=is_end).all():
                yield from _months(int(month_of(dates[:1])[0]), mark, is_end=is_end)
        weekday = int((days[0] + 3) % _WEEK_DAYS)
        week = _WEEK_DAYS * DAY_US
        yield Grid(
            code=f"W-{_WEEKDAY_NAMES[weekday]}",
            name="weekly",
            unit="time",
            step=week,
            phase=int(dates[0] % week),
        )
        yield Grid(code="B", name="business days", unit="workday")
    yield from _even_steps(dates)


def _months(month: int, mark: str, *, is_end: bool) -> Iterator[Grid]:
    named = _MONTH_NAMES[month % 12]
    for code, name, step in (
        (f"Y{mark}-{named}", "yearly", 12),
        (f"Q{mark}-{named}", "quarterly", 3),
        (f"M{mark}", "monthly", 1),
    ):
        yield Grid(code=code, name=name, unit="month", step=step, phase=month % step, is_end=is_end)


def _even_steps(dates: Places) -> Iterator[Grid]:
    """Yield the largest step of whole seconds that divides every gap."""
    gaps = np.diff(dates)
    step, rest = divmod(int(np.gcd.reduce(gaps)), SECOND_US)
    if not step or rest:
        return
    code, name = f"{step}s", f"every {step} s"
    for unit, letter, plain in (
        (_DAY_S, "D", "daily"),
        (3600, "h", "hourly"),
        (60, "min", "minutes"),
    ):
        if step % unit == 0:
            count = step // unit
            code, name = (
                (letter, plain) if count == 1 else (f"{count}{letter}", f"every {count} {letter}")
            )
            break
    step *= SECOND_US
    yield Grid(code=code, name=name, unit="time", step=step, phase=int(dates[0] % step))


def seasoned(calendar: Calendar, rows: int) -> Calendar:
    """Return the calendar with its natural periods: weeks have a year from three years on."""
    natural = natural_seasons(calendar)
    held = tuple(period for period in natural if rows >= FEWEST_REPEATS * period)
    season = calendar.season if calendar.season > 1 or not held else held[0]
    return replace(calendar, season=season, seasons=held)


def named(code: str) -> str:
    """Return the plain name of a calendar, given pandas' name of its step: monthly for MS."""
    count, step = _STEP.fullmatch(code.partition("-")[0]).groups()  # type: ignore[union-attr]  # pandas' names
    single, several = _PLAIN[step]
    return single if count in ("", "1") else f"every {count} {several}"


def natural_seasons(calendar: Calendar) -> tuple[int, ...]:
    """Return the natural periods of a calendar, the shortest first, however few the rows are."""
    return _natural_seasons(calendar.code, calendar.season)


@cache
def _natural_seasons(code: str, season: int) -> tuple[int, ...]:
    if code.startswith("W-"):
        return (_WEEKS_A_YEAR,)
    if code.endswith(("h", "min", "s")):
        start = pd.Timestamp(0)
        step = pd.date_range(start, periods=2, freq=code)[1] - start
        day, rest = divmod(pd.Timedelta(days=1), step)
        return (day, _WEEK_DAYS * day) if day > 1 and not rest else ()
    return (season,) if season > 1 else ()


def calendar_of(grid: Grid) -> Calendar:
    """Return the calendar of a step, with the season that its name implies."""
    season = _SEASONS.get(grid.code.partition("-")[0], 1)
    return Calendar(code=grid.code, name=grid.name, season=season)
