"""Fit a model of a given order to values, and forecast from it.

The fit is ours (`likelihood`, `starts`, `optimum`); the fitted numbers then become a statsmodels
SARIMAX, which forecasts and which the model file holds. statsmodels' own `fit` stops in worse
optima and reports success.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from trainer.errors import SeriesConstantError, SeriesTooShortError, ValuesTooSmallError
from trainer.likelihood import Coefficients, Floats, Likelihood, Order, difference
from trainer.optimum import Optimum, Start, find_optimum
from trainer.starts import starting_points

SMALLEST_SPREAD = 1e-5
_CONSTANT = 1e-10
_DIFFUSE = 1e8
_AGREEMENT = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a model is fitted to: numbers without gaps on an even calendar, and their name."""

    name: str
    numbers: Floats
    first_date: pd.Timestamp
    frequency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A fitted model by its values: enough to build it again without fitting.

    `parameters` are in statsmodels' order: intercept, ar, ma, seasonal ar, seasonal ma, variance.
    `initial_variance` is what a level before the first value may vary by.
    """

    sample: Sample
    order: Order
    parameters: tuple[float, ...]
    initial_variance: float
    coefficients: Coefficients


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A model and how well it was found. The criteria count the variance as a parameter."""

    model: Model
    log_likelihood: float
    aic: float
    aicc: float | None
    is_converged: bool
    is_at_boundary: bool
    largest_slope: float
    starts: tuple[Start, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Expected values and the bounds that hold with 80 and 95 % probability."""

    dates: pd.DatetimeIndex
    mean: Floats
    lower_80: Floats
    upper_80: Floats
    lower_95: Floats
    upper_95: Floats


def require_length(rows: int, order: Order) -> None:
    """Refuse a series that is too short for the order."""
    needed = order.lost + max(order.coefficients + 3, 2 * order.coefficients)
    if rows < needed:
        raise SeriesTooShortError(
            f"{rows} rows to train on are too few for {order}: it needs {needed}",
            remedy="give a longer series, hold out fewer rows, or choose a smaller order",
        )


def fit_model(sample: Sample, order: Order, *, warm: Coefficients | None = None) -> Fit:
    """Fit the order to a sample. `warm`, a model of a part of it, is one more start."""
    require_length(len(sample.numbers), order)
    differenced = difference(sample.numbers, order)
    centre = float(differenced.mean()) if order.has_constant else 0.0
    scale = _scale(sample.numbers, differenced, order)
    likelihood = Likelihood((differenced - centre) / scale, order)
    found = find_optimum(likelihood, starting_points(likelihood, warm))
    scaled = likelihood.coefficients(found.point)
    variance = likelihood.variance(found.point) * scale * scale
    model = Model(
        sample=sample,
        order=order,
        parameters=_parameters(scaled, centre + scaled.mean * scale, variance, order),
        initial_variance=_DIFFUSE * scale * scale,
        coefficients=replace(scaled, mean=0.0),
    )
    return _judged(model, found, len(differenced), -len(differenced) * float(np.log(scale)))


def _judged(model: Model, found: Optimum, rows: int, shift: float) -> Fit:
    """Return the fit in the data's own scale, which is `shift` away in log-likelihood."""
    height = found.log_likelihood + shift
    disagreement = _disagreement(model, height)
    count = model.order.coefficients + 1
    left = rows - count - 1
    aic = 2 * count - 2 * height
    return Fit(
        model=model,
        log_likelihood=height,
        aic=aic,
        aicc=aic + 2 * count * (count + 1) / left if left > 0 else None,
        is_converged=found.is_converged and not disagreement,
        is_at_boundary=found.is_at_boundary,
        largest_slope=found.largest_slope,
        starts=tuple(
            start
            if start.log_likelihood is None
            else replace(start, log_likelihood=start.log_likelihood + shift)
            for start in found.starts
        ),
        notes=disagreement,
    )


def build_results(model: Model) -> Any:  # noqa: ANN401 - statsmodels has no types
    """Return statsmodels' results object of a model; takes milliseconds, fits nothing."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - takes two seconds

    sample = model.sample
    index = pd.date_range(sample.first_date, periods=len(sample.numbers), freq=sample.frequency)
    series = pd.Series(sample.numbers, index=index, name=sample.name)
    return SARIMAX(series, **model_keywords(model)).filter(list(model.parameters))


def model_keywords(model: Model) -> dict[str, Any]:
    """Return the arguments that SARIMAX needs besides the series."""
    return {
        "order": model.order.trio,
        "seasonal_order": model.order.seasonal,
        "trend": "c" if model.order.has_constant else "n",
        "initial_variance": model.initial_variance,
        "tolerance": 0,  # else the filter takes small variances for none
    }


def forecast(results: Any, steps: int) -> Forecast:  # noqa: ANN401 - statsmodels has no types
    """Return the next steps after the last value."""
    found = results.get_forecast(steps)
    bounds = {share: found.conf_int(alpha=1 - share / 100).to_numpy() for share in (80, 95)}
    return Forecast(
        dates=pd.DatetimeIndex(found.predicted_mean.index),
        mean=found.predicted_mean.to_numpy(),
        lower_80=bounds[80][:, 0],
        upper_80=bounds[80][:, 1],
        lower_95=bounds[95][:, 0],
        upper_95=bounds[95][:, 1],
    )


def residuals(results: Any, order: Order) -> Floats:  # noqa: ANN401 - statsmodels has no types
    """Return the one-step errors of the fit; NaN for the rows that differencing takes."""
    errors = np.array(results.resid, dtype=np.float64)
    errors[: order.lost] = np.nan
    return errors


def _scale(numbers: Floats, differenced: Floats, order: Order) -> float:
    """Return the power of two next to the spread. Refuses a series that never changes."""
    spread = float(differenced.std() if order.has_constant else np.sqrt(np.mean(differenced**2)))
    if float(differenced.std()) <= _CONSTANT * float(np.max(np.abs(numbers))):
        what = "the series" if order.lost == 0 else f"the series, differenced for {order},"
        raise SeriesConstantError(
            f"{what} never changes in the training part",
            remedy="choose a column that varies, or predict its line without a model",
        )
    if spread < SMALLEST_SPREAD:
        raise ValuesTooSmallError(
            f"the values vary by {spread:.1g}, too little for statsmodels to compute with",
            remedy=f"give them in a smaller unit, so that they vary by more than {SMALLEST_SPREAD}",
        )
    return float(2.0 ** np.round(np.log2(spread)))


def _parameters(
    scaled: Coefficients, mean: float, variance: float, order: Order
) -> tuple[float, ...]:
    intercept = mean * (1 - scaled.ar.sum()) * (1 - scaled.seasonal_ar.sum())
    numbers = [
        *([intercept] if order.has_constant else []),
        *scaled.ar,
        *scaled.ma,
        *scaled.seasonal_ar,
        *scaled.seasonal_ma,
        variance,
    ]
    return tuple(float(number) for number in numbers)


def _disagreement(model: Model, height: float) -> tuple[str, ...]:
    """Return a note where statsmodels computes another likelihood for the same numbers."""
    theirs = float(build_results(model).llf)
    if abs(theirs - height) <= _AGREEMENT:
        return ()
    return (
        f"statsmodels computes log-likelihood {theirs:.3f} for the same model, not {height:.3f}",
    )
