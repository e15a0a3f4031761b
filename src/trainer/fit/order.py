"""What an ARIMA model is by its numbers: the order, and the lag polynomials."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """(p,d,q)(P,D,Q)[m], and whether the differenced series has a constant."""

    p: int
    d: int
    q: int
    seasonal_p: int = 0
    seasonal_d: int = 0
    seasonal_q: int = 0
    season: int = 0
    has_constant: bool = False

    @property
    def trio(self) -> tuple[int, int, int]:
        """Return p, d, q."""
        return self.p, self.d, self.q

    @property
    def seasonal(self) -> tuple[int, int, int, int]:
        """Return P, D, Q, m."""
        return self.seasonal_p, self.seasonal_d, self.seasonal_q, self.season

    @property
    def lags(self) -> int:
        """Return how many lag coefficients are estimated."""
        return self.p + self.q + self.seasonal_p + self.seasonal_q

    @property
    def coefficients(self) -> int:
        """Return how many numbers are estimated besides the variance and the regressors."""
        return self.lags + self.has_constant

    @property
    def lost(self) -> int:
        """Return how many rows differencing takes."""
        return self.d + self.seasonal_d * self.season

    def __str__(self) -> str:
        """Write it as textbooks do."""
        text = f"({self.p},{self.d},{self.q})"
        if self.season:
            text += f"({self.seasonal_p},{self.seasonal_d},{self.seasonal_q})[{self.season}]"
        if not self.has_constant:
            return text
        return text + (" with constant" if self.d + self.seasonal_d == 0 else " with drift")


def difference(values: Floats, order: Order) -> Floats:
    """Return the series, or each row of a matrix, differenced as the order says."""
    for _ in range(order.d):
        values = values[..., 1:] - values[..., :-1]
    for _ in range(order.seasonal_d):
        values = values[..., order.season :] - values[..., : -order.season]
    return values
