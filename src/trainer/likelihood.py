"""The exact Gaussian likelihood of a seasonal ARMA, free of bounds and of the data's scale.

The optimizer sees real numbers without bounds: each is turned into a partial autocorrelation, so
that every point is a stationary and invertible model. The variance is concentrated out. This is
the function that a compiled kernel can replace; nothing else here evaluates a likelihood.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_STEP = 1e-5
_ROUGH_STEP = 1e-7


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
    def coefficients(self) -> int:
        """Return how many numbers are estimated besides the variance."""
        return self.p + self.q + self.seasonal_p + self.seasonal_q + self.has_constant

    @property
    def lost(self) -> int:
        """Return how many rows differencing takes."""
        return self.d + self.seasonal_d * self.season

    def __str__(self) -> str:
        """Write it as textbooks do."""
        text = f"({self.p},{self.d},{self.q})"
        if self.season:
            text += f"({self.seasonal_p},{self.seasonal_d},{self.seasonal_q})[{self.season}]"
        return text + (" with constant" if self.has_constant else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """Lag polynomials as statsmodels writes them: 1 - ar, 1 + ma; and the mean."""

    ar: Floats
    ma: Floats
    seasonal_ar: Floats
    seasonal_ma: Floats
    mean: float


def difference(values: Floats, order: Order) -> Floats:
    """Return the differenced series."""
    for _ in range(order.d):
        values = np.diff(values)
    for _ in range(order.seasonal_d):
        values = values[order.season :] - values[: -order.season]
    return values


class Likelihood:
    """Log-likelihood of a differenced, centred and scaled series at points without bounds."""

    def __init__(self, series: Floats, order: Order) -> None:
        self.series = series
        self.order = order
        self.evaluations = 0

    def at(self, point: Floats) -> float:
        """Return the log-likelihood, or -inf where it cannot be computed."""
        self.evaluations += 1
        try:
            errors, variances = self._innovations(point)
        except (np.linalg.LinAlgError, ValueError, ZeroDivisionError):
            return -np.inf
        variance = float(np.mean(errors * errors / variances))
        if not (np.isfinite(variance) and variance > 0 and np.all(variances > 0)):
            return -np.inf
        spread = float(np.log(variances).sum())
        return float(-0.5 * (len(errors) * (np.log(2 * np.pi * variance) + 1) + spread))

    def gradient(self, point: Floats) -> Floats:
        """Return the gradient by central differences: exact to about six digits."""
        slopes = np.empty(len(point))
        for place in range(len(point)):
            step = np.zeros(len(point))
            step[place] = _STEP
            slopes[place] = (self.at(point + step) - self.at(point - step)) / (2 * _STEP)
        return slopes

    def rough_gradient(self, point: Floats) -> Floats:
        """Return the gradient by forward differences: half the work, to show the way up."""
        here = self.at(point)
        steps = np.eye(len(point)) * _ROUGH_STEP
        return np.array([self.at(point + step) - here for step in steps]) / _ROUGH_STEP

    def variance(self, point: Floats) -> float:
        """Return the variance of the innovations that fits best at this point."""
        errors, variances = self._innovations(point)
        return float(np.mean(errors * errors / variances))

    def coefficients(self, point: Floats) -> Coefficients:
        """Return the model that a point stands for."""
        order, start, parts = self.order, 0, list[Floats]()
        for count in (order.p, order.q, order.seasonal_p, order.seasonal_q):
            parts.append(_polynomial(point[start : start + count]))
            start += count
        mean = float(point[start]) if order.has_constant else 0.0
        return Coefficients(
            ar=parts[0], ma=-parts[1], seasonal_ar=parts[2], seasonal_ma=-parts[3], mean=mean
        )

    def _innovations(self, point: Floats) -> tuple[Floats, Floats]:
        from statsmodels.tsa.innovations.arma_innovations import (  # noqa: PLC0415 - takes a second
            arma_innovations,
        )

        model = self.coefficients(point)
        errors, variances = arma_innovations(
            self.series - model.mean,
            _expand(model.ar, model.seasonal_ar, self.order.season),
            -_expand(-model.ma, -model.seasonal_ma, self.order.season),
            sigma2=1,
            prefix="d",
        )
        return errors, variances


def to_point(coefficients: Coefficients, order: Order) -> Floats | None:
    """Return the point of a model; None where it is not stationary or not invertible."""
    parts = []
    for polynomial in (
        coefficients.ar,
        -coefficients.ma,
        coefficients.seasonal_ar,
        -coefficients.seasonal_ma,
    ):
        partial = _partial_autocorrelations(polynomial)
        if not np.all(np.abs(partial) < 1):
            return None
        parts.append(partial / np.sqrt(1 - partial * partial))
    mean = [coefficients.mean] if order.has_constant else []
    return np.concatenate([*parts, mean])


def _polynomial(free: Floats) -> Floats:
    """Return 1 - polynomial's coefficients from free numbers, by the Durbin-Levinson recursion."""
    coefficients = np.zeros(0)
    for partial in free / np.sqrt(1 + free * free):
        coefficients = np.append(coefficients - partial * coefficients[::-1], partial)
    return coefficients


def _partial_autocorrelations(coefficients: Floats) -> Floats:
    """Undo the Durbin-Levinson recursion; a value beyond 1 tells a root inside the unit circle."""
    partial = np.empty(len(coefficients))
    rest = np.array(coefficients, dtype=np.float64)
    for place in range(len(coefficients) - 1, -1, -1):
        last = rest[place]
        partial[place] = last
        if abs(last) >= 1:
            return np.full(len(coefficients), np.inf)
        rest = (rest[:place] + last * rest[:place][::-1]) / (1 - last * last)
    return partial


def _expand(plain: Floats, seasonal: Floats, season: int) -> Floats:
    """Return the coefficients of (1 - plain)(1 - seasonal) as one polynomial 1 - expanded."""
    if not len(seasonal):
        return plain
    stretched = np.zeros(len(seasonal) * season + 1)
    stretched[0] = 1
    stretched[season::season] = -seasonal
    return -np.convolve(np.concatenate([[1.0], -plain]), stretched)[1:]
