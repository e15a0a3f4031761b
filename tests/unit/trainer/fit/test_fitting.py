"""Fits and forecasts in the data's own units, against statsmodels."""

import numpy as np
import pytest

from tests.unit.trainer.kernel.drawn import numbers, sarimax
from trainer.fit.fitting import (
    Data,
    Fitted,
    Likelihood,
    fit,
    parameters,
    predict,
    predict_means,
    with_trend,
)
from trainer.fit.order import Floats, Order, difference

NONE = np.zeros((0, 0))
ORDERS = (
    Order(p=1, d=0, q=1, has_constant=True),
    Order(p=1, d=1, q=1, has_constant=True),
    Order(p=0, d=2, q=1),
    Order(p=1, d=0, q=0, seasonal_p=1, season=7, has_constant=True),
    Order(p=0, d=1, q=1, seasonal_d=1, seasonal_q=1, season=7),
    Order(p=1, d=0, q=0, seasonal_d=1, seasonal_q=1, season=7, has_constant=True),
)


def swinging(rows: int, seed: int = 0) -> Floats:
    generator = np.random.default_rng(seed)
    season = np.resize(generator.normal(size=7), rows)
    walk: Floats = generator.normal(size=rows).cumsum()
    return 50 + 0.1 * np.arange(rows) + 3 * season + walk


def fitted(series: Floats, order: Order, columns: Floats = NONE) -> Fitted:
    likelihood = Likelihood(Data(series, columns), order)
    starts = [("regression", likelihood.start()), ("noise", np.zeros(order.lags))]
    return fit(likelihood, starts, tolerance=1e-10)


def with_hole(series: Floats) -> Floats:
    series = series.copy()
    series[[3, 40, 41, 42, 43, 77]] = np.nan
    return series


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(
    "series",
    [pytest.param(swinging(120), marks=pytest.mark.slow), with_hole(swinging(120))],
    ids=["whole", "gaps"],
)
@pytest.mark.parametrize("count", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_forecasts_and_variances_are_those_of_statsmodels(
    order: Order, series: Floats, count: int
) -> None:
    rows, steps = 120, 14
    columns = np.random.default_rng(1).normal(size=(count, rows + steps)) if count else NONE
    if count:
        series = series + np.array([2.0, -1.0]) @ columns[:, :rows]
    found = fitted(series, order, columns[:, :rows])
    means, variances = predict(found, series, steps, columns)
    trend = with_trend(columns, rows + steps, order)
    beta = np.array([*([found.mean] if order.has_constant else []), *found.beta])
    model = sarimax(series, order, trend[:, :rows], use_exact_diffuse=True)
    theirs = model.filter(numbers(order, found.point, beta, found.variance))
    ahead = theirs.get_forecast(steps, exog=trend[:, rows:].T if len(trend) else None)
    np.testing.assert_allclose(means, ahead.predicted_mean, rtol=1e-8)
    np.testing.assert_allclose(variances, ahead.var_pred_mean, rtol=1e-8)
    np.testing.assert_allclose(predict_means(found, series, steps, columns), means, rtol=1e-9)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_log_likelihood_and_criteria_are_those_of_statsmodels(order: Order) -> None:
    series = swinging(120, seed=2)
    found = fitted(series, order)
    trend = with_trend(NONE, len(series), order)
    beta = np.array([found.mean] if order.has_constant else [])
    model = sarimax(series, order, trend, simple_differencing=True)
    theirs = model.filter(numbers(order, found.point, beta, found.variance))
    assert found.log_likelihood == pytest.approx(theirs.llf, rel=1e-9)
    assert found.aic == pytest.approx(theirs.aic, rel=1e-9)
    assert found.aicc == pytest.approx(theirs.aicc, rel=1e-9)
    assert found.is_converged


def test_parameters_are_in_the_order_of_statsmodels() -> None:
    order = Order(p=1, d=0, q=1, seasonal_p=1, season=7, has_constant=True)
    columns = np.random.default_rng(3).normal(size=(1, 120))
    series = swinging(120, seed=3) + columns[0]
    found = fitted(series, order, columns)
    model = sarimax(series, order, columns)
    with_constant = model.clone(series, exog=columns.T, trend="c")
    theirs = with_constant.filter(list(parameters(found)))
    assert theirs.llf == pytest.approx(found.log_likelihood, rel=1e-9)


@pytest.mark.parametrize(
    "series", [swinging(120, seed=4), with_hole(swinging(120, seed=4))], ids=["whole", "gaps"]
)
@pytest.mark.parametrize(
    ("factor", "share"), [(2.0**40, 0.0), (2.0**-30, 0.0), (1e6, 1e-9), (3e-5, 1e-9)]
)
def test_the_unit_of_the_values_changes_nothing(
    factor: float, share: float, series: Floats
) -> None:
    for order in (ORDERS[1], ORDERS[4]):
        one, other = fitted(series, order), fitted(series * factor, order)
        np.testing.assert_allclose(other.point, one.point, rtol=share * 1e3, atol=0)
        assert other.mean == pytest.approx(one.mean * factor, rel=share * 1e3, abs=0)
        shift = (np.count_nonzero(~np.isnan(series)) - order.lost) * np.log(factor)
        assert other.log_likelihood == pytest.approx(one.log_likelihood - shift, rel=1e-12)
        means, variances = predict(one, series, 10)
        again, spreads = predict(other, series * factor, 10)
        np.testing.assert_allclose(again / factor, means, rtol=share, atol=0)
        np.testing.assert_allclose(spreads / factor**2, variances, rtol=share * 1e2, atol=0)


def test_a_drift_goes_on() -> None:
    series = 5 + 0.25 * np.arange(60) + 1e-3 * np.random.default_rng(5).normal(size=60)
    order = Order(p=0, d=1, q=1, has_constant=True)
    means, _ = predict(fitted(series, order), series, 8)
    np.testing.assert_allclose(means, 5 + 0.25 * np.arange(60, 68), atol=5e-3)


def test_the_trend_s_column_becomes_ones_when_differenced() -> None:
    for order in (
        Order(p=0, d=0, q=0, has_constant=True),
        Order(p=0, d=1, q=0, has_constant=True),
        Order(p=0, d=2, q=0, has_constant=True),
        Order(p=0, d=0, q=0, seasonal_d=1, season=7, has_constant=True),
        Order(p=0, d=1, q=0, seasonal_d=1, season=7, has_constant=True),
    ):
        ones = difference(with_trend(NONE, 60, order), order)
        np.testing.assert_allclose(ones, 1, rtol=1e-12)
        assert ones.shape == (1, 60 - order.lost)


def test_a_window_that_never_changes_is_forecast_as_it_is() -> None:
    found = fitted(swinging(80), Order(p=1, d=1, q=1))
    for series in (np.full(20, 5.0), np.array([5.0, np.nan, 5.0, 5.0])):
        means, variances = predict(found, series, 3)
        np.testing.assert_allclose(means, 5.0, rtol=1e-12)
        assert (variances > 0).all()
        np.testing.assert_allclose(predict_means(found, series, 3), 5.0, rtol=1e-12)


def test_a_top_that_was_not_reached_is_told() -> None:
    likelihood = Likelihood(Data(swinging(80)), Order(p=2, d=0, q=2))
    rough = fit(likelihood, [("far", np.full(4, 3.0))], tolerance=np.inf)
    assert not rough.is_converged
    assert fit(likelihood, [("far", np.full(4, 3.0))], tolerance=1e-10).is_converged


def test_the_best_start_wins_and_the_first_of_equals() -> None:
    likelihood = Likelihood(Data(swinging(80)), Order(p=1, d=1, q=0))
    found = fit(likelihood, [("bad", np.array([np.nan])), ("good", np.zeros(1))], tolerance=1e-10)
    assert [start.name for start in found.starts] == ["bad", "good"]
    assert found.starts[0].log_likelihood is None
    assert found.starts[1].log_likelihood == found.log_likelihood
