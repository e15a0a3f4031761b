import numpy as np

from trainer.likelihood import Likelihood, Order
from trainer.starts import starting_points


def _likelihood(order: Order, count: int = 60) -> Likelihood:
    return Likelihood(np.random.default_rng(1).normal(size=count), order)


def test_starts_are_the_same_every_time() -> None:
    order = Order(p=2, d=0, q=1, has_constant=True)
    first, second = (starting_points(_likelihood(order), None) for _ in range(2))
    assert list(first) == list(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_starts_have_one_number_for_each_coefficient() -> None:
    for order in (
        Order(p=2, d=0, q=2, has_constant=True),
        Order(p=0, d=0, q=0),
        Order(p=1, d=0, q=0, seasonal_p=1, seasonal_q=1, season=4),
    ):
        points = starting_points(_likelihood(order), None)
        assert points
        assert all(len(point) == order.coefficients for point in points.values())


def test_cycles_are_tried_where_two_lags_allow_one() -> None:
    series = np.sin(np.arange(120) * 2 * np.pi / 6) + np.random.default_rng(0).normal(size=120) / 2
    points = starting_points(Likelihood(series, Order(p=2, d=0, q=2)), None)
    assert any(name.startswith("cycle_6.00") for name in points)


def test_a_warm_start_is_where_its_model_is() -> None:
    likelihood = _likelihood(Order(p=1, d=0, q=1, has_constant=True))
    warm = likelihood.coefficients(np.array([0.5, -0.3, 0.0]))
    np.testing.assert_allclose(starting_points(likelihood, warm)["warm"], [0.5, -0.3, 0.0])
