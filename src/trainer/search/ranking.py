"""Order after order fitted to a series, for one differencing, ranked by AICc.

The whole grid where it is affordable, and from its best on the stepwise search of Hyndman and
Khandakar (2008), which may go beyond the grid; elsewhere the stepwise search alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from trainer.fit.fitting import Data, Fitted, Likelihood, fit
from trainer.fit.order import Floats, Order
from trainer.fit.starts import likely_cycles
from trainer.kernel.library import coefficients
from trainer.search.candidates import (
    Limits,
    first_orders,
    grid,
    may_have_constant,
    neighbours,
)

_ROUGH, _FINE = 1e-3, 1e-7
_MOST_ROUGH, _MOST_FINE = 25, 60
_REFINED = 6
_CYCLES, _ROWS_A_CYCLE = 22, 8  # few rows cannot tell cycles apart, and each costs a climb
_NEAR = 8.0
_ROWS_A_LAG = 10  # with fewer, chance chooses lags: eighty orders of nineteen rows are too many
_AFFORDABLE = 3e7  # rows x states x orders: about a second
_SMALLEST_ROOT = 1.01

Progress = Callable[[int], None]


class Ranking:
    """The orders of one differencing, fitted when asked for and kept."""

    def __init__(self, data: Data, empty: Order, *, progress: Progress | None = None) -> None:
        self._data = data
        self._empty = empty
        self._limits = limits_of(data, empty)
        self._progress = progress
        self._fitted: dict[Order, Fitted] = {}
        self._rough: set[Order] = set()
        self._refined: set[Order] = set()
        self._seen: set[Order] = set()

    @property
    def count(self) -> int:
        """Return how many orders were fitted."""
        return len(self._fitted)

    def rank(self, *, whole_grid: bool, best: int) -> list[Fitted]:
        """Return the best orders by AICc, the best first; empty where none can be fitted."""
        orders = grid(self._empty, self._limits)
        if whole_grid and self._cost(orders) <= _AFFORDABLE:
            for order in orders:
                self._fit(order, tolerance=_ROUGH, most=_MOST_ROUGH, is_wide=True)
            self._refine_best(_REFINED)
            self._ask_for_constants(_REFINED)
        for order in first_orders(self._empty):
            self._fit(order, tolerance=_ROUGH if self._data.has_gaps else _FINE)
        ranked = self._sorted()
        if ranked:
            self._step_from(ranked[0])
        if not self._data.has_gaps:  # there a climb to the end costs too much to rank by
            self._refine_best(best)
        return self._sorted()[:best]

    def _cost(self, orders: Sequence[Order]) -> float:
        season = max(self._empty.season, 1)
        states = 1 + self._limits.lags + self._limits.seasonal_lags * season
        rows = self._data.rows(self._empty)
        width = (1 + len(self._data.columns)) * (100 if self._data.has_gaps else 1)
        return float(rows * states * len(orders) * width)

    def _step_from(self, best: Fitted) -> None:
        """Move to a better neighbour while there is one."""
        while True:
            for order in neighbours(best.order, self._limits):
                if order in self._seen:
                    continue
                self._seen.add(order)
                found = self._fit(order, tolerance=_ROUGH if self._data.has_gaps else _FINE)
                if found is not None and self._may_win(found, best):
                    found = self._refine(found)
                if found is not None and _key(found) < _key(best):
                    best = found
                    break
            else:
                return

    def _may_win(self, found: Fitted, best: Fitted) -> bool:
        """Return whether a rough fit is so near to the best that climbing on may change it."""
        is_rough = found.order in self._rough and not self._data.has_gaps
        return is_rough and found.aicc < best.aicc + _NEAR

    def _fit(
        self, order: Order, *, tolerance: float, most: int = _MOST_FINE, is_wide: bool = False
    ) -> Fitted | None:
        if self._data.rows(order) < order.coefficients + len(self._data.columns) + 3:
            return None
        if order not in self._fitted:
            likelihood = Likelihood(self._data, order)
            starts = [("hannan_rissanen", likelihood.start())]
            if order.seasonal_p + order.seasonal_q == 0:
                starts += _ridges(order)
            if is_wide and not order.season:
                cycles = min(_CYCLES, self._data.rows(order) // _ROWS_A_CYCLE)
                starts += likely_cycles(likelihood, cycles)
            self._fitted[order] = fit(likelihood, starts, tolerance=tolerance, most=most)
            if tolerance > _FINE:
                self._rough.add(order)
            if self._progress is not None:
                self._progress(self.count)
        return self._fitted[order]

    def _ask_for_constants(self, count: int) -> None:
        """Fit the best orders with the constant that they lack, or without theirs."""
        if may_have_constant(self._empty):
            for found in self._sorted()[:count]:
                other = replace(found.order, has_constant=not found.order.has_constant)
                self._fit(other, tolerance=_FINE, most=_MOST_FINE)

    def _refine_best(self, count: int) -> None:
        """Refine until the best `count` are the best of what is refined."""
        while True:
            left = [f for f in self._sorted()[:count] if f.order not in self._refined]
            if not left:
                return
            for found in left:
                self._refine(found)

    def _refine(self, found: Fitted) -> Fitted:
        """Climb roughly from elsewhere too, and from the best of all to the end."""
        self._refined.add(found.order)
        self._rough.discard(found.order)
        likelihood = Likelihood(self._data, found.order)
        starts = [("rough", found.point), ("white_noise", np.zeros(len(found.point)))]
        starts += _ridges(found.order)
        best = fit(likelihood, starts, tolerance=_ROUGH, most=_MOST_ROUGH)
        self._fitted[found.order] = fit(
            likelihood, [("best", best.point)], tolerance=_FINE, most=_MOST_FINE
        )
        return self._fitted[found.order]

    def _sorted(self) -> list[Fitted]:
        usable = [f for f in self._fitted.values() if f.aicc < np.inf]
        return sorted(usable, key=_key)


def _ridges(order: Order) -> list[tuple[str, Floats]]:
    """Return starts where plain tops hide: AR and MA that nearly cancel, and an MA of a unit root.

    Asked of one lag of each kind only; longer polynomials get there by their neighbours.
    """
    starts = []
    if order.q == 1 and order.p <= 1:
        for name, ar, ma in (("ridge", 2.0, 3.0), ("unit_ma", 0.5, 30.0)):
            point = np.zeros(order.lags)
            point[: order.p] = ar
            point[order.p] = ma
            starts.append((name, point))
    return starts


def limits_of(data: Data, empty: Order) -> Limits:
    """Return the largest orders that the length of the series can bear."""
    rows = data.rows(empty)
    lags = max(0, min(Limits().lags, rows // 3))
    if empty.season:
        seasonal = max(0, min(Limits().seasonal_lags, rows // 3 // empty.season))
        return Limits(lags=lags, seasonal_lags=seasonal)
    lags = min(lags, max(1, rows // _ROWS_A_LAG))
    return Limits(
        lags=lags, seasonal_lags=0, together=max(lags, min(2 * lags, rows // _ROWS_A_LAG))
    )


def has_clear_roots(fitted: Fitted) -> bool:
    """Return whether every autoregressive root is well outside the unit circle (modulus 1.01)."""
    ar, _, seasonal_ar, _ = coefficients(fitted.order, fitted.point)
    return _is_inside(ar.tolist(), _SMALLEST_ROOT) and _is_inside(
        seasonal_ar.tolist(), _SMALLEST_ROOT ** max(fitted.order.season, 1)
    )


def _is_inside(polynomial: list[float], radius: float) -> bool:
    """Return whether 1 - polynomial has no root within the radius (Durbin, downwards)."""
    row = [value * radius ** (place + 1) for place, value in enumerate(polynomial)]
    while row:
        last = row.pop()
        if abs(last) >= 1:
            return False
        row = [(a + last * b) / (1 - last * last) for a, b in zip(row, row[::-1], strict=True)]
    return True


def _key(fitted: Fitted) -> tuple[float, int]:
    return fitted.aicc, fitted.order.coefficients
