"""The climb, its start, and the coefficients of where it ends."""

import numpy as np
import pytest

from tests.unit.trainer.kernel.drawn import cases
from tests.unit.trainer.series_samples import PASSENGERS
from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import LARGEST_AR, LARGEST_MA, Arma, Levels, coefficients

AIRLINE = Order(p=0, d=1, q=1, seasonal_d=1, seasonal_q=1, season=12)
# A point is well inside the region: partial autocorrelations below 0.97.
LARGEST_START = 0.97 / np.sqrt(1 - 0.97**2)


def test_a_climb_never_ends_below_its_start() -> None:
    for case in cases(120, seed=1, spread=2.0):
        arma = case.arma
        for start in (case.point, arma.start(), np.zeros(case.order.lags)):
            top = arma.climb(start, tolerance=1e-6)
            assert top.log_likelihood >= arma.value(start)
            assert top.log_likelihood == arma.value(top.point)
            np.testing.assert_array_equal(top.slope, arma.gradient(top.point))


def test_a_climb_over_gaps_never_ends_below_its_start() -> None:
    for case in cases(12, seed=2):
        series = case.series.copy()
        series[::7] = np.nan
        levels = Levels(series, case.order, case.columns)
        top = levels.climb(case.point, tolerance=1e-4)
        assert top.log_likelihood >= levels.value(case.point)
        assert top.log_likelihood == levels.value(top.point)


def test_the_top_is_flat_or_held_by_a_bound() -> None:
    flat = 0
    for case in cases(60, seed=3):
        top = case.arma.climb(case.arma.start(), tolerance=1e-10)
        held = (np.abs(top.point) >= LARGEST_AR) & (top.point * top.slope > 0)
        flat += bool(np.abs(top.slope[~held]).max(initial=0) < 1e-3)
    assert flat >= 58  # the others end in a valley that runs to a bound, and are told


def test_the_same_point_gives_the_same_climb() -> None:
    for case in cases(20, seed=4):
        one, other = (case.arma.climb(case.point, tolerance=1e-8) for _ in range(2))
        np.testing.assert_array_equal(one.point, other.point)
        assert one.log_likelihood == other.log_likelihood
        assert one.evaluations == other.evaluations


def test_a_climb_stays_within_its_bounds_and_its_evaluations() -> None:
    trend: Floats = np.arange(60.0) ** 2
    trend[::2] += 0.01
    for order in (Order(p=2, d=0, q=2), Order(p=1, d=0, q=1, seasonal_p=1, seasonal_q=1, season=4)):
        for start in (np.full(order.lags, 1e6), np.full(order.lags, -3.0)):
            for most in (1, 5, 200):
                top = Arma(trend, order).climb(start, tolerance=1e-9, most=most)
                assert top.evaluations <= most + 2
                bounds = np.repeat(
                    [LARGEST_AR, LARGEST_MA, LARGEST_AR, LARGEST_MA],
                    [order.p, order.q, order.seasonal_p, order.seasonal_q],
                )
                assert (np.abs(top.point) <= bounds).all()


def test_a_start_is_well_inside_and_mostly_better_than_noise() -> None:
    better = 0
    for case in cases(100, seed=5):
        start = case.arma.start()
        assert (np.abs(start) <= LARGEST_START + 1e-9).all()
        better += case.arma.value(start) >= case.arma.value(np.zeros(case.order.lags))
    assert better >= 75


@pytest.mark.parametrize("rows", range(1, 8))
def test_a_start_of_a_short_series_is_zero(rows: int) -> None:
    order = Order(p=2, d=0, q=2, seasonal_p=1, season=4)
    squares: Floats = np.arange(float(rows)) ** 2
    assert not Arma(squares, order).start().any()


def test_the_start_finds_an_autoregression() -> None:
    generator = np.random.default_rng(6)
    series = np.zeros(4000)
    for place in range(2, len(series)):
        past = 0.5 * series[place - 1] + 0.3 * series[place - 2]
        series[place] = past + generator.normal()
    order = Order(p=2, d=0, q=0)
    ar, *_ = coefficients(order, Arma(series, order).start())
    np.testing.assert_allclose(ar, [0.5, 0.3], atol=0.05)


def test_the_airline_model_has_its_published_numbers() -> None:
    # As R's arima() prints them: -0.4018, -0.5569, sigma^2 0.001348, log likelihood 244.7.
    series = difference(np.log(np.array(PASSENGERS, dtype=np.float64)), AIRLINE)
    arma = Arma(series, AIRLINE)
    top = arma.climb(arma.start(), tolerance=1e-10)
    _, ma, _, seasonal_ma = coefficients(AIRLINE, top.point)
    assert ma[0] == pytest.approx(-0.4018, abs=5e-5)
    assert seasonal_ma[0] == pytest.approx(-0.5569, abs=5e-5)
    assert top.log_likelihood == pytest.approx(244.6965, abs=5e-5)
    assert top.variance == pytest.approx(0.001348, abs=5e-7)


def test_coefficients_are_those_of_statsmodels() -> None:
    from statsmodels.tsa.statespace.tools import constrain_stationary_univariate as constrained

    generator = np.random.default_rng(7)
    order = Order(p=12, d=0, q=12, seasonal_p=3, seasonal_q=3, season=24)
    point = generator.normal(size=order.lags)
    parts = np.split(-point, np.cumsum([12, 12, 3]))
    expected = [constrained(part) for part in parts]
    for found, part, sign in zip(coefficients(order, point), expected, (1, -1, 1, -1), strict=True):
        np.testing.assert_allclose(found, sign * part, rtol=1e-12)
