import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.trainer.series_samples import swinging
from trainer.errors import (
    BoxCoxInvalidError,
    SeriesConstantError,
    SeriesTooShortError,
    ValuesTooSmallError,
)
from trainer.evaluation.metrics import score
from trainer.fit.order import Floats, Order
from trainer.fit.recipe import Recipe, find, find_again
from trainer.saved.json_file import SavedModel, read_saved, write_saved

AR1 = Order(p=1, d=0, q=0, has_constant=True)
SEARCH = Recipe(order=None, engine="kernel", select="backtest", power=None, season=1)
VALUES = np.array(swinging(60))


def given(order: Order) -> Recipe:
    return replace(SEARCH, order=order)


def found(order: Order, values: Floats = VALUES, horizon: int = 5) -> Floats:
    return find(given(order), values, horizon=horizon).predict(horizon).mean


@pytest.mark.slow
def test_2_0_2_escapes_the_optimum_where_the_library_stops(daily_2013: Path) -> None:
    from statsmodels.tsa.arima.model import ARIMA

    numbers = pd.read_csv(daily_2013)["PaidAmount"].to_numpy()
    recipe = replace(given(Order(p=2, d=0, q=2, has_constant=True)), season=7)
    model = find(recipe, numbers[:138], horizon=16)
    scores = score(numbers[138:], model.predict(16), train=numbers[:138], season=7)
    assert model.best.log_likelihood >= -1041.10
    assert model.best.is_converged
    assert scores.rmse == pytest.approx(461.59, abs=0.05)
    assert scores.r2 == pytest.approx(0.1035, abs=0.0002)
    reached = [s for s in model.best.starts if (s.log_likelihood or -9e9) > -1041.2]
    assert len(reached) >= 2
    assert ARIMA(numbers[:138], order=(2, 0, 2)).fit().llf < -1045


@pytest.mark.parametrize("order", [AR1, Order(p=0, d=1, q=1), Order(p=0, d=2, q=1)], ids=str)
@pytest.mark.parametrize("factor", [2.0**40, 2.0**-14])
def test_scale_of_the_data_changes_nothing_but_the_scale(order: Order, factor: float) -> None:
    plain = find(given(order), VALUES, horizon=5)
    scaled = find(given(order), VALUES * factor, horizon=5)
    np.testing.assert_array_equal(scaled.predict(5).mean / factor, plain.predict(5).mean)
    lost = (60 - order.lost) * math.log(factor)
    expected = plain.best.log_likelihood
    assert scaled.best.log_likelihood + lost == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("order", [AR1, Order(p=0, d=1, q=0), Order(p=0, d=0, q=1)], ids=str)
def test_series_that_never_changes_is_refused(order: Order) -> None:
    with pytest.raises(SeriesConstantError):
        found(order, np.full(60, 0.1))


def test_straight_line_has_nothing_to_learn_from_its_differences() -> None:
    with pytest.raises(SeriesConstantError, match="differenced"):
        found(Order(p=1, d=1, q=0), np.linspace(0.1, 6, 60))


def test_too_short_a_series_is_refused_with_the_length_that_would_do() -> None:
    order = Order(p=2, d=1, q=2, seasonal_p=1, seasonal_d=1, season=12)
    with pytest.raises(SeriesTooShortError, match="needs 23"):
        found(order, VALUES[:22])
    with pytest.raises(SeriesTooShortError, match="it takes 8"):
        find(SEARCH, VALUES[:7], horizon=2)


def test_values_below_the_librarys_arithmetic_are_refused() -> None:
    with pytest.raises(ValuesTooSmallError, match="vary by"):
        found(AR1, VALUES * 1e-6)
    with pytest.raises(ValuesTooSmallError, match="vary by"):
        find(SEARCH, VALUES * 1e-12, horizon=3)


def test_the_same_order_is_found_again_on_more_values_and_never_worse_than_before() -> None:
    first = find(SEARCH, VALUES[:50], horizon=5)
    again = find_again(first, VALUES, np.zeros((0, 0)))
    assert again.order == first.order
    alone = find(given(first.order), VALUES, horizon=5)
    assert again.best.log_likelihood == pytest.approx(alone.best.log_likelihood, abs=1e-3)
    assert len(again.values) == 60


def test_box_cox_models_the_transformed_values_and_forecasts_in_the_data_s_unit() -> None:
    growing = np.exp(0.05 * np.arange(60) + 0.1 * (VALUES - 50))
    recipe = replace(given(Order(p=0, d=1, q=1, has_constant=True)), power=0.0)
    model = find(recipe, growing, horizon=5)
    np.testing.assert_allclose(model.values, np.log(growing), rtol=1e-14)
    point = model.predict(5).point
    assert growing[-1] < point[-1] < growing[-1] * 2
    lower, upper = model.predict(5).bounds(0.95)
    assert (lower > 0).all()
    assert (upper / point > 1.01).all()


def test_the_mean_of_box_cox_is_that_of_what_is_drawn() -> None:
    growing = np.exp(0.3 * (VALUES - 50))
    for power in (0.0, 0.5):
        recipe = replace(given(AR1), power=power)
        model = find(recipe, growing, horizon=5)
        prediction = find(replace(recipe, is_mean=True), growing, horizon=5).predict(5)
        normal = prediction.mean[4] + prediction.standard_error[4] * np.random.default_rng(
            2
        ).normal(size=200_000)
        drawn = np.exp(normal) if power == 0 else (power * normal + 1) ** (1 / power)
        assert prediction.point[4] == pytest.approx(drawn.mean(), rel=0.02)
        assert model.predict(5).point[4] == pytest.approx(float(np.median(drawn)), rel=0.02)
        assert prediction.bounds(0.95)[1][4] == model.predict(5).bounds(0.95)[1][4]
        again = read_saved(write_saved(model_of(recipe, growing)), "model").predict(5)
        assert again.point.tobytes() == prediction.point.tobytes()


def model_of(recipe: Recipe, values: Floats) -> SavedModel:
    return find(replace(recipe, is_mean=True), values, horizon=5).saved()


def test_fourier_terms_of_arima_join_the_other_members() -> None:
    rows, steps = 96, 12
    at = np.arange(rows + steps)
    columns = np.array([np.sin(2 * np.pi * at / 12), np.cos(2 * np.pi * at / 12)])
    noise = np.random.default_rng(3).normal(size=rows)
    values = 50 + 8 * columns[0, :rows] + noise
    recipe = replace(SEARCH, season=1, seasons=(12,), columns=columns, are_seasons=True)
    model = find(replace(recipe, select="combination"), values, horizon=steps, thorough=False)
    assert model.team is not None
    assert model.team.arima > 0.2
    assert len(model.columns) == 2
    future = columns[:, rows:]
    forecast = model.predict(steps, future)
    np.testing.assert_allclose(forecast.point, 50 + 8 * columns[0, rows:], atol=1.5)
    again = read_saved(write_saved(model.saved()), "model").predict(steps, future)
    assert again.point.tobytes() == forecast.point.tobytes()
    alone = find(
        replace(recipe, select="combination", are_seasons=False),
        values,
        horizon=steps,
        thorough=False,
    )
    assert alone.team is None  # other regressors: no other member can have them


def test_the_power_of_a_growing_spread_is_found_near_0_and_rounded() -> None:
    noise = np.random.default_rng(0).normal(size=200)
    growing = np.exp(0.02 * np.arange(200) + 0.3 * noise)
    model = find(replace(given(AR1), power="auto"), growing, horizon=5)
    assert model.box_cox is not None
    assert abs(model.box_cox.power) < 0.5
    assert round(model.box_cox.power, 2) == model.box_cox.power


def test_box_cox_refuses_what_is_not_positive() -> None:
    with pytest.raises(BoxCoxInvalidError, match="least is -1"):
        find(replace(given(AR1), power=0.5), VALUES - VALUES.min() - 1, horizon=3)


def test_regressors_take_what_they_explain() -> None:
    price = np.random.default_rng(6).normal(size=65)
    recipe = replace(given(AR1), columns=price.reshape(1, -1))
    model = find(recipe, VALUES + 5 * price[:60], horizon=5)
    assert model.best.beta[0] == pytest.approx(5, abs=0.5)
    ahead = model.predict(5, price[60:].reshape(1, -1)).mean
    plain = model.predict(5, np.zeros((1, 5))).mean
    np.testing.assert_allclose(ahead - plain, model.best.beta[0] * price[60:], rtol=1e-9)


def test_a_window_of_a_long_series_keeps_the_orders_of_the_one_before_it() -> None:
    values = np.sin(np.arange(700.0) / 4) + np.random.default_rng(2).normal(size=700)
    order = Order(p=1, d=0, q=0, season=24, has_constant=True)
    given = Recipe(order=order, engine="kernel", select="aicc", power=None, season=24)
    earlier = find(given, values[:600], horizon=5)
    recipe = replace(given, order=None)
    later = find(recipe, values, horizon=5, thorough=False, earlier=earlier)
    assert later.order == order
    np.testing.assert_array_equal(later.values, values)
    whole = find(given, values, horizon=5)
    assert later.best.log_likelihood == pytest.approx(whole.best.log_likelihood, abs=1e-6)
    assert later.best.starts[0].name == "earlier"
