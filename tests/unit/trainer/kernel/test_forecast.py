"""What the kernel expects of the next steps."""

import numpy as np
import pytest

from tests.unit.trainer.kernel.drawn import cases
from trainer.fit.order import Order, difference
from trainer.kernel.library import Arma, Levels


def test_the_quick_forecast_is_that_of_the_filter() -> None:
    for case in cases(60, seed=11):
        series = difference(case.series, case.order)
        order = Order(
            p=case.order.p,
            d=0,
            q=case.order.q,
            seasonal_p=case.order.seasonal_p,
            seasonal_q=case.order.seasonal_q,
            season=case.order.season,
        )
        quick = Arma(series, order).forecast(case.point, 15)
        means, spreads, value = Levels(series, order).forecast(case.point, 15)
        assert value > -np.inf
        off = np.abs(quick - means).max()
        assert off <= 1e-9 * np.abs(series).max(), order
        # Each step knows less than the one before, and none more than the innovations leave.
        assert (spreads >= 1 - 1e-9).all()


def test_the_first_step_s_variance_is_the_innovations_once_the_start_is_forgotten() -> None:
    series = np.random.default_rng(1).normal(size=400)
    for order in (Order(p=2, d=0, q=0), Order(p=1, d=1, q=1), Order(p=0, d=0, q=2)):
        _, spreads, _ = Levels(series, order).forecast(np.full(order.lags, 0.4), 2)
        assert spreads[0] == pytest.approx(1, abs=1e-9)


def test_a_series_that_never_changes_stays_where_it_is() -> None:
    for order in (
        Order(p=1, d=1, q=1),
        Order(p=0, d=1, q=1, seasonal_d=1, seasonal_q=1, season=4),
        Order(p=2, d=2, q=0),
    ):
        point = np.full(order.lags, 0.3)
        means, spreads, value = Levels(np.full(20, 5.0), order).forecast(point, 6)
        assert value == -np.inf  # a likelihood needs a variance
        np.testing.assert_allclose(means, 5.0, rtol=1e-12)
        assert (spreads >= 1 - 1e-9).all()
        assert not Arma(np.zeros(9), order).forecast(point, 3).any()


def test_what_resolves_the_levels_is_enough_to_forecast() -> None:
    means, spreads, _ = Levels(np.array([7.0]), Order(p=0, d=1, q=0)).forecast(np.zeros(0), 3)
    assert means.tolist() == [7.0, 7.0, 7.0]
    assert spreads.tolist() == [1.0, 2.0, 3.0]


def test_a_point_without_a_model_has_no_forecast() -> None:
    order, point = Order(p=1, d=0, q=0), np.array([np.nan])
    assert np.isnan(Arma(np.arange(9.0), order).forecast(point, 2)).all()
    means, spreads, value = Levels(np.arange(9.0), order).forecast(point, 2)
    assert value == -np.inf
    assert np.isnan([*means, *spreads]).all()


def test_a_variance_that_rounding_has_eaten_is_no_forecast() -> None:
    order = Order(p=4, d=1, q=0)  # far beyond the climb's bounds: a variance of 1e21
    point = np.array([926.9, 329.6, 371.5, -522.8])
    means, spreads, _ = Levels(np.array([0.0, 1.0]), order).forecast(point, 12)
    assert (np.isnan(spreads) | (spreads > 0.99)).all()
    np.testing.assert_array_equal(np.isnan(means), np.isnan(spreads))
