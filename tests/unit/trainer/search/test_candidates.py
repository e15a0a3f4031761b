from trainer.fit.order import Order
from trainer.search.candidates import (
    Limits,
    allows,
    first_orders,
    grid,
    may_have_constant,
    neighbours,
)

EMPTY = Order(p=0, d=0, q=0, seasonal_d=1, season=7)
PLAIN = Order(p=1, d=1, q=1)


def test_the_grid_holds_each_order_within_the_limits_once() -> None:
    orders = grid(EMPTY, Limits())
    assert len(orders) == len(set(orders))
    assert all(allows(Limits(), order) and order.lags <= 5 for order in orders)
    assert all((o.d, o.seasonal_d, o.season) == (0, 1, 7) for o in orders)
    shapes = {(o.p, o.q, o.seasonal_p, o.seasonal_q) for o in orders}
    assert len(shapes) == 96
    assert len(orders) == len(shapes)


def test_without_a_season_there_are_no_seasonal_lags() -> None:
    assert all(o.seasonal_p == o.seasonal_q == 0 for o in grid(PLAIN, Limits()))
    assert all(o.seasonal_p == o.seasonal_q == 0 for o in neighbours(PLAIN, Limits()))
    assert all(o.seasonal_p == o.seasonal_q == 0 for o in first_orders(Order(p=0, d=0, q=0)))


def test_twice_differenced_there_is_no_constant() -> None:
    twice = Order(p=0, d=1, q=0, seasonal_d=1, season=7)
    assert not may_have_constant(twice)
    for orders in (grid(twice, Limits()), first_orders(twice), list(neighbours(twice, Limits()))):
        assert not any(order.has_constant for order in orders)


def test_neighbours_are_one_step_away_and_within_the_limits() -> None:
    order = Order(p=5, d=0, q=0, seasonal_q=2, seasonal_d=1, season=7)
    for other in neighbours(order, Limits()):
        assert allows(Limits(), other)
        moves = (
            abs(other.p - order.p) + abs(other.q - order.q),
            abs(other.seasonal_p - order.seasonal_p) + abs(other.seasonal_q - order.seasonal_q),
        )
        assert other != order
        assert max(moves) <= 2
        assert min(moves) == 0
