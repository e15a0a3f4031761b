"""Levels with gaps: likelihood and forecasts, against statsmodels' exact diffuse filter."""

import numpy as np
import pytest

from tests.unit.trainer.kernel import dense
from tests.unit.trainer.kernel.drawn import cases, numbers, sarimax
from trainer.fit.fitting import with_trend
from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import Arma, Levels

KINDS = ("none", "start", "early", "long", "alternate", "random", "hole")
NONE = np.zeros((0, 0))
NAN = float("nan")


def with_gaps(series: Floats, kind: str, order: Order, generator: np.random.Generator) -> Floats:
    rows, series = len(series), series.copy()
    if kind == "start":
        series[: int(generator.integers(1, 20))] = NAN
    elif kind == "early":  # among the rows that differencing takes
        places = generator.choice(order.lost + 1, size=order.lost // 2, replace=False)
        series[places] = NAN
    elif kind == "long":
        series[rows // 3 : rows // 3 + 15] = NAN
    elif kind == "alternate":
        series[::2] = NAN
    elif kind == "random":
        series[generator.random(rows) < 0.4] = NAN
    elif kind == "hole":  # while levels are open
        series[1:20] = NAN
    return series


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_and_forecasts_are_those_of_statsmodels(kind: str) -> None:
    generator = np.random.default_rng(KINDS.index(kind))
    compared = 0
    for case in cases(10, seed=KINDS.index(kind)):
        order, point = case.order, case.point
        series = with_gaps(case.series, kind, order, generator)
        levels = Levels(series, order, case.columns)
        top = levels.climb(point, tolerance=np.inf)
        if top.log_likelihood == -np.inf:
            assert kind == "alternate"  # with an even season, half of it is never seen
            continue
        fixed = top.beta @ case.columns if len(case.columns) else 0
        model = sarimax(series - fixed, order, NONE, use_exact_diffuse=True)
        theirs = model.filter(numbers(order, point, np.zeros(0), top.variance))
        # statsmodels leaves the constant out of the rows that resolve a level, which we do not.
        resolved = theirs.filter_results.forecasts_error_diffuse_cov
        resolving = 0 if resolved is None else int((resolved[0, 0] > 1e-9)[~np.isnan(series)].sum())
        assert resolving == order.lost
        height = theirs.llf_obs.sum() + resolving * np.log(2 * np.pi) / 2
        assert top.log_likelihood == pytest.approx(height, rel=1e-8, abs=1e-8), order
        means, spreads, _ = Levels(series - fixed, order).forecast(point, 10)
        ahead = theirs.get_forecast(10)
        scale = np.sqrt(ahead.var_pred_mean)
        assert np.abs((means - ahead.predicted_mean) / scale).max() <= 1e-8, order
        np.testing.assert_allclose(spreads * top.variance, ahead.var_pred_mean, rtol=1e-8)
        compared += 1
    assert compared >= 5


@pytest.mark.parametrize("kind", KINDS)
def test_likelihood_and_forecasts_are_those_of_the_definition(kind: str) -> None:
    generator = np.random.default_rng(KINDS.index(kind))
    compared = 0
    for case in cases(12, seed=100 + KINDS.index(kind)):
        series = with_gaps(case.series, kind, case.order, generator)
        means, spreads, value = Levels(series, case.order).forecast(case.point, 5)
        if value == -np.inf:
            assert kind == "alternate"
            continue
        long = case.point.astype(np.longdouble)
        height, points, variances = dense.levels(case.order, long, series, 5)
        assert value == pytest.approx(float(height), rel=1e-9, abs=1e-9), case.order
        assert np.abs((means - points) / np.sqrt(variances)).max() <= 1e-9 * np.nanstd(series)
        np.testing.assert_allclose(spreads, variances.astype(float), rtol=1e-9)
        compared += 1
    assert compared >= 5


def test_without_gaps_the_levels_have_the_likelihood_of_their_differences() -> None:
    for case in cases(60, seed=5):
        top = Levels(case.series, case.order, case.columns).climb(case.point, tolerance=np.inf)
        plain = case.top
        height = pytest.approx(plain.log_likelihood, rel=1e-9, abs=1e-9)
        assert top.log_likelihood == height, case.order
        assert top.variance == pytest.approx(plain.variance, rel=1e-9)
        # A column that differencing takes away has no weight of its own.
        if len(case.columns):
            kept = np.abs(difference(case.columns, case.order)).max(axis=1) > 1e-9
            np.testing.assert_allclose(top.beta[kept], plain.beta[kept], rtol=1e-6, atol=1e-12)
        errors = Levels(case.series, case.order, case.columns).innovations(case.point)
        expected = case.arma.innovations(case.point)
        scale = np.abs(expected).max()
        assert np.abs(errors[case.order.lost :] - expected).max() <= 1e-8 * scale, case.order
        assert not errors[: case.order.lost].any()


@pytest.mark.parametrize("gap", [40, pytest.param(150, marks=pytest.mark.slow)])
def test_a_gap_of_many_seasons_keeps_the_digits(gap: int) -> None:
    generator = np.random.default_rng(5)
    for order in (
        Order(p=1, d=1, q=1, seasonal_d=1, season=7),
        Order(p=1, d=2, q=0),
        Order(p=1, d=2, q=1, seasonal_d=1, season=12),
    ):
        for before in (1, order.lost, order.lost + 20):
            series = generator.normal(size=before + gap + order.lost + 20).cumsum()
            series[before : before + gap] = NAN
            point = generator.normal(size=order.lags) / 2
            means, spreads, value = Levels(series, order).forecast(point, 3)
            reference = dense.levels(order, point.astype(np.longdouble), series, 3)
            assert value == pytest.approx(float(reference[0]), abs=1e-3), order
            np.testing.assert_allclose(means, reference[1].astype(float), rtol=1e-7)
            np.testing.assert_allclose(spreads, reference[2].astype(float), rtol=1e-9)


def test_a_gap_at_the_start_changes_nothing() -> None:
    generator = np.random.default_rng(6)
    order = Order(p=1, d=1, q=1, seasonal_p=1, seasonal_d=1, season=7)
    series, point = generator.normal(size=60).cumsum(), np.array([0.4, -0.2, 0.6])
    late = np.append(np.full(200, NAN), series)
    for one, other in zip(
        Levels(series, order).forecast(point, 4),
        Levels(late, order).forecast(point, 4),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("level", [1e3, 1e6, 1e9])
def test_the_level_costs_no_digits(level: float) -> None:
    noise = np.round(np.random.default_rng(4).normal(size=80) * 1024) / 1024
    noise[30:35] = NAN
    order = Order(p=1, d=0, q=1, has_constant=True)
    point, ones = np.array([0.5, 0.3]), with_trend(NONE, 80, order)
    expected = Levels(noise, order, ones).value(point)
    assert Levels(noise + level, order, ones).value(point) == pytest.approx(expected, rel=1e-7)


def test_a_regressor_that_others_explain_gets_no_weight() -> None:
    generator = np.random.default_rng(8)
    series, columns = generator.normal(size=50), generator.normal(size=(2, 50))
    series[20:25] = NAN
    order, point = Order(p=1, d=0, q=1), np.array([0.5, -0.2])
    plain = Levels(series, order, columns).climb(point, tolerance=np.inf)
    more = np.vstack([columns[0], 3 * columns[0], columns[1]])
    again = Levels(series, order, more).climb(point, tolerance=np.inf)
    assert again.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(again.beta, [plain.beta[0], 0.0, plain.beta[1]], rtol=1e-9)


def test_a_regressor_with_a_hole_is_no_regressor() -> None:
    generator = np.random.default_rng(9)
    series, columns = generator.normal(size=30), generator.normal(size=(1, 30))
    columns[0, 7] = NAN
    order, point = Order(p=1, d=0, q=0), np.array([0.5])
    assert Levels(series, order, columns).value(point) == -np.inf
    assert Arma(series, order, columns).value(point) == -np.inf
    series[7] = NAN  # where nothing is known, nothing is asked of it
    assert np.isfinite(Levels(series, order, columns).value(point))


def test_a_level_that_stays_open_has_no_forecast() -> None:
    order = Order(p=1, d=1, q=0, seasonal_d=1, season=7)
    for series in (np.full(30, NAN), np.arange(7.0), np.append(np.full(40, NAN), np.arange(5.0))):
        means, spreads, value = Levels(series, order).forecast(np.array([0.5]), 3)
        assert value == -np.inf
        assert np.isnan(means).all()
        assert np.isnan(spreads).all()


def test_orders_that_are_too_large_have_no_likelihood() -> None:
    for order in (
        Order(p=17, d=0, q=0),
        Order(p=0, d=0, q=0, seasonal_d=8, season=366),
        Order(p=0, d=3000, q=0),
        Order(p=0, d=0, q=0, seasonal_d=1, season=0),
    ):
        levels = Levels(np.arange(9.0), order)
        means, _, value = levels.forecast(np.zeros(order.lags), 2)
        assert value == -np.inf
        assert np.isnan(means).all()
