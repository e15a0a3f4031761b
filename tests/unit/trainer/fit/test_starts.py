import numpy as np
import pytest

from trainer.fit.fitting import Data, Likelihood, fit
from trainer.fit.order import Floats, Order
from trainer.fit.starts import fit_from_many, starting_points


def _likelihood(order: Order, series: Floats | None = None) -> Likelihood:
    given = np.random.default_rng(1).normal(size=60) if series is None else series
    return Likelihood(Data(given), order)


def test_starts_are_the_same_every_time() -> None:
    order = Order(p=2, d=0, q=1, has_constant=True)
    first, second = (starting_points(_likelihood(order), None) for _ in range(2))
    assert list(first) == list(second)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_starts_have_one_number_for_each_lag() -> None:
    for order in (
        Order(p=2, d=0, q=2, has_constant=True),
        Order(p=0, d=0, q=0),
        Order(p=1, d=0, q=0, seasonal_p=1, seasonal_q=1, season=4),
    ):
        points = starting_points(_likelihood(order), None)
        assert points
        assert all(len(point) == order.lags for point in points.values())


def test_cycles_are_tried_where_two_lags_allow_one() -> None:
    series = np.sin(np.arange(120) * 2 * np.pi / 6) + np.random.default_rng(0).normal(size=120) / 2
    points = starting_points(_likelihood(Order(p=2, d=0, q=2), series), None)
    assert any(name.startswith("cycle_6.00") for name in points)


def test_a_warm_start_is_taken_as_it_is() -> None:
    warm = np.array([0.5, -0.3])
    found = starting_points(_likelihood(Order(p=1, d=0, q=1)), warm)
    assert found["warm"] is warm


@pytest.mark.slow
def test_many_starts_are_never_worse_than_random_ones() -> None:
    generator = np.random.default_rng(9)
    for order in (Order(p=2, d=0, q=2), Order(p=3, d=0, q=3), Order(p=2, d=0, q=4)):
        likelihood = _likelihood(order, generator.normal(size=80))
        found = fit_from_many(likelihood)
        random = [("r", generator.normal(scale=1.5, size=order.lags)) for _ in range(50)]
        assert found.log_likelihood >= fit(likelihood, random, tolerance=1e-8).log_likelihood - 0.01
        assert found.is_converged


def test_the_starts_that_led_highest_are_told_the_best_first() -> None:
    found = fit_from_many(_likelihood(Order(p=2, d=0, q=2)))
    heights = [start.log_likelihood or -np.inf for start in found.starts]
    assert heights == sorted(heights, reverse=True)
    assert 2 <= len(heights) <= 20
    assert abs(heights[0] - found.log_likelihood) < 1e-6
