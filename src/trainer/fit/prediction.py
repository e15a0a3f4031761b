"""What a forecaster expects of the steps after the last known value.

It is normal on the model's own scale, which a Box-Cox power (Box and Cox 1964) may part from that
of the data: points and bounds are turned back, and with them the median becomes the point, or the
mean where that is asked for. Intermittent demand is not normal: it is 0, or one of the demands that
were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.kernel.library import box_cox_back

if TYPE_CHECKING:
    from trainer.input.data import Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxCox:
    """The transform's power; 0 is the logarithm. `is_mean`: the mean is the point, not the median.

    The median turned back is that of the data, and is what most rows lie around; sums of forecasts
    need the mean, which is above it where the logarithm's spread is wide.
    """

    power: float
    is_mean: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Mean and standard error of each step, shape (steps,), on the model's scale.

    `floor` is the least value that can come, in the data's unit: below it nothing is forecast.
    `demands` are the values above 0 of an intermittent series, in order, shape (demands,).
    """

    mean: Floats
    standard_error: Floats
    box_cox: BoxCox | None = None
    floor: float | None = None
    demands: Floats | None = None

    @property
    def point(self) -> Floats:
        """Return the expected median of each step, or its mean, in the data's unit."""
        median = turned_back(self.mean, self.box_cox)
        if self.box_cox is None or not self.box_cox.is_mean:
            return self._raised(median)
        # To the second order: Hyndman and Athanasopoulos, "Forecasting", ch. 5.6.
        slope = self.box_cox.power * self.mean + 1
        spread = self.standard_error / slope
        factor = 1 + 0.5 * (1 - self.box_cox.power) * spread * spread
        return self._raised(np.where(slope > 0, median * factor, median))

    def quantile(self, probability: float) -> Floats:
        """Return what each step stays below with this probability, in the data's unit."""
        if self.demands is not None and len(self.demands):
            return self._raised(_demand_quantile(self.mean, self.demands, probability))
        distance = NormalDist().inv_cdf(probability)
        return self._raised(turned_back(self.mean + distance * self.standard_error, self.box_cox))

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Return lower and upper bounds that hold with probability `level` (0.8, 0.95)."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def _raised(self, values: Floats) -> Floats:
        return values if self.floor is None else np.maximum(values, self.floor)


def _demand_quantile(mean: Floats, demands: Floats, probability: float) -> Floats:
    """Return the quantile of what is 0 or one of the demands, so often that the mean is right.

    Where the mean is above that of the demands, these are larger by as much.
    """
    usual = float(np.add.reduce(demands)) / len(demands)
    chance = np.minimum(np.maximum(mean, 0) / usual, 1.0)
    rest = probability - (1 - chance)
    with np.errstate(divide="ignore", invalid="ignore"):
        place = np.ceil(rest / chance * len(demands)) - 1
    is_zero = ~(rest > 0) | (chance == 0)
    place = np.where(is_zero, 0, np.clip(place, 0, len(demands) - 1)).astype(np.int64)
    found: Floats = np.where(is_zero, 0.0, demands[place] * np.maximum(mean / usual, 1.0))
    return found


# Known values on their calendar and a number of steps; sees nothing that follows the known values.
Forecaster = Callable[["Series", int], Prediction]


def turned_back(values: Floats, box_cox: BoxCox | None) -> Floats:
    """Undo the Box-Cox transform; what lies outside its range becomes the range's end."""
    return values if box_cox is None else box_cox_back(values, box_cox.power)
