"""What a forecaster expects of the steps after the last known value.

It is normal on the model's own scale, which a Box-Cox power (Box and Cox 1964) may part from that
of the data: points and bounds are turned back, and with them the median becomes the point.
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
    """The transform's power; 0 is the logarithm."""

    power: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Mean and standard error of each step, shape (steps,), on the model's scale.

    `floor` is the least value that can come, in the data's unit: below it nothing is forecast.
    """

    mean: Floats
    standard_error: Floats
    box_cox: BoxCox | None = None
    floor: float | None = None

    @property
    def point(self) -> Floats:
        """Return the expected median of each step, in the data's unit."""
        return self._raised(turned_back(self.mean, self.box_cox))

    def quantile(self, probability: float) -> Floats:
        """Return what each step stays below with this probability, in the data's unit."""
        distance = NormalDist().inv_cdf(probability)
        return self._raised(turned_back(self.mean + distance * self.standard_error, self.box_cox))

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Return lower and upper bounds that hold with probability `level` (0.8, 0.95)."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def _raised(self, values: Floats) -> Floats:
        return values if self.floor is None else np.maximum(values, self.floor)


# Known values on their calendar and a number of steps; sees nothing that follows the known values.
Forecaster = Callable[["Series", int], Prediction]


def turned_back(values: Floats, box_cox: BoxCox | None) -> Floats:
    """Undo the Box-Cox transform; what lies outside its range becomes the range's end."""
    return values if box_cox is None else box_cox_back(values, box_cox.power)
