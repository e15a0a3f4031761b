"""Points from which the likelihood is climbed: the same ones for the same series and order."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from trainer.likelihood import Coefficients, Floats, Likelihood, Order, to_point

_SEED = 20_131_231
_DRAWN = 60
_DRAWN_IF_COSTLY = 20
_KEPT = 6
_KEPT_IF_COSTLY = 3
_COSTLY = 250_000
_FREQUENCIES = 12


def starting_points(likelihood: Likelihood, warm: Coefficients | None) -> dict[str, Floats]:
    """Return named points: the library's default, regression, white noise, corners, random ones.

    `warm` is a model that fitted a part of the same series.
    """
    order, count = likelihood.order, likelihood.order.coefficients
    points: dict[str, Floats | None] = {"white_noise": np.zeros(count)}
    if count:
        points["warm"] = None if warm is None else to_point(warm, order)
        points["library_default"] = _library_default(likelihood)
        points["hannan_rissanen"] = _hannan_rissanen(likelihood)
        points.update(_corners(order))
        points.update(_most_likely(likelihood))
    return {name: point for name, point in points.items() if point is not None}


def _most_likely(likelihood: Likelihood) -> dict[str, Floats]:
    """Return the most likely of many points: looking at one is cheap, climbing from one is not."""
    is_costly = _cost(likelihood) > _COSTLY
    candidates = _drawn(likelihood, _DRAWN_IF_COSTLY if is_costly else _DRAWN)
    candidates.update(_oscillating(likelihood.order))
    heights = {name: likelihood.at(point) for name, point in candidates.items()}
    best = sorted(heights, key=lambda name: -heights[name])
    kept = _KEPT_IF_COSTLY if is_costly else _KEPT
    return {name: candidates[name] for name in best[:kept]}


def _cost(likelihood: Likelihood) -> int:
    order = likelihood.order
    width = max(
        order.p + order.seasonal_p * order.season, order.q + order.seasonal_q * order.season
    )
    return len(likelihood.series) * (1 + width) * order.coefficients


def _drawn(likelihood: Likelihood, count: int) -> dict[str, Floats]:
    """Return random points: the same ones always, none where one number alone is sought."""
    order = likelihood.order
    if order.coefficients - order.has_constant <= 1:
        return {}
    generator = np.random.default_rng(_SEED)
    points = {}
    for number in range(1, count + 1):
        point = generator.normal(scale=1.5, size=order.coefficients)
        point[order.coefficients - order.has_constant :] = 0.0
        points[f"random_{number}"] = point
    return points


def _oscillating(order: Order) -> dict[str, Floats]:
    """Return cycles of many lengths, which the moving average all but cancels.

    Such summits are narrow: a weekly cycle in 2,0,2 is one, and no ordinary start finds it.
    """
    if order.p < 2:  # noqa: PLR2004 - a cycle takes two lags
        return {}
    points = {}
    for step in range(1, _FREQUENCIES):
        cosine = np.cos(np.pi * step / _FREQUENCIES)
        for radius, damping in ((0.95, 0.9), (0.8, 0.0)):
            ar, ma = np.zeros(order.p), np.zeros(order.q)
            ar[:2] = 2 * radius * cosine, -radius * radius
            if order.q >= 2:  # noqa: PLR2004 - a cycle takes two lags
                ma[:2] = -2 * damping * cosine, damping * damping
            model = Coefficients(
                ar=ar,
                ma=ma,
                seasonal_ar=np.zeros(order.seasonal_p),
                seasonal_ma=np.zeros(order.seasonal_q),
                mean=0.0,
            )
            point = to_point(model, order)
            if point is not None:
                points[f"cycle_{2 * _FREQUENCIES / step:.2f}_{radius:g}"] = point
    return points


@contextmanager
def _silence() -> Iterator[None]:
    """Keep warnings of poor starting values to themselves: poor ones are just not kept."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _library_default(likelihood: Likelihood) -> Floats | None:
    """Return where statsmodels would start."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - takes a second

    order = likelihood.order
    try:
        with _silence():
            start = SARIMAX(
                likelihood.series,
                order=(order.p, 0, order.q),
                seasonal_order=(order.seasonal_p, 0, order.seasonal_q, order.season),
                trend="c" if order.has_constant else "n",
            ).start_params
    except (ValueError, IndexError, np.linalg.LinAlgError):
        return None
    parts = np.split(
        np.asarray(start, dtype=np.float64)[int(order.has_constant) :],
        np.cumsum([order.p, order.q, order.seasonal_p, order.seasonal_q]),
    )
    return to_point(
        Coefficients(
            ar=parts[0], ma=parts[1], seasonal_ar=parts[2], seasonal_ma=parts[3], mean=0.0
        ),
        order,
    )


def _hannan_rissanen(likelihood: Likelihood) -> Floats | None:
    """Return the regression on lagged values and lagged residuals of a long autoregression."""
    from statsmodels.tsa.arima.estimators.hannan_rissanen import (  # noqa: PLC0415 - takes a second
        hannan_rissanen,
    )

    order, none = likelihood.order, np.zeros(0)
    if order.season or not order.p + order.q:
        return None
    try:
        with _silence():
            found, _ = hannan_rissanen(likelihood.series, order.p, order.q, demean=False)
    except (ValueError, IndexError, np.linalg.LinAlgError):
        return None
    return to_point(
        Coefficients(
            ar=np.asarray(found.ar_params, dtype=np.float64),
            ma=np.asarray(found.ma_params, dtype=np.float64),
            seasonal_ar=none,
            seasonal_ma=none,
            mean=0.0,
        ),
        order,
    )


def _corners(order: Order) -> dict[str, Floats]:
    """Return points with strong memory in one part and the opposite in the other."""
    autoregressive = order.p + order.seasonal_p > 0
    moving = order.q + order.seasonal_q > 0
    points = {}
    for name, ar, ma in (
        ("persistent", 1.0, 0.0),
        ("ar_up_ma_down", 1.0, 1.0),
        ("reverting", -1.0, -1.0),
    ):
        if (ar and autoregressive) or (ma and moving):
            counts = (order.p, ar), (order.q, ma), (order.seasonal_p, ar), (order.seasonal_q, ma)
            parts = [np.full(count, value) for count, value in counts]
            points[name] = np.concatenate([*parts, np.zeros(int(order.has_constant))])
    return points
