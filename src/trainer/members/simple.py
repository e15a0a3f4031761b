"""Members for series on which nothing else can be estimated; one of them fits every series.

Their spread grows as theory says for them (Hyndman and Athanasopoulos, "Forecasting: principles and
practice", ch. 5.5).
"""

from dataclasses import replace
from math import fsum

import numpy as np
import numpy.typing as npt

from trainer.fit.order import Floats
from trainer.members.member import Ahead, Member, MemberUnavailableError, mean_square

OF_LONGEST = "long_seasonal_naive"
_SEASONAL = ("seasonal_naive", OF_LONGEST)
_COUNTS = {
    "mean": 2,
    "recent_mean": 2,
    "naive": 1,
    "drift": 2,
    **dict.fromkeys(_SEASONAL, 1),
}
_RECENT = 3  # the recent mean is that of the last third


def fit(kind: str, values: Floats, season: int) -> Member:
    """Return a mean, the last value, the line from the first to the last value, or last season.

    Raises MemberUnavailableError where the values that it repeats are not known.
    """
    known = np.flatnonzero(~np.isnan(values))
    if not known.size:
        raise MemberUnavailableError("no value is known")
    if kind == "drift" and known.size == 1:
        raise MemberUnavailableError("a line takes two values")
    if kind in _SEASONAL:
        if season < 2:  # noqa: PLR2004 - a season has positions
            raise MemberUnavailableError("the series has no season")
        if len(np.unique(known % season)) < season:
            raise MemberUnavailableError("some position of the season has no known value")
    member = Member(
        kind=kind, form="", season=season, numbers=(), variance=0.0, count=_COUNTS[kind]
    )
    errors = values - run(member, values, 0).fitted
    return replace(
        member, variance=mean_square(errors, int(kind in ("mean", "recent_mean", "drift")))
    )


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run it through a series and on. Rows before the values that it repeats are NaN.

    The means and the line are those of all rows, in their own rows too. A gap counts as its
    forecast.
    """
    known = np.flatnonzero(~np.isnan(values))
    rows, steps = len(values), np.arange(1, horizon + 1)
    if member.kind in ("mean", "recent_mean"):
        counted = values[known]
        if member.kind == "recent_mean":
            counted = counted[-max(1, len(known) // _RECENT) :]
        mean = fsum(counted.tolist()) / len(counted)
        growth = np.full(horizon, 1 + 1 / len(counted))
        return _ahead(np.full(rows, mean), np.full(horizon, mean), member, growth)
    if member.kind == "drift":
        first, last = int(known[0]), int(known[-1])
        slope = float(values[last] - values[first]) / (last - first) if last > first else 0.0
        fitted = _repeated(values, 1)[:rows]
        since = steps + (rows - 1 - last)
        mean = values[last] + slope * since
        return _ahead(fitted + slope, mean, member, since * (1 + since / max(1, last - first)))
    season = member.season if member.kind in _SEASONAL else 1
    repeated = _repeated(values, season, horizon)
    return _ahead(repeated[:rows], repeated[rows:], member, (steps - 1) // season + 1)


def _repeated(values: Floats, season: int, horizon: int = 0) -> Floats:
    """Return for each row, and so many more, the last known value at its position before it."""
    last: list[float] = [np.nan] * season
    found = []
    for row, value in enumerate([*values.tolist(), *[np.nan] * horizon]):
        place = row % season
        found.append(last[place])
        if value == value:  # noqa: PLR0124 - NaN
            last[place] = value
    return np.array(found)


def _ahead(fitted: Floats, mean: Floats, member: Member, growth: npt.ArrayLike) -> Ahead:
    return Ahead(
        fitted=fitted,
        mean=mean,
        standard_error=np.sqrt(member.variance * np.asarray(growth, dtype=np.float64)),
    )
