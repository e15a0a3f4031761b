"""What a member is, and what all kinds of them need."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import frexp, fsum
from typing import Any

import numpy as np

from trainer.fit.order import Floats

_CONSTANT = 1e-10
_LOG_2 = 0.6931471805599453


class MemberUnavailableError(Exception):
    """A kind cannot be fitted to this series; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A fitted forecaster as plain numbers, in the data's unit.

    `variance` is that of the errors one step ahead (relative errors where they multiply). `count`
    is the number of estimated parameters, states and the variance included. `log_likelihood` and
    `aicc` are None where a kind has no likelihood; they compare forms of one kind, and kinds that
    count the errors of all rows (ets without adjustment, ces, and ARIMA without differencing).
    """

    kind: str
    form: str
    season: int
    numbers: tuple[float, ...]
    variance: float
    count: int
    log_likelihood: float | None = None
    aicc: float | None = None

    @property
    def name(self) -> str:
        """Return kind and form, as a report names it."""
        return f"{self.kind} {self.form}" if self.form else self.kind

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; numbers survive to the last bit."""
        return {**asdict(self), "numbers": list(self.numbers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """A member's one-step forecast of each row, and mean and standard error of the next steps.

    Shapes (rows,), (horizon,), (horizon,). A standard error counts the errors to come, and not
    that the parameters are estimated. A row that a kind cannot forecast is NaN.
    """

    fitted: Floats
    mean: Floats
    standard_error: Floats


def middle(forecasts: Sequence[Floats]) -> Floats:
    """Return what is halfway from the mean of forecasts to their median, step by step.

    A median ignores how far the outermost members are, a mean is moved by a wild one without limit.
    """
    total = np.zeros(len(forecasts[0]))
    for forecast in forecasts:  # one after the other: the same bits everywhere
        total = total + forecast
    ordered = np.sort(np.array(forecasts), axis=0)
    half, is_odd = divmod(len(forecasts), 2)
    median: Floats = ordered[half] if is_odd else (ordered[half - 1] + ordered[half]) / 2
    found: Floats = 0.5 * (total / len(forecasts)) + 0.5 * median
    return found


def filled(values: Floats) -> Floats:
    """Return the series with its gaps on the line between their neighbours."""
    is_known = ~np.isnan(values)
    if is_known.all():
        return np.ascontiguousarray(values, dtype=np.float64)
    known = np.flatnonzero(is_known)
    return np.interp(np.arange(len(values)), known, values[known])


def known_count(values: Floats) -> int:
    """Return how many values are known."""
    return int(np.count_nonzero(~np.isnan(values)))


def unit_of(values: Floats) -> float:
    """Return the power of two next to the mean step between neighbours: dividing by it is exact.

    Raises MemberUnavailableError for a series without steps: there is nothing to estimate.
    """
    known = values[~np.isnan(values)]
    if len(known) < 2:  # noqa: PLR2004 - a step takes two
        raise MemberUnavailableError("fewer than two values")
    size = float(np.max(np.abs(known)))
    step = fsum((np.abs(known[1:] - known[:-1]) / size).tolist()) / (len(known) - 1) if size else 0
    if not step > _CONSTANT:
        raise MemberUnavailableError("the series never changes")
    return float(2.0 ** (frexp(step)[1] + frexp(size)[1] - 1))


def log_of_unit(unit: float) -> float:
    """Return the logarithm of a power of two: the log-likelihood of a row is less by it."""
    return (frexp(unit)[1] - 1) * _LOG_2


def aicc_of(log_likelihood: float, count: int, rows: int) -> float:
    """Return the corrected criterion of Akaike; infinite where the rows are too few for it."""
    left = rows - count - 1
    if left <= 0:
        return np.inf
    return -2 * log_likelihood + 2 * count + 2 * count * (count + 1) / left


def mean_square(errors: Floats, count: int) -> float:
    """Return the squares of the known errors over their number less the parameters'."""
    squares = [error * error for error in errors.tolist() if error == error]  # noqa: PLR0124 - NaN
    return fsum(squares) / max(1, len(squares) - count) if squares else 0.0
