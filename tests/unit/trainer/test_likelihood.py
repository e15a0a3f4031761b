import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.likelihood import Likelihood, Order, difference, to_point

ORDERS = [
    Order(p=2, d=0, q=2, has_constant=True),
    Order(p=1, d=0, q=0),
    Order(p=0, d=0, q=3),
    Order(p=1, d=0, q=1, seasonal_p=1, seasonal_d=0, seasonal_q=1, season=4),
    Order(p=0, d=0, q=0, seasonal_p=0, seasonal_d=0, seasonal_q=1, season=4, has_constant=True),
]


def _likelihood(order: Order) -> Likelihood:
    return Likelihood(np.random.default_rng(3).normal(size=50), order)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_likelihood_is_the_one_of_statsmodels(order: Order) -> None:
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    likelihood = _likelihood(order)
    point = np.linspace(-0.7, 0.9, order.coefficients)
    found = likelihood.coefficients(point)
    model = SARIMAX(
        likelihood.series - found.mean, order=order.trio, seasonal_order=order.seasonal, trend="n"
    )
    parameters = np.concatenate(
        [found.ar, found.ma, found.seasonal_ar, found.seasonal_ma, [likelihood.variance(point)]]
    )
    assert likelihood.at(point) == pytest.approx(model.loglike(parameters), abs=1e-8)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_point_and_coefficients_are_two_names_of_one_model(order: Order) -> None:
    likelihood = _likelihood(order)
    point = np.linspace(-2, 2, order.coefficients)
    back = to_point(likelihood.coefficients(point), order)
    assert back is not None
    np.testing.assert_allclose(back, point, rtol=1e-9)


@settings(max_examples=30)
@given(st.lists(st.floats(min_value=-20, max_value=20), min_size=3, max_size=3))
def test_every_point_is_a_stationary_model(free: list[float]) -> None:
    order = Order(p=3, d=0, q=0)
    found = _likelihood(order).coefficients(np.array(free))
    roots = np.roots(np.concatenate([[1.0], -found.ar]))
    assert np.all(np.abs(roots) < 1 + 1e-6)


def test_model_with_a_root_inside_the_circle_has_no_point() -> None:
    order = Order(p=1, d=0, q=0)
    good = _likelihood(order).coefficients(np.array([1.0]))
    bad = type(good)(
        ar=np.array([1.01]), ma=good.ma, seasonal_ar=good.ma, seasonal_ma=good.ma, mean=0.0
    )
    assert to_point(bad, order) is None


def test_gradient_and_rough_gradient_agree() -> None:
    likelihood = _likelihood(ORDERS[0])
    point = np.array([0.3, -0.2, 0.1, 0.4, 0.05])
    np.testing.assert_allclose(
        likelihood.rough_gradient(point), likelihood.gradient(point), rtol=1e-3, atol=1e-3
    )


def test_difference_takes_trend_and_season() -> None:
    order = Order(p=0, d=1, q=0, seasonal_d=1, season=4)
    values = np.arange(20.0) * 2 + np.tile([1, 5, 2, 8], 5)
    np.testing.assert_allclose(difference(values, order), np.zeros(15))
    assert order.lost == 5


def test_order_is_written_as_in_textbooks() -> None:
    assert str(ORDERS[0]) == "(2,0,2) with constant"
    assert str(ORDERS[3]) == "(1,0,1)(1,0,1)[4]"
