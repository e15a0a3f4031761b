"""The calendar that a series' dates follow, its season, and the dates that are absent from it."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from trainer.errors import DatesIrregularError

_LEAST_COVERAGE = 0.5
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAY_NAMES = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_DAY_S = 86_400
_WEEK_DAYS = 7
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
    for calendar in _candidates(dates):
        grid = calendar.between(dates[0], dates[-1])
        if dates.isin(grid).all() and len(dates) >= _LEAST_COVERAGE * len(grid):
            return _with_seasons(calendar, len(grid))
    steps = pd.Series(np.diff(dates.to_numpy()))
    common = steps.mode().iloc[0] if len(steps) else pd.Timedelta(0)
    odd = next((place for place, step in enumerate(steps) if step != common), 0)
    raise DatesIrregularError(
        f"{name}: the {len(dates)} dates follow no calendar: the most common step is {common}, "
        f"but {dates[odd]} is followed by {dates[min(odd + 1, len(dates) - 1)]}",
        remedy="give one row for each hour, day, business day, week, month, quarter or year; "
        "leave missing values empty",
    )


def _candidates(dates: pd.DatetimeIndex) -> list[Calendar]:
    """Return calendars from the coarsest to the finest; the first that fits is meant."""
    month, day = _MONTH_NAMES[dates[0].month - 1], _WEEKDAY_NAMES[dates[0].weekday()]
    found = []
    if len(dates) > 1 and (dates == dates.normalize()).all():
        found += [
            _calendar(f"YS-{month}", "yearly"),
            _calendar(f"YE-{month}", "yearly"),
            _calendar(f"QS-{month}", "quarterly"),
            _calendar(f"QE-{month}", "quarterly"),
            _calendar("MS", "monthly"),
            _calendar("ME", "monthly"),
            _calendar(f"W-{day}", "weekly"),
        ]
        if (dates.day_of_week < 5).all():  # noqa: PLR2004 - Monday to Friday
            found.append(_calendar("B", "business days"))
    return [*found, *_even_steps(dates)]


def _even_steps(dates: pd.DatetimeIndex) -> list[Calendar]:
    """Return the largest step of whole seconds that divides every gap."""
    seconds = np.diff(dates.to_numpy().astype("datetime64[s]")).astype(np.int64)
    step = int(np.gcd.reduce(seconds)) if len(seconds) else 0
    if step and _LEAST_COVERAGE * (seconds.sum() // step + 1) > len(dates):
        return []
    for unit, code, name in ((_DAY_S, "D", "daily"), (3600, "h", "hourly"), (60, "min", "minutes")):
        if step and step % unit == 0:
            count = step // unit
            if count == 1:
                return [_calendar(code, name)]
            return [_calendar(f"{count}{code}", f"every {count} {code}")]
    return [_calendar(f"{step}s", f"every {step} s")] if step else []


def _with_seasons(calendar: Calendar, rows: int) -> Calendar:
    """Return the calendar with its natural periods: weeks have a year from three years on."""
    natural = _natural_seasons(calendar)
    held = tuple(period for period in natural if rows >= FEWEST_REPEATS * period)
    season = calendar.season if calendar.season > 1 or not held else held[0]
    return replace(calendar, season=season, seasons=held)


def _natural_seasons(calendar: Calendar) -> tuple[int, ...]:
    if calendar.code.startswith("W-"):
        return (_WEEKS_A_YEAR,)
    if calendar.code.endswith(("h", "min", "s")):
        start = pd.Timestamp(0)
        step = calendar.after(start, 1)[0] - start
        day, rest = divmod(pd.Timedelta(days=1), step)
        return (day, _WEEK_DAYS * day) if day > 1 and not rest else ()
    return (calendar.season,) if calendar.season > 1 else ()


def _calendar(code: str, name: str) -> Calendar:
    return Calendar(code=code, name=name, season=_SEASONS.get(code.partition("-")[0], 1))
