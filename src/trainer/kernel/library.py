"""The kernel's functions for Python: numpy arrays in, plain values out. No statistics here.

The free numbers of a model (`point`) are in the order p, q, P, Q: each is a partial autocorrelation
r as r / sqrt(1 - r^2).
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from trainer.errors import LibraryMissingError
from trainer.fit.order import Floats, Order

LARGEST_AR = 50.0  # a partial autocorrelation of 0.9998
LARGEST_MA = 1000.0  # 0.9999995: differencing once too often leads there
MOST_EVALUATIONS = 1000
NO_COLUMNS = np.zeros((0, 0))
_BUILD = "build it with `hakobune compile`, or run the image, which contains it"
_SIZES = (
    *("arima_room", "kalman_room", "ets_room", "ces_room", "ces_numbers"),
    *("cycles_room", "cycles_numbers"),
)
_NUMBERS = (
    *("arima_evaluate", "kalman_evaluate", "ets_evaluate", "ets_fit", "theta_fit", "ces_fit"),
    *("cycles_fit", "demand_smoothing"),
)
_COUNTS = (
    *("arima_climb", "arima_forecast", "kalman_climb", "ets_run", "ces_run", "cycles_run"),
    *("season_is_visible", "season_indices", "arima_start"),
)
_NOTHING = (
    *("arima_coefficients", "theta_run", "numbers_transform", "numbers_turn_back"),
    *("demand_croston", "demand_probability", "demand_level"),
)
_RESULTS = (
    *((ctypes.c_size_t, _SIZES), (ctypes.c_double, _NUMBERS)),
    *((ctypes.c_int, _COUNTS), (None, _NOTHING)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """Where a climb ended: the point, its log-likelihood and gradient, and what goes with it."""

    point: Floats
    log_likelihood: float
    slope: Floats
    beta: Floats
    variance: float
    evaluations: int


@cache
def kernel_library() -> Any:  # noqa: ANN401 - ctypes has no types for what it loads
    """Return the compiled kernel. Raises LibraryMissingError where it is not built, or outdated."""
    return load(Path(__file__).with_name("arima.so"))


def load(path: Path) -> Any:  # noqa: ANN401 - as above
    """Return a compiled kernel, with the types of its results.

    Raises LibraryMissingError where it fails to load, lacks a function, or is older than a C file
    beside it: a call with other arguments than it was compiled for reads foreign memory. The image
    and the wheel have no C files.
    """
    try:
        library = ctypes.CDLL(str(path))
        for result, names in _RESULTS:
            for name in names:
                getattr(library, name).restype = result
    except (OSError, AttributeError) as exc:
        raise LibraryMissingError(
            f"the compiled kernel failed to load: {exc}", remedy=_BUILD
        ) from exc
    built = path.stat().st_mtime_ns
    for source in sorted([*path.parent.glob("*.c"), *path.parent.glob("*.h")]):
        if source.stat().st_mtime_ns > built:
            raise LibraryMissingError(
                f"the compiled kernel is older than its source {source.name}", remedy=_BUILD
            )
    for name in ("numbers_transform", "numbers_turn_back"):
        getattr(library, name).argtypes = [
            *(ctypes.c_int, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p),
        ]
    return library


def address(array: Any) -> ctypes.c_void_p:  # noqa: ANN401 - arrays of two types
    """Return where the numbers of an array begin, as C takes it; it keeps the array alive."""
    place = ctypes.c_void_p(array.ctypes.data)
    place.array = array  # type: ignore[attr-defined]  # else one made in a call is freed before it
    return place


def _numbers(order: Order) -> Any:  # noqa: ANN401 - a C array
    counts = (order.p, order.q, order.seasonal_p, order.seasonal_q, order.season)
    return (ctypes.c_int * 5)(*counts)


class Arma:
    """A series without missing values, already differenced, and the order to fit to it.

    `columns` are regressors, one a row, differenced in the same way.
    """

    def __init__(self, series: Floats, order: Order, columns: Floats = NO_COLUMNS) -> None:
        self.order = order
        self._series = np.ascontiguousarray(series, dtype=np.float64)
        self._columns = np.ascontiguousarray(columns, dtype=np.float64)
        numbers, rows, count = _numbers(order), len(self._series), len(self._columns)
        self._data = (numbers, rows, count, address(self._series), address(self._columns))
        # One array for all that goes in and out: an address costs as much as a short climb's step.
        lags = order.lags
        self._block = np.empty(
            2 * lags + 5 + count + kernel_library().arima_room(numbers, rows, count)
        )
        self._point, self._slope = self._block[:lags], self._block[lags : 2 * lags]
        self._rest = self._block[2 * lags : 2 * lags + 5 + count]
        first, at_rest = self._block.ctypes.data, self._rest.ctypes.data
        self._places = (
            *(ctypes.c_void_p(first), ctypes.c_void_p(first + 8 * lags)),
            *(ctypes.c_void_p(at_rest + 8 * place) for place in (0, 3, 4, 5)),
        )
        self._work = ctypes.c_void_p(at_rest + 8 * (5 + count))

    def start(self) -> Floats:
        """Return a point to climb from (Hannan and Rissanen); zeros where the series is short."""
        point = self._places[0]
        kernel_library().arima_start(*self._data, point, self._work)
        return self._point.copy()

    def value(self, point: Floats) -> float:
        """Return the log-likelihood at a point; minus infinity where there is none."""
        return self._evaluate(point, None, None)

    def gradient(self, point: Floats) -> Floats:
        """Return the gradient of the log-likelihood; shape (lags,)."""
        self._slope[:] = 0
        self._evaluate(point, self._places[1], None)
        return self._slope.copy()

    def innovations(self, point: Floats) -> Floats:
        """Return the one-step errors, each over the root of its variance; shape (rows,)."""
        found = np.zeros(len(self._series))
        self._evaluate(point, None, address(found))
        return found

    def forecast(self, point: Floats, steps: int) -> Floats:
        """Return the means of the next steps; the series must be given less its regressors."""
        self._point[:] = point
        means = np.zeros(steps)
        numbers, rows, _, series, _ = self._data
        if not kernel_library().arima_forecast(
            *(numbers, rows, series, self._places[0], steps, address(means), self._work)
        ):
            means[:] = np.nan
        return means

    def climb(self, point: Floats, *, tolerance: float, most: int = MOST_EVALUATIONS) -> Top:
        """Return the top that the climb from a point leads to."""
        at_point, at_slope, at_rules, at_value, at_variance, at_beta = self._places
        self._point[:] = point
        self._slope[:] = 0
        self._rest[:3] = tolerance, LARGEST_AR, LARGEST_MA
        self._rest[3:] = 0
        self._rest[3] = -np.inf
        used = kernel_library().arima_climb(
            *self._data,
            *(at_rules, most, at_point, at_value, at_slope, at_beta, at_variance, self._work),
        )
        return Top(
            point=self._point.copy(),
            log_likelihood=float(self._rest[3]),
            slope=self._slope.copy(),
            beta=self._rest[5:].copy(),
            variance=float(self._rest[4]),
            evaluations=used,
        )

    def _evaluate(
        self, point: Floats, slope: ctypes.c_void_p | None, found: ctypes.c_void_p | None
    ) -> float:
        self._point[:] = point
        at_point, _, _, _, at_variance, at_beta = self._places
        value = kernel_library().arima_evaluate(
            *(*self._data, at_point, slope, at_beta, at_variance, found, self._work)
        )
        return float(value)


class Levels:
    """A series as it is, with missing values (NaN), and the order that differences it."""

    def __init__(self, series: Floats, order: Order, columns: Floats = NO_COLUMNS) -> None:
        self.order = order
        self._series = np.ascontiguousarray(series, dtype=np.float64)
        self._columns = np.ascontiguousarray(columns, dtype=np.float64)
        self._numbers = _numbers(order)
        shape = (self._numbers, order.d, order.seasonal_d)
        self._data = (
            *shape,
            *(len(self._series), len(self._columns), address(self._series), address(self._columns)),
        )
        self._work = np.empty(kernel_library().kalman_room(*shape, len(self._columns)))

    def climb(self, point: Floats, *, tolerance: float, most: int = MOST_EVALUATIONS) -> Top:
        """Return the top that the climb from a point leads to."""
        point = np.array(point, dtype=np.float64)
        rules = np.array([tolerance, LARGEST_AR, LARGEST_MA])
        value, slope = np.full(1, -np.inf), np.zeros(len(point))
        beta, variance = np.zeros(len(self._columns)), np.zeros(1)
        used = kernel_library().kalman_climb(
            *(*self._data, address(rules), most),
            *(*map(address, (point, value, slope, beta, variance)), address(self._work)),
        )
        return Top(
            point=point,
            log_likelihood=float(value[0]),
            slope=slope,
            beta=beta,
            variance=float(variance[0]),
            evaluations=used,
        )

    def stay(self, point: Floats) -> Top:
        """Return what belongs to a point without a climb; its slope is not looked at."""
        point = np.array(point, dtype=np.float64)
        beta, variance = np.zeros(len(self._columns)), np.zeros(1)
        value = kernel_library().kalman_evaluate(
            *(
                *self._data,
                address(point),
                address(beta),
                address(variance),
                ctypes.byref(ctypes.c_int()),
            ),
            *(None, 0, None, None, address(self._work)),
        )
        return Top(
            point=point,
            log_likelihood=float(value),
            slope=np.zeros(len(point)),
            beta=beta,
            variance=float(variance[0]),
            evaluations=1,
        )

    def value(self, point: Floats) -> float:
        """Return the log-likelihood at a point; minus infinity where there is none."""
        return self.stay(point).log_likelihood

    def innovations(self, point: Floats) -> Floats:
        """Return the one-step errors over the root of their variance; 0 where there is none."""
        return self._run(point, 0)[3]

    def forecast(self, point: Floats, steps: int) -> tuple[Floats, Floats, float]:
        """Return means and variances of the next steps (innovations of variance 1), and the value.

        The series must be given less its regressors.
        """
        return self._run(point, steps)[:3]

    def _run(self, point: Floats, steps: int) -> tuple[Floats, Floats, float, Floats]:
        point = np.ascontiguousarray(point, dtype=np.float64)
        means, spreads = np.zeros(steps), np.zeros(steps)
        beta, variance = np.zeros(len(self._columns)), np.zeros(1)
        found = np.zeros((1 + len(self._columns), len(self._series)))
        value = kernel_library().kalman_evaluate(
            *(
                *self._data,
                address(point),
                address(beta),
                address(variance),
                ctypes.byref(ctypes.c_int()),
            ),
            *(address(found), steps, address(means), address(spreads), address(self._work)),
        )
        errors = found[0]
        for weight, column in zip(beta.tolist(), found[1:], strict=True):
            errors = errors - weight * column
        return means, spreads, float(value), errors


def coefficients(order: Order, point: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Return ar, ma, seasonal ar, seasonal ma as statsmodels writes them: 1 - ar, 1 + ma."""
    point = np.ascontiguousarray(point, dtype=np.float64)
    found = np.zeros(order.lags)
    kernel_library().arima_coefficients(_numbers(order), address(point), address(found))
    ends = np.cumsum([order.p, order.q, order.seasonal_p])
    ar, ma, seasonal_ar, seasonal_ma = np.split(found, ends)
    return ar, ma, seasonal_ar, seasonal_ma


def box_cox(values: Floats, power: float) -> Floats:
    """Return the Box-Cox transform of positive numbers; NaN stays NaN."""
    return _mapped("numbers_transform", values, power)


def box_cox_back(values: Floats, power: float) -> Floats:
    """Undo `box_cox`; what lies outside its range becomes the range's end."""
    return _mapped("numbers_turn_back", values, power)


def _mapped(name: str, values: Floats, power: float) -> Floats:
    given = np.ascontiguousarray(values, dtype=np.float64)
    found = np.empty_like(given)
    getattr(kernel_library(), name)(given.size, power, address(given), address(found))
    return found
