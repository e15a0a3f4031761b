import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.unit.trainer.saved.fitted import ORDERS, VALUES, fitted, sample_of
from trainer.fit.order import Order
from trainer.fit.recipe import Recipe, find
from trainer.saved.library_object import (
    MOST_TO_OPEN,
    Sample,
    build_results,
    bytes_to_open,
    disagreement,
    residuals,
    too_large_to_open,
)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_the_library_s_object_says_what_the_kernel_found(order: Order) -> None:
    found = fitted(order)
    results = build_results(sample_of(found), found.best)
    assert results.llf == pytest.approx(found.best.log_likelihood, abs=1e-5)
    assert results.aicc == pytest.approx(found.best.aicc, abs=1e-5)
    ahead, ours = results.get_forecast(7), found.predict(7)
    np.testing.assert_allclose(ahead.predicted_mean, ours.mean, rtol=1e-8)
    np.testing.assert_allclose(ahead.se_mean, ours.standard_error, rtol=1e-6)
    assert str(ahead.predicted_mean.index[0].date()) == "2024-03-01"
    assert disagreement(sample_of(found), found.best) is None


def test_a_likelihood_of_other_numbers_is_told() -> None:
    found, other = fitted(ORDERS[0]), fitted(ORDERS[1])
    note = disagreement(sample_of(found), other.best)
    assert note is None
    shifted = Sample(
        name="value",
        numbers=found.values + np.arange(60) % 2,  # noqa: PD011 - no pandas
        first_date=pd.Timestamp("2024-01-01"),
        frequency="D",
    )
    assert "statsmodels computes log-likelihood" in str(disagreement(shifted, found.best))


def test_regressors_go_into_the_library_s_object() -> None:
    price = np.random.default_rng(6).normal(size=65).reshape(1, -1)
    recipe = Recipe(
        order=ORDERS[2], engine="kernel", select="aicc", power=None, season=1, columns=price
    )
    found = find(recipe, VALUES + 3 * price[0, :60], horizon=5)
    sample = Sample(
        name="value",
        numbers=found.values,
        first_date=pd.Timestamp("2024-01-01"),
        frequency="D",
        columns=price[:, :60],
        column_names=("price",),
    )
    results = build_results(sample, found.best)
    ahead = results.get_forecast(5, exog=price[:, 60:].T)
    np.testing.assert_allclose(
        ahead.predicted_mean, found.predict(5, price[:, 60:]).mean, rtol=1e-8
    )
    assert "price" in results.params.index


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize(
    "gaps", [pytest.param((), marks=pytest.mark.slow), (20, 21, 40)], ids=["whole", "gaps"]
)
def test_residuals_are_the_one_step_errors(order: Order, gaps: tuple[int, ...]) -> None:
    found = fitted(order, gaps)
    errors = residuals(found)
    assert errors.shape == (60,)
    assert np.isnan(errors[list(gaps)]).all()
    assert np.count_nonzero(~np.isnan(errors)) == 60 - order.lost - len(gaps)
    results = build_results(sample_of(found), found.best)
    theirs = results.standardized_forecasts_error[0] * np.sqrt(found.best.variance)
    late = slice(30, None)
    known = ~np.isnan(errors[late])
    np.testing.assert_allclose(errors[late][known], theirs[late][known], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_a_comparison_keeps_no_states_of_the_rows(order: Order) -> None:
    found = fitted(order)
    values = np.random.default_rng(1).normal(size=2000)
    sample = Sample(
        name="value", numbers=values, first_date=pd.Timestamp("2024-01-01"), frequency="D"
    )
    disagreement(sample, found.best)  # the imports
    tracemalloc.start()
    disagreement(sample, found.best)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_the_memory_to_open_a_model_is_that_of_statsmodels() -> None:
    order = Order(p=0, d=0, q=1, seasonal_d=1, season=24)
    found = fitted(ORDERS[0])
    values = np.random.default_rng(1).normal(size=400)
    sample = Sample(
        name="value", numbers=values, first_date=pd.Timestamp("2024-01-01"), frequency="D"
    )
    other = replace(found.best, order=order, point=np.zeros(1), mean=0.0)
    build_results(sample, other)  # the imports
    tracemalloc.start()
    build_results(sample, other)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak == pytest.approx(bytes_to_open(order, 400), rel=0.25)


def test_a_model_that_takes_too_much_memory_to_open_is_said() -> None:
    yearly = Order(p=0, d=1, q=1, seasonal_d=1, season=365)
    assert bytes_to_open(yearly, 800) == pytest.approx(6.2e9, rel=0.1)  # as was measured
    assert "6.5 GB" in str(too_large_to_open(yearly, 800))
    small = Order(p=1, d=1, q=1, seasonal_d=1, season=12)
    assert bytes_to_open(small, 144) < MOST_TO_OPEN
    assert too_large_to_open(small, 144) is None
