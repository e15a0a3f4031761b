import numpy as np
import pandas as pd
import pytest

from tests.unit.trainer.saved.fitted import ORDERS, VALUES, fitted, sample_of
from trainer.fit.order import Order
from trainer.fit.recipe import Recipe, find
from trainer.saved.library_object import Sample, build_results, disagreement, residuals


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
