"""The kernel's functions of the members beside ARIMA: numpy arrays in, arrays and numbers out.

No statistics here. Series have shape (rows,), NaN where a value is missing; `filled` is the same
without gaps. A model is an array of numbers whose places the C files give: smoothing, then states
before the first row.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.library import address, kernel_library

_SMOOTHING, _STATES = 4, 2  # of an ETS form: alpha, beta, gamma, phi; level, trend
_CES_SMOOTHING = 4


@dataclass(frozen=True, slots=True)
class Passed:
    """One-step forecasts of the rows, then means and variances of the steps that follow."""

    fitted: Floats
    means: Floats
    variances: Floats


class EtsForm:
    """Error 1 or 2 (added, multiplied), trend 0 to 2 (damped), season 0 to 2 and its steps."""

    def __init__(self, error: int, trend: int, seasonal: int, season: int) -> None:
        self._numbers = (ctypes.c_int * 4)(error, trend, seasonal, season)
        self.places = _SMOOTHING + _STATES + season

    def fit(  # noqa: PLR0913 - what the C function takes
        self,
        series: Floats,
        filled: Floats,
        *,
        tolerance: float,
        most: int,
        starts: int = 1,
        warm: Floats | None = None,
    ) -> tuple[Floats, float]:
        """Return the best numbers, from `warm` or else so many starts, and their log-likelihood.

        It is minus infinity where no start leads to a model.
        """
        found = np.zeros(self.places) if warm is None else np.array(warm, dtype=np.float64)
        rule = np.array([tolerance, 0 if warm is not None else starts])
        work = self._work(series)
        value = kernel_library().ets_fit(
            *(self._numbers, len(series), *map(address, (series, filled, rule)), most),
            *map(address, (found, work)),
        )
        return found, float(value)

    def evaluate(self, series: Floats, numbers: Floats) -> tuple[float, Floats]:
        """Return the log-likelihood at these numbers, and its slope for each of them."""
        slopes, work = np.zeros(self.places), self._work(series)
        value = kernel_library().ets_evaluate(
            self._numbers, len(series), *map(address, (series, numbers, slopes, work))
        )
        return float(value), slopes

    def run(self, series: Floats, numbers: Floats, variance: float, steps: int) -> Passed | None:
        """Run a model through a series and on; None where the series leaves what it can have."""
        passed, work = _empty(len(series), steps), self._work(series)
        is_done = kernel_library().ets_run(
            *(self._numbers, len(series), *map(address, (series, numbers))),
            *(ctypes.c_double(variance), steps),
            *map(address, (passed.fitted, passed.means, passed.variances, work)),
        )
        return passed if is_done else None

    def _work(self, series: Floats) -> Floats:
        return np.empty(kernel_library().ets_room(self._numbers, len(series)))


def theta_fit(filled: Floats) -> tuple[Floats, float]:
    """Return alpha, first level less first value, 1 - 1/theta, and the squares of the errors.

    The first three errors do not count.

    They are NaN below five rows.
    """
    numbers, work = np.zeros(3), np.empty(2 * len(filled))
    squares = kernel_library().theta_fit(len(filled), *map(address, (filled, numbers, work)))
    return numbers, float(squares)


def theta_run(filled: Floats, numbers: Floats, steps: int) -> Passed:
    """Run a model through a series and on; the variances are left at zero."""
    passed = _empty(len(filled), steps)
    kernel_library().theta_run(
        *(len(filled), *map(address, (filled, numbers)), steps),
        *map(address, (passed.fitted, passed.means)),
    )
    return passed


def ces_fit(  # noqa: PLR0913 - what the C function takes
    kind: int,
    season: int,
    series: Floats,
    filled: Floats,
    *,
    tolerance: float,
    most: int,
    warm: Floats | None = None,
) -> tuple[Floats, float]:
    """Return the numbers and the log-likelihood, minus infinity for none.

    `kind` is 0 to 3: without a season, simple, partial, full.
    """
    found = np.zeros(kernel_library().ces_numbers(kind, season))
    if warm is not None:
        found[:] = warm
    work = np.empty(kernel_library().ces_room(kind, season, len(series)))
    value = kernel_library().ces_fit(
        *(kind, season, len(series), *map(address, (series, filled))),
        *(ctypes.c_double(tolerance), most, int(warm is not None)),
        *map(address, (found, work)),
    )
    return found, float(value)


def ces_run(kind: int, season: int, series: Floats, numbers: Floats, steps: int) -> Passed | None:
    """Run a model through a series and on; variances are for errors of variance 1."""
    passed = _empty(len(series), steps)
    work = np.empty(kernel_library().ces_room(kind, season, len(series)))
    is_done = kernel_library().ces_run(
        *(kind, season, len(series), *map(address, (series, numbers)), steps),
        *map(address, (passed.fitted, passed.means, passed.variances, work)),
    )
    return passed if is_done else None


def cycles_fit(
    seasons: Sequence[int], series: Floats, *, tolerance: float, most: int
) -> tuple[Floats, float]:
    """Return the numbers and the log-likelihood, minus infinity for none; one to three seasons."""
    steps = (ctypes.c_int * len(seasons))(*seasons)
    found = np.zeros(kernel_library().cycles_numbers(len(seasons), steps))
    work = np.empty(kernel_library().cycles_room(len(seasons), steps))
    value = kernel_library().cycles_fit(
        *(len(seasons), steps, len(series), address(series), ctypes.c_double(tolerance), most),
        *map(address, (found, work)),
    )
    return found, float(value)


def cycles_run(
    seasons: Sequence[int], series: Floats, numbers: Floats, steps: int
) -> Passed | None:
    """Run a model through a series and on; variances are for innovations of variance 1."""
    passed = _empty(len(series), steps)
    lengths = (ctypes.c_int * len(seasons))(*seasons)
    work = np.empty(kernel_library().cycles_room(len(seasons), lengths))
    is_done = kernel_library().cycles_run(
        *(len(seasons), lengths, len(series), *map(address, (series, numbers)), steps),
        *map(address, (passed.fitted, passed.means, passed.variances, work)),
    )
    return passed if is_done else None


def is_seasonal(filled: Floats, season: int) -> bool:
    """Return whether the autocorrelation at the season passes the 90 % test of the Theta method."""
    return bool(kernel_library().season_is_visible(len(filled), address(filled), season))


def season_indices(filled: Floats, season: int, *, is_multiplied: bool) -> Floats | None:
    """Return the index of each position by classical decomposition; None where there is none."""
    indices, work = np.zeros(season), np.empty(len(filled))
    is_found = kernel_library().season_indices(
        *(len(filled), address(filled), season, int(is_multiplied)),
        *map(address, (indices, work)),
    )
    return indices if is_found else None


def smoothing_of(values: Floats, lowest: float, highest: float) -> float:
    """Return the simple exponential smoothing with the smallest one-step errors."""
    values = np.ascontiguousarray(values)
    bounds = ctypes.c_double(lowest), ctypes.c_double(highest)
    return float(kernel_library().demand_smoothing(len(values), address(values), *bounds))


def croston(filled: Floats, size: float, interval: float, factor: float) -> Floats:
    """Return Croston's forecast of each row, and one of what follows; shape (rows + 1,)."""
    found = np.zeros(len(filled) + 1)
    kernel_library().demand_croston(
        *(len(filled), address(filled), *map(ctypes.c_double, (size, interval, factor))),
        address(found),
    )
    return found


def by_probability(filled: Floats, size: float, probability: float) -> Floats:
    """Return the forecasts by size and probability of demand; shape (rows + 1,)."""
    found = np.zeros(len(filled) + 1)
    kernel_library().demand_probability(
        len(filled), address(filled), *map(ctypes.c_double, (size, probability)), address(found)
    )
    return found


def by_levels(filled: Floats, smoothing: Floats) -> Floats:
    """Return the mean of the forecasts of sums of 1, 2, … rows, each with its smoothing."""
    found, work = np.zeros(len(filled) + 1), np.empty(len(smoothing))
    for place, alpha in enumerate(smoothing.tolist()):
        kernel_library().demand_level(
            *(len(filled), address(filled), place + 1),
            *(ctypes.c_double(alpha), ctypes.c_double(1 / len(smoothing))),
            *map(address, (found, work)),
        )
    return found


def _empty(rows: int, steps: int) -> Passed:
    return Passed(np.zeros(rows), np.zeros(steps), np.zeros(steps))
