"""Fit an order to a series by the kernel, and forecast from what was found.

Gaps (NaN) are missing values to the likelihood: nothing is filled in. The climb works in units of
a power of two next to the series' spread, so that no digit is lost on the way there and back.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import (
    LARGEST_AR,
    LARGEST_MA,
    MOST_EVALUATIONS,
    NO_COLUMNS,
    Arma,
    Levels,
    Top,
    coefficients,
)

LARGEST_SLOPE = 1e-2
_NEAR_BOUND = 0.99
_ROUGH = 1e-5
_LOG_2 = 0.6931471805599453


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start: its name, and the log-likelihood that it led to (None: to none)."""

    name: str
    log_likelihood: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """An order fitted to a series.

    `mean` is that of the differenced series (0 without a constant), `beta` the regressors'
    coefficients, `point` the kernel's free numbers. `slope` is the steepest rise that is left:
    log-likelihood per unit of a free number. AICc is infinite where the rows are too few for it.
    """

    order: Order
    point: Floats
    mean: float
    beta: Floats
    variance: float
    log_likelihood: float
    aic: float
    aicc: float
    slope: float
    is_at_boundary: bool
    starts: tuple[Start, ...]

    @property
    def is_converged(self) -> bool:
        """Return whether the top is flat."""
        return self.slope <= LARGEST_SLOPE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Differenced:
    """A series prepared for all orders of one differencing: in units of `scale`."""

    scale: float
    series: Floats
    columns: Floats
    quick_series: Floats
    quick_columns: Floats
    rows: int


def no_columns() -> Floats:
    """Return the regressors of a model without any."""
    return NO_COLUMNS


class Data:
    """A series of shape (rows,), with NaN for gaps, and regressors of shape (columns, rows)."""

    def __init__(self, series: Floats, columns: Floats = NO_COLUMNS) -> None:
        self.series = np.asarray(series, dtype=np.float64)
        self.columns = columns
        self.has_gaps = bool(np.isnan(self.series).any())
        self._known = int(np.count_nonzero(~np.isnan(self.series)))
        self._prepared: dict[tuple[int, int, int, bool], _Differenced] = {}

    def head(self, rows: int) -> "Data":
        """Return the first rows."""
        return Data(self.series[:rows], self.columns[:, :rows])

    def rows(self, order: Order) -> int:
        """Return how many values are left after differencing."""
        return self._known - order.lost

    def differenced(self, order: Order) -> _Differenced:
        """Return the series as the kernel takes it."""
        key = (order.d, order.seasonal_d, order.season, order.has_constant)
        if key not in self._prepared:
            filled = _filled(self.series) if self.has_gaps else self.series
            quick = difference(filled, order)
            scale = _spread(quick)
            columns = with_trend(self.columns, len(self.series), order)
            self._prepared[key] = _Differenced(
                scale=scale,
                series=self.series / scale,
                columns=columns,
                quick_series=np.ascontiguousarray(quick / scale),
                quick_columns=np.ascontiguousarray(difference(columns, order)),
                rows=self.rows(order),
            )
        return self._prepared[key]


class Likelihood:
    """The log-likelihood of an order for the data, in the data's scale."""

    def __init__(self, data: Data, order: Order) -> None:
        self.order = order
        self.has_gaps = data.has_gaps
        self.prepared = data.differenced(order)
        # The rows count in the likelihood's constant: log f(y) = log f(y / scale) - log scale.
        self.shift = -self.prepared.rows * _LOG_2 * (int(np.frexp(self.prepared.scale)[1]) - 1)
        self.quick = Arma(self.prepared.quick_series, order, self.prepared.quick_columns)
        self._exact: Arma | Levels = self.quick
        if data.has_gaps:
            self._exact = Levels(self.prepared.series, order, self.prepared.columns)

    def value(self, point: Floats) -> float:
        """Return the log-likelihood at a point; minus infinity where there is none."""
        return self._exact.value(point) + self.shift

    def climb(self, point: Floats, *, tolerance: float, most: int) -> Top:
        """Return the top that a point leads to, in the climb's unit.

        With gaps the way there leads over the filled series: its likelihood is a hundred times
        quicker, and its top is near. A rough climb ends there, and only tells the true height.
        """
        if isinstance(self._exact, Arma):
            return self._exact.climb(point, tolerance=tolerance, most=most)
        point = self.quick.climb(point, tolerance=tolerance, most=most).point
        if tolerance > _ROUGH:
            return self._exact.stay(point)
        return self._exact.climb(point, tolerance=tolerance, most=most)

    def start(self) -> Floats:
        """Return the regression's point."""
        return self.quick.start()

    def innovations(self, point: Floats) -> Floats:
        """Return one-step errors, each over the root of its variance up to one factor for all."""
        return self._exact.innovations(point) * self.prepared.scale


def fit(
    likelihood: Likelihood,
    starts: Iterable[tuple[str, Floats]],
    *,
    tolerance: float,
    most: int = MOST_EVALUATIONS,
) -> Fitted:
    """Return the best top that the starts lead to; of equals, the first.

    A climb ends when it promises less than `tolerance`, or after so many evaluations.

    Where no start leads to a model, its log-likelihood is minus infinity.
    """
    best: Top | None = None
    tried = []
    for name, point in starts:
        top = likelihood.climb(point, tolerance=tolerance, most=most)
        height = top.log_likelihood + likelihood.shift
        tried.append(Start(name=name, log_likelihood=height if height > -np.inf else None))
        if best is None or top.log_likelihood > best.log_likelihood + 1e-9:
            best = top
    if best is None:
        raise ValueError("no start was given")
    return _fitted(likelihood, best, tuple(tried))


def _fitted(likelihood: Likelihood, top: Top, starts: tuple[Start, ...]) -> Fitted:
    order, prepared = likelihood.order, likelihood.prepared
    height = top.log_likelihood + likelihood.shift
    count = order.lags + len(prepared.columns) + 1
    left = prepared.rows - count - 1
    aic = 2 * count - 2 * height
    beta = top.beta * prepared.scale
    slope, is_at_boundary = 0.0, False
    point = top.point.tolist()
    for at, rise, bound in zip(point, top.slope.tolist(), _bounds(order), strict=True):
        is_at_boundary |= abs(at) >= _NEAR_BOUND * bound
        if not (abs(at) >= bound and rise * at > 0):  # held by its bound, a rise does not count
            slope = max(slope, abs(rise) if rise == rise else np.inf)  # noqa: PLR0124 - NaN
    return Fitted(
        order=order,
        point=top.point,
        mean=float(beta[0]) if order.has_constant else 0.0,
        beta=beta[1:] if order.has_constant else beta,
        variance=top.variance * prepared.scale * prepared.scale,
        log_likelihood=height,
        aic=aic,
        aicc=aic + 2 * count * (count + 1) / left if left > 0 else np.inf,
        slope=slope,
        is_at_boundary=is_at_boundary,
        starts=starts,
    )


def predict(
    fitted: Fitted, series: Floats, steps: int, columns: Floats = NO_COLUMNS
) -> tuple[Floats, Floats]:
    """Return means and variances of the steps after the series; shapes (steps,).

    `columns` are the regressors of the series' rows and of the steps, (columns, rows + steps). The
    variances count the innovations alone, as is usual, and not that the parameters are estimated.
    """
    rows = len(series)
    fixed = _fixed_part(fitted, rows + steps, columns)
    scale = _power_of_two(float(np.sqrt(fitted.variance)))
    levels = Levels((series - fixed[:rows]) / scale, fitted.order)
    means, spreads, _ = levels.forecast(fitted.point, steps)
    return means * scale + fixed[rows:], spreads * fitted.variance


def predict_means(
    fitted: Fitted, series: Floats, steps: int, columns: Floats = NO_COLUMNS
) -> Floats:
    """Return the means alone; without gaps in the series this takes a tenth of the time."""
    if np.isnan(series).any():
        return predict(fitted, series, steps, columns)[0]
    order, rows = fitted.order, len(series)
    fixed = _fixed_part(fitted, rows + steps, columns)
    stages = [series - fixed[:rows]]
    gaps = [*[1] * order.d, *[order.season] * order.seasonal_d]
    for gap in gaps:
        stages.append(stages[-1][gap:] - stages[-1][:-gap])
    known = Arma(stages.pop(), order).forecast(fitted.point, steps).tolist()
    for gap, stage in zip(reversed(gaps), reversed(stages), strict=True):
        level = stage[-gap:].tolist()
        for value in known:
            level.append(value + level[-gap])
        known = level[gap:]
    return np.array(known) + fixed[rows:]


def parameters(fitted: Fitted) -> tuple[float, ...]:
    """Return the numbers as statsmodels orders them: intercept, regressors, lags, variance."""
    ar, ma, seasonal_ar, seasonal_ma = coefficients(fitted.order, fitted.point)
    intercept = fitted.mean * (1 - ar.sum()) * (1 - seasonal_ar.sum())
    first = [intercept] if fitted.order.has_constant else []
    numbers = (*first, *fitted.beta, *ar, *ma, *seasonal_ar, *seasonal_ma, fitted.variance)
    return tuple(float(number) for number in numbers)


def with_trend(columns: Floats, rows: int, order: Order) -> Floats:
    """Return the regressors with, first, the column that differencing turns into ones."""
    if not order.has_constant:
        return columns
    times = order.d + order.seasonal_d
    count = np.arange(rows, dtype=np.float64)
    for place in range(1, times):
        count = count * (count - place) / (place + 1)
    first = (count / order.season**order.seasonal_d if times else np.ones(rows)).reshape(1, -1)
    return np.vstack([first, columns]) if columns.size else first


def _fixed_part(fitted: Fitted, rows: int, columns: Floats) -> Floats:
    """Return what mean and regressors add to each row."""
    weights = [*([fitted.mean] if fitted.order.has_constant else []), *fitted.beta.tolist()]
    fixed = np.zeros(rows)
    for weight, column in zip(weights, with_trend(columns, rows, fitted.order), strict=True):
        fixed = fixed + weight * column
    return fixed


def _bounds(order: Order) -> list[float]:
    return [
        *([LARGEST_AR] * order.p + [LARGEST_MA] * order.q),
        *([LARGEST_AR] * order.seasonal_p + [LARGEST_MA] * order.seasonal_q),
    ]


def _filled(values: Floats) -> Floats:
    """Return a rough series without gaps, to find a start from."""
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), known, values[known])


def _spread(differenced: Floats) -> float:
    """Return the power of two next to the middle of the distances from the middle."""
    if not len(differenced):
        return 1.0
    half = len(differenced) // 2
    distances = np.sort(np.abs(differenced - np.sort(differenced)[half]))
    return _power_of_two(float(distances[half]) or float(distances[-1]))


def _power_of_two(spread: float) -> float:
    return float(2.0 ** int(np.frexp(spread)[1])) if 0 < spread < np.inf else 1.0
