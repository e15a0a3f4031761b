"""Whether one forecast is better than another by more than chance.

The test of Diebold and Mariano (1995) with the correction for small samples of Harvey, Leybourne
and Newbold (1997).
"""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np

from trainer.fit.prediction import Floats
from trainer.interruption import held_back

Loss = Literal["squared", "absolute"]
Alternative = Literal["different", "first_better"]

_NO_SPREAD = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The mean loss of the first less that of the second, and how surely it is not chance.

    Below 0 the first is better. The statistic and its p-value are None where the rows cannot tell:
    not more of them than steps ahead, or every difference the same. Equal errors have p = 1.
    """

    loss_difference: float | None
    statistic: float | None
    p_value: float | None
    compared: int


def compare_errors(
    first: Floats,
    second: Floats,
    *,
    horizon: int,
    loss: Loss = "squared",
    alternative: Alternative = "different",
) -> Comparison:
    """Compare the errors of two forecasts of the same rows, made `horizon` steps ahead.

    Rows follow one another in time; those where either error is NaN are left out.
    """
    if first.shape != second.shape or horizon < 1:
        raise ValueError("two series of errors of one length and a horizon of at least 1")
    losses = [errors**2 if loss == "squared" else np.abs(errors) for errors in (first, second)]
    differences = losses[0] - losses[1]
    differences = differences[~np.isnan(differences)]
    rows = len(differences)
    if rows == 0:
        return Comparison(loss_difference=None, statistic=None, p_value=None, compared=0)
    mean = float(differences.mean())
    statistic, p_value = None, None
    if not differences.any():
        statistic, p_value = 0.0, 1.0
    elif rows > max(horizon, 1) and not _is_constant(differences):
        variance = _variance_of_mean(differences, horizon)
        correction = (rows + 1 - 2 * horizon + horizon * (horizon - 1) / rows) / rows
        statistic = mean / sqrt(variance) * sqrt(correction)
        p_value = _p_value(statistic, rows - 1, alternative)
    return Comparison(loss_difference=mean, statistic=statistic, p_value=p_value, compared=rows)


def _is_constant(differences: Floats) -> bool:
    return float(differences.std()) <= _NO_SPREAD * float(np.max(np.abs(differences)))


def _variance_of_mean(differences: Floats, horizon: int) -> float:
    """Return the variance of the mean: errors h steps ahead are correlated over h - 1 rows.

    Equal weights on those rows, as in the paper, may give a variance that is not positive; then
    the weights of Bartlett (1950) stand in, which cannot.
    """
    rows = len(differences)
    centred = differences - differences.mean()
    covariances = [float(centred[lag:] @ centred[: rows - lag]) / rows for lag in range(horizon)]
    total = covariances[0] + 2 * sum(covariances[1:])
    if total <= _NO_SPREAD * covariances[0]:
        weights = [1 - lag / horizon for lag in range(1, horizon)]
        total = covariances[0] + 2 * float(np.dot(weights, covariances[1:]))
    return total / rows


def _p_value(statistic: float, freedom: int, alternative: Alternative) -> float:
    with held_back():
        from scipy.stats import t  # noqa: PLC0415 - takes a second

    if alternative == "first_better":
        return float(t.cdf(statistic, freedom))
    return float(2 * t.sf(abs(statistic), freedom))
