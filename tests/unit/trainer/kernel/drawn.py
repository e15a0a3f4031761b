"""Random orders, series and points, the same ones every time; and the same model in statsmodels."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.fit.fitting import with_trend
from trainer.fit.order import Floats, Order, difference
from trainer.kernel.library import Arma, Top, coefficients

SEASONS = (2, 3, 4, 7, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A series of levels, its regressors (the trend's column first), and a point of the order."""

    order: Order
    series: Floats
    columns: Floats
    point: Floats

    @property
    def arma(self) -> Arma:
        """Return the kernel's likelihood of the differences."""
        return Arma(
            difference(self.series, self.order),
            self.order,
            difference(self.columns, self.order),
        )

    @property
    def top(self) -> Top:
        """Return the kernel's numbers at the point, which is not climbed from."""
        return self.arma.climb(self.point, tolerance=np.inf)


def cases(count: int, *, seed: int = 0, spread: float = 1.0) -> Iterator[Case]:
    """Yield models; `spread` is how far their free numbers lie from 0."""
    generator = np.random.default_rng(seed)
    for _ in range(count):
        order = _order(generator)
        rows = order.lost + 3 * order.lags + int(generator.integers(20, 90))
        series = generator.normal(size=rows) * 10 ** generator.uniform(-3, 3)
        for _ in range(order.d + order.seasonal_d):
            series = series.cumsum()
        plain = generator.normal(size=(int(generator.integers(0, 3)), rows))
        point = generator.normal(size=order.lags) * spread
        columns = with_trend(plain, rows, order)
        yield Case(order=order, series=series, columns=columns, point=point)


def _order(generator: np.random.Generator) -> Order:
    season = int(generator.choice(SEASONS)) if generator.random() < 0.6 else 0
    largest = min(4, season or 4)  # statsmodels refuses a lag that is plain and seasonal
    p, q = (int(number) for number in generator.integers(0, largest, size=2))
    seasonal = [int(number) for number in generator.integers(0, 2, size=3)] if season else [0] * 3
    return Order(
        p=p,
        d=int(generator.integers(0, 3 - seasonal[1])),
        q=q,
        seasonal_p=seasonal[0],
        seasonal_d=seasonal[1],
        seasonal_q=seasonal[2],
        season=season,
        has_constant=bool(generator.random() < 0.5),
    )


def sarimax(series: Floats, order: Order, columns: Floats, **options: Any) -> Any:
    """Return statsmodels' model of the levels, its filter exact to the last row."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    return SARIMAX(
        series,
        exog=columns.T if len(columns) else None,
        order=order.trio,
        seasonal_order=order.seasonal if order.season else (0, 0, 0, 0),
        trend="n",
        tolerance=0,
        **options,
    )


def numbers(order: Order, point: Floats, beta: Floats, variance: float) -> Floats:
    """Return a point's parameters as statsmodels orders them."""
    return np.concatenate([beta, *coefficients(order, point), [variance]])
