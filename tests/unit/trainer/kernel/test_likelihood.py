"""Likelihood and gradient of the differences, against statsmodels and against the definition."""

import numpy as np
import pytest

from tests.unit.trainer.kernel import dense
from tests.unit.trainer.kernel.drawn import Case, cases, numbers, sarimax
from trainer.fit.fitting import with_trend
from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import LARGEST_AR, LARGEST_MA, Arma

# Orders, free numbers, and what near unit roots the likelihood may be off by, in its own units, and
# its gradient, as a share of the steepest slope (None: the reference has too few digits itself).
HARD = (
    (Order(p=1, d=0, q=0), [LARGEST_AR], 1e-10, 1e-9),
    (Order(p=2, d=0, q=0), [LARGEST_AR, LARGEST_AR], 1e-6, 1e-6),
    (Order(p=2, d=0, q=0), [0.5, -LARGEST_AR], 1e-9, 1e-7),
    (Order(p=3, d=0, q=0), [LARGEST_AR, LARGEST_AR, LARGEST_AR], 1e-2, None),
    (Order(p=1, d=0, q=0, seasonal_p=1, season=7), [LARGEST_AR, LARGEST_AR], 1e-3, None),
    (Order(p=0, d=0, q=0, seasonal_p=1, season=7), [LARGEST_AR], 1e-10, 1e-10),
    (Order(p=2, d=0, q=1, seasonal_p=2, season=12), [5.0, -5.0, 1.0, 5.0, 2.0], 1e-9, 1e-9),
    (Order(p=0, d=0, q=3), [50.0, LARGEST_MA, LARGEST_MA], 1e-9, 1e-8),
    (Order(p=0, d=0, q=1, seasonal_q=1, season=7), [LARGEST_MA, LARGEST_MA], 1e-9, 1e-7),
    (Order(p=1, d=0, q=1), [-10.0, 10.0], 1e-7, 1e-7),
    (Order(p=1, d=0, q=1), [LARGEST_AR, LARGEST_AR], 1e-9, 1e-7),
    (Order(p=2, d=0, q=2), [5.0, -20.0, 5.0, -20.0], 1e-7, 1e-6),
    (Order(p=4, d=0, q=2), [-2.0, -3.0, 10.0, 20.0, 3.0, 4.0], 1e-5, 1e-4),
)
NONE = np.zeros((0, 0))


def reference(case: Case, point: Floats) -> tuple[float, Floats]:
    series = difference(case.series, case.order)
    columns = np.zeros((0, len(series)))
    if len(case.columns):
        columns = difference(case.columns, case.order)
    value = dense.value(case.order, point.astype(np.longdouble), series, columns)
    return float(value), dense.gradient(case.order, point, series, columns)


@pytest.mark.slow
def test_likelihood_is_that_of_statsmodels() -> None:
    # All 5,000: benchmarks/kernel.py.
    for case in cases(150):
        top = case.top
        model = sarimax(case.series, case.order, case.columns, simple_differencing=True)
        theirs = model.loglike(numbers(case.order, case.point, top.beta, top.variance))
        assert top.log_likelihood == pytest.approx(theirs, rel=1e-6, abs=1e-6), case.order


@pytest.mark.parametrize(
    "spread", [0.3, *(pytest.param(s, marks=pytest.mark.slow) for s in (1.0, 2.0))]
)
def test_likelihood_and_gradient_are_those_of_the_definition(spread: float) -> None:
    for case in cases(25, seed=int(10 * spread), spread=spread):
        value, slope = reference(case, case.point)
        assert case.arma.value(case.point) == pytest.approx(value, rel=1e-9, abs=1e-9), case.order
        scale = max(1.0, float(np.abs(slope).max(initial=0)))
        off = np.abs(case.arma.gradient(case.point) - slope).max(initial=0)
        assert off <= 1e-8 * scale, case.order


@pytest.mark.parametrize(("order", "free", "least", "steepest"), HARD, ids=str)
def test_likelihood_and_gradient_keep_digits_near_unit_roots(
    order: Order, free: list[float], least: float, steepest: float | None
) -> None:
    series = np.random.default_rng(3).normal(size=60).cumsum()
    case = Case(order=order, series=series, columns=NONE, point=np.array(free))
    value, slope = reference(case, case.point)
    assert case.arma.value(case.point) == pytest.approx(value, abs=least)
    if steepest is not None:
        off = np.abs(case.arma.gradient(case.point) - slope).max()
        assert off <= steepest * np.abs(slope).max()


def test_a_regressor_that_others_explain_changes_nothing() -> None:
    generator = np.random.default_rng(8)
    series, columns = generator.normal(size=50), generator.normal(size=(2, 50))
    order, point = Order(p=1, d=0, q=1), np.array([0.5, -0.2])
    plain = Arma(series, order, columns).climb(point, tolerance=np.inf)
    more = np.vstack([columns, columns[0] - 2 * columns[1]])
    again = Arma(series, order, more).climb(point, tolerance=np.inf)
    assert again.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again.beta, [*plain.beta, 0.0], rtol=1e-9)


def test_forty_regressors_are_found() -> None:
    generator = np.random.default_rng(9)
    columns, beta = generator.normal(size=(40, 300)), generator.normal(size=40)
    series = beta @ columns + 1e-6 * generator.normal(size=300)
    top = Arma(series, Order(p=1, d=0, q=0), columns).climb(np.zeros(1), tolerance=np.inf)
    np.testing.assert_allclose(top.beta, beta, atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 1e3, 1e6, 1e9])
def test_the_level_costs_no_digits(level: float) -> None:
    noise = np.round(np.random.default_rng(4).normal(size=80) * 1024) / 1024
    order = Order(p=1, d=0, q=1, has_constant=True)
    point, ones = np.array([0.5, 0.3]), with_trend(NONE, 80, order)
    expected = Arma(noise, order, ones).value(point)
    assert Arma(noise + level, order, ones).value(point) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("series", [np.zeros(20), np.full(20, np.nan), np.full(20, np.inf)])
def test_what_has_no_likelihood_is_minus_infinity(series: Floats) -> None:
    for order in (Order(p=1, d=0, q=1), Order(p=0, d=0, q=0)):
        arma = Arma(series, order)
        assert arma.value(np.full(order.lags, 0.3)) == -np.inf
        assert arma.climb(np.full(order.lags, 0.3), tolerance=1e-6).log_likelihood == -np.inf


def test_no_rows_and_orders_too_large_have_no_likelihood() -> None:
    assert Arma(np.zeros(0), Order(p=1, d=0, q=0)).value(np.zeros(1)) == -np.inf
    for order in (
        Order(p=17, d=0, q=0),
        Order(p=0, d=0, q=0, seasonal_q=17, season=2),
        Order(p=0, d=0, q=0, seasonal_p=1, season=0),
        Order(p=0, d=0, q=0, seasonal_p=1, season=100_000),
    ):
        arma = Arma(np.arange(9.0), order)
        assert arma.value(np.zeros(order.lags)) == -np.inf, order
        assert np.isnan(arma.forecast(np.zeros(order.lags), 2)).all()


@pytest.mark.parametrize("rows", range(1, 6))
def test_a_few_rows_are_enough_for_a_likelihood_and_its_gradient(rows: int) -> None:
    series = np.random.default_rng(rows).normal(size=rows)
    order = Order(p=2, d=0, q=2, seasonal_p=1, seasonal_q=1, season=4)
    point = np.array([0.4, -0.3, 0.2, 0.5, 0.3, -0.6])
    case = Case(order=order, series=series, columns=NONE, point=point)
    value, slope = reference(case, point)
    assert case.arma.value(point) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(case.arma.gradient(point), slope, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("season", [24, 52, pytest.param(366, marks=pytest.mark.slow)])
def test_long_seasons_agree_with_the_definition(season: int) -> None:
    series = np.random.default_rng(season).normal(size=40).cumsum()
    order = Order(p=1, d=0, q=1, seasonal_p=1, seasonal_q=1, season=season)
    point = np.array([0.7, -0.4, 0.9, 0.5])
    value = dense.value(order, point, series, np.zeros((0, len(series))))
    assert Arma(series, order).value(point) == pytest.approx(float(value), rel=1e-9)
