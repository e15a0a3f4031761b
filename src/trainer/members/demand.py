"""Intermittent demand: rows of zeros between values.

Croston's (1972) forecast is the smoothed size over the smoothed interval of demand; SBA (Syntetos
and Boylan 2005) takes out its bias. TSB (Teunter, Syntetos and Babai 2011) smooths the probability
of demand instead of the interval, so the forecast falls while there is none. IMAPA (Petropoulos and
Kourentzes 2015) smooths sums of 1, 2, … rows and takes their mean. The smoothing is that of the
smallest one-step errors, from 0.1 to 0.3 where few values are smoothed (0.02 up for probabilities).
"""

from dataclasses import replace
from math import fsum

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.smoothing import by_levels, by_probability, croston, smoothing_of
from trainer.members.member import Ahead, Member, MemberUnavailableError, filled, mean_square

_BOUNDS = (0.1, 0.3)
_BOUNDS_OF_PROBABILITY = (0.02, 0.3)
MOST_LEVELS = 60  # rows in a sum


def fit(kind: str, values: Floats, season: int) -> Member:
    """Fit croston, sba, tsb or imapa.

    Raises MemberUnavailableError without a zero, with a negative value, or with fewer than two
    demands.
    """
    whole = filled(values)
    demands = np.flatnonzero(whole != 0)
    if (whole < 0).any():
        raise MemberUnavailableError("a demand is negative")
    if len(demands) < 2:  # noqa: PLR2004 - an interval takes two
        raise MemberUnavailableError("fewer than two demands")
    if len(demands) == len(whole):
        raise MemberUnavailableError("no value is zero")
    intervals = np.diff(demands, prepend=-1).astype(np.float64)
    if kind == "imapa":
        numbers = _levels(whole, intervals)
    elif kind == "tsb":
        is_demand = (whole != 0).astype(np.float64)
        numbers = (
            smoothing_of(whole[demands], *_BOUNDS),
            smoothing_of(is_demand, *_BOUNDS_OF_PROBABILITY),
        )
    else:
        numbers = smoothing_of(whole[demands], *_BOUNDS), smoothing_of(intervals, *_BOUNDS)
    member = Member(
        kind=kind, form="", season=season, numbers=numbers, variance=0.0, count=len(numbers) + 1
    )
    return replace(member, variance=mean_square(values - run(member, values, 0).fitted, 0))


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run it through a series and on: the forecast is the same for each step."""
    whole, numbers = filled(values), member.numbers
    if member.kind == "imapa":
        forecasts = by_levels(whole, np.array(numbers))
    elif member.kind == "tsb":
        forecasts = by_probability(whole, *numbers)
    else:
        size, interval = numbers
        factor = 1 - interval / 2 if member.kind == "sba" else 1.0
        forecasts = croston(whole, size, interval, factor)
    return Ahead(
        fitted=forecasts[:-1],
        mean=np.full(horizon, forecasts[-1]),
        standard_error=np.full(horizon, float(np.sqrt(member.variance))),
    )


def _levels(whole: Floats, intervals: Floats) -> tuple[float, ...]:
    """Return the smoothing of each level: sums of up to as many rows as the mean interval has."""
    most = round(fsum(intervals.tolist()) / len(intervals))
    levels = range(1, max(1, min(most, MOST_LEVELS, len(whole) // 2)) + 1)
    return tuple(smoothing_of(_sums(whole, level), *_BOUNDS) for level in levels)


def _sums(whole: Floats, level: int) -> Floats:
    """Return the sums of so many rows each that end with the last row."""
    used = whole[len(whole) % level :].reshape(-1, level)
    total = np.zeros(len(used))
    for column in used.T:  # one after the other: the same bits everywhere
        total = total + column
    return total
