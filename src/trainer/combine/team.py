"""Several forecasters as one: how their forecasts are joined, and how sure the whole is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.fit.order import Floats
from trainer.members.kinds import DEMAND_KINDS, run
from trainer.members.member import Member

Forecast = tuple[Floats, Floats]  # means and variances, both of shape (steps,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The weight of the ARIMA model, the other members with theirs, and the intervals' widths.

    The weights are from 0 up and sum to 1. `widths` are the factors of the standard error of step
    1, 2, …; the last one holds for all later steps.
    """

    arima: float
    others: tuple[tuple[float, Member], ...]
    widths: tuple[float, ...]

    @property
    def is_demand(self) -> bool:
        """Return whether its members are those of intermittent demand."""
        return not self.arima and any(member.kind in DEMAND_KINDS for _, member in self.others)

    def forecast(self, arima: Forecast, values: Floats, steps: int) -> Forecast:
        """Return the joined forecast of the steps after a series, given that of ARIMA."""
        parts, weights = [], []
        if self.arima > 0:
            parts.append(arima)
            weights.append(self.arima)
        for weight, member in self.others:
            ahead = run(member, values, steps)
            parts.append((ahead.mean, ahead.standard_error * ahead.standard_error))
            weights.append(weight)
        mean, variance = joined(weights, parts)
        return mean, variance * widened(self.widths, steps) ** 2


def widened(widths: Sequence[float], steps: int) -> Floats:
    """Return the factor of each step; the last one goes on."""
    places = np.minimum(np.arange(steps), len(widths) - 1)
    return np.array(widths, dtype=np.float64)[places]


def joined(weights: Sequence[float], parts: Sequence[Forecast]) -> Forecast:
    """Return halfway from the weighted mean to the weighted median, and the mixture's variance.

    A median ignores how far the outermost members are, a mean is moved by a wild one without
    limit. The variance is that of a mixture about the joined mean: the members' own, and how far
    they are apart.
    """
    mean = np.zeros(len(parts[0][0]))
    for weight, (part, _) in zip(weights, parts, strict=True):  # in order: the same bits everywhere
        mean = mean + weight * part
    middle = 0.5 * mean + 0.5 * _median(weights, [part for part, _ in parts])
    variance = np.zeros(len(middle))
    for weight, (part, spread) in zip(weights, parts, strict=True):
        variance = variance + weight * (spread + (part - middle) * (part - middle))
    return middle, variance


def _median(weights: Sequence[float], parts: Sequence[Floats]) -> Floats:
    """Return the weighted median of each step: half of the weight is on either side."""
    stacked, shares = np.array(parts), np.array(weights)
    places = np.argsort(stacked, axis=0, kind="stable")
    ordered = np.take_along_axis(stacked, places, axis=0)
    reached = np.cumsum(shares[places], axis=0)
    half = reached[-1] / 2
    tolerance = 1e-12
    lower = np.argmax(reached >= half - tolerance, axis=0)
    upper = np.argmax(reached > half + tolerance, axis=0)
    steps = np.arange(stacked.shape[1])
    found: Floats = 0.5 * ordered[lower, steps] + 0.5 * ordered[upper, steps]
    return found
