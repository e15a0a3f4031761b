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

if TYPE_CHECKING:
    from trainer.data import Series

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxCox:
    """The power, and what is added to the data before it is taken."""

    power: float
    shift: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Mean and standard error of each step, shape (steps,), on the model's scale."""

    mean: Floats
    standard_error: Floats
    box_cox: BoxCox | None = None

    @property
    def point(self) -> Floats:
        """Return the expected median of each step, in the data's unit."""
        return turned_back(self.mean, self.box_cox)

    def quantile(self, probability: float) -> Floats:
        """Return what each step stays below with this probability, in the data's unit."""
        distance = NormalDist().inv_cdf(probability)
        return turned_back(self.mean + distance * self.standard_error, self.box_cox)

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Return lower and upper bounds that hold with probability `level` (0.8, 0.95)."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)


# Known values on their calendar and a number of steps; sees nothing that follows the known values.
Forecaster = Callable[["Series", int], Prediction]


def turned_back(values: Floats, box_cox: BoxCox | None) -> Floats:
    """Undo the Box-Cox transform; what lies outside its range becomes the range's end."""
    if box_cox is None:
        return values
    if box_cox.power == 0:
        return np.exp(values) - box_cox.shift
    inside = np.maximum(box_cox.power * values + 1, 0.0)
    return np.asarray(inside ** (1 / box_cox.power) - box_cox.shift)
