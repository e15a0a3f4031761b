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
SEASONAL_MEAN = "seasonal_mean"
_SEASONAL = ("seasonal_naive", OF_LONGEST, SEASONAL_MEAN)
_MOST_SEASONS = 4  # of the seasonal mean: a month of weeks
_COUNTS = {
    "mean": 2,
    "recent_mean": 2,
    "naive": 1,
    "drift": 2,
    **dict.fromkeys(_SEASONAL, 1),
}
_RECENT = 3  # the recent mean is that of the last third


def fit(kind: str, values: Floats, season: int, form: str = "") -> Member:
    """Return a mean, the last value, the line from the first to the last value, or last season.

    The seasonal mean is that of the last four seasons at each position, moved to the level of the
    last rows; `form` says of how many.

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
        kind=kind, form=form, season=season, numbers=(), variance=0.0, count=_COUNTS[kind]
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
    if member.kind == SEASONAL_MEAN:
        return _levelled(member, values, horizon)
    season = member.season if member.kind in _SEASONAL else 1
    repeated = _repeated(values, season, horizon)
    return _ahead(repeated[:rows], repeated[rows:], member, (steps - 1) // season + 1)


def _levelled(member: Member, values: Floats, horizon: int) -> Ahead:
    """Return the mean of the last four seasons at each position, moved to the latest level.

    The level is that of the last rows, as many as the form says: how far they are from the same
    mean at their own positions. A gap counts as the last known value at its position.
    """
    rows, season, window = len(values), member.season, int(member.form)
    known = np.where(np.isnan(values), _repeated(values, season)[:rows], values)
    total, count = np.zeros(rows), np.zeros(rows)
    for back in range(0, min(rows, _MOST_SEASONS * season), season):
        before = known[: rows - back]
        total[back:] += np.where(np.isnan(before), 0.0, before)
        count[back:] += ~np.isnan(before)
    means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    off = np.where(np.isnan(known), 0.0, known - means)
    shift = _sums(off, window) / np.maximum(_sums((~np.isnan(known)).astype(float), window), 1)
    first = np.full(min(rows, season), np.nan)
    fitted = np.concatenate([first, means[: rows - len(first)] + shift[len(first) : rows]])
    ahead = np.arange(horizon)
    last = means[-season:] if rows >= season else np.full(season, np.nan)
    return _ahead(fitted, last[ahead % season] + shift[rows], member, ahead // season + 1)


def _sums(numbers: Floats, window: int) -> Floats:
    """Return the sum of the last rows before each row, and before the one that follows."""
    sums = np.concatenate([[0.0], np.cumsum(numbers)])
    before = np.maximum(np.arange(len(sums)) - window, 0)
    found: Floats = sums - sums[before]
    return found


def _repeated(values: Floats, season: int, horizon: int = 0) -> Floats:
    """Return for each row, and so many more, the last known value at its position before it."""
    total = len(values) + horizon
    rounds = -(-total // season)
    given = np.full(rounds * season, np.nan)
    given[: len(values)] = values
    grid = given.reshape(rounds, season)
    known = np.where(np.isnan(grid), 0, np.arange(rounds)[:, np.newaxis])
    last = np.maximum.accumulate(known, axis=0)[:-1]  # in round 0, where none is known, it is NaN
    before = np.vstack([np.full((1, season), np.nan), np.take_along_axis(grid, last, axis=0)])
    return before.ravel()[:total]


def _ahead(fitted: Floats, mean: Floats, member: Member, growth: npt.ArrayLike) -> Ahead:
    return Ahead(
        fitted=fitted,
        mean=mean,
        standard_error=np.sqrt(member.variance * np.asarray(growth, dtype=np.float64)),
    )
