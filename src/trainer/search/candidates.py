"""Which orders to try: the neighbours of Hyndman and Khandakar (2008), or the whole grid."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from trainer.fit.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The largest numbers of lags: of each polynomial, and of all together."""

    lags: int = 5
    seasonal_lags: int = 2
    together: int = 5


def allows(limits: Limits, order: Order) -> bool:
    """Return whether an order is within the limits."""
    counts = (order.p, order.q, order.seasonal_p, order.seasonal_q)
    largest = (limits.lags, limits.lags, limits.seasonal_lags, limits.seasonal_lags)
    return all(0 <= n <= most for n, most in zip(counts, largest, strict=True))


def may_have_constant(order: Order) -> bool:
    """Return whether a constant makes sense: twice differenced it would be a parabola."""
    return order.d + order.seasonal_d < 2  # noqa: PLR2004 - see above


def first_orders(empty: Order) -> list[Order]:
    """Return the orders from which the stepwise search sets out. `empty` has the differencing."""
    seasonal = int(empty.season > 0)
    has_constant = may_have_constant(empty)
    shapes = ((2, 2, seasonal, seasonal), (0, 0, 0, 0), (1, 0, seasonal, 0), (0, 1, 0, seasonal))
    orders = [_shaped(replace(empty, has_constant=has_constant), *shape) for shape in shapes]
    return [*orders, empty] if has_constant else orders


def neighbours(order: Order, limits: Limits) -> Iterator[Order]:
    """Yield what differs by one lag, by one in both polynomials of a kind, or by the constant."""
    moves = [(1, 0, 0, 0), (0, 1, 0, 0), (1, 1, 0, 0), (1, -1, 0, 0)]
    if order.season:
        moves = [*((0, 0, *move[:2]) for move in moves), *moves]
    for move in moves:
        for sign in (-1, 1):
            p, q, seasonal_p, seasonal_q = (sign * part for part in move)
            other = _shaped(
                order,
                *(order.p + p, order.q + q),
                *(order.seasonal_p + seasonal_p, order.seasonal_q + seasonal_q),
            )
            if allows(limits, other):
                yield other
    if may_have_constant(order):
        yield replace(order, has_constant=not order.has_constant)


def grid(empty: Order, limits: Limits) -> list[Order]:
    """Return every shape within the limits, the short ones first.

    With a season each has a constant where nothing is differenced and none elsewhere: what the
    other choice is worth hardly depends on the shape, and is asked of the best ones. Without a
    season both are few enough.
    """
    lags, seasonal = range(limits.lags + 1), range(limits.seasonal_lags + 1 if empty.season else 1)
    usual = replace(empty, has_constant=empty.d + empty.seasonal_d == 0)
    shapes = sorted(product(lags, lags, seasonal, seasonal), key=lambda shape: (sum(shape), shape))
    bases = [usual]
    if not empty.season and may_have_constant(empty):
        bases.append(replace(usual, has_constant=not usual.has_constant))
    return [
        _shaped(base, *shape) for shape in shapes if sum(shape) <= limits.together for base in bases
    ]


def _shaped(order: Order, p: int, q: int, seasonal_p: int, seasonal_q: int) -> Order:
    return replace(order, p=p, q=q, seasonal_p=seasonal_p, seasonal_q=seasonal_q)
