"""Twenty fixed orders whose likelihood has several tops, flat ridges, or a top at its border."""

from dataclasses import dataclass

import numpy as np

from search.daily import trend_and_week
from search.simulate import Floats, arma, generator, pattern, polynomial, summed
from trainer.fit.order import Order

_SEED = 20261127


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A series and the order to fit to it."""

    name: str
    values: Floats
    order: Order


def hard_cases() -> list[Case]:
    """Return the twenty."""
    cases = _cancelling() + _near_the_circle() + _cycles() + _long_and_short() + _seasonal()
    return [_case(name, values, *order) for name, values, order in cases]


_Rows = list[tuple[str, Floats, tuple[int, ...]]]


def _case(  # noqa: PLR0913, PLR0917 - the seven numbers of an order
    name: str,
    values: Floats,
    p: int,
    d: int,
    q: int,
    seasonal_p: int = 0,
    seasonal_d: int = 0,
    seasonal_q: int = 0,
    season: int = 0,
) -> Case:
    return Case(
        name=name,
        values=np.asarray(values, dtype=np.float64),
        order=Order(
            p=p,
            d=d,
            q=q,
            seasonal_p=seasonal_p,
            seasonal_d=seasonal_d,
            seasonal_q=seasonal_q,
            season=season,
            has_constant=d + seasonal_d == 0,
        ),
    )


def _cancelling() -> _Rows:
    """Return models whose two sides nearly cancel, so that the likelihood is a long ridge."""
    random = generator(_SEED, 1)
    return [
        ("noise as 2,0,2", random.standard_normal(120), (2, 0, 2)),
        ("noise as 3,0,3", random.standard_normal(80), (3, 0, 3)),
        ("almost noise", arma(random, 150, ar=(0.7,), ma=(-0.65,)), (2, 0, 2)),
        ("random walk as 2,1,2", np.cumsum(random.standard_normal(160)), (2, 1, 2)),
    ]


def _near_the_circle() -> _Rows:
    """Return roots on the unit circle or next to it."""
    random = generator(_SEED, 2)
    shifted = arma(random, 150, ar=(0.3,)) + np.repeat([0.0, 6.0], 75)
    return [
        ("memory 0.995", arma(random, 200, ar=(0.995,)), (1, 0, 1)),
        ("differenced too often", random.standard_normal(150), (1, 1, 2)),
        ("differenced twice too often", arma(random, 120, ar=(0.4,)), (1, 2, 3)),
        ("a lasting cycle", arma(random, 140, ar=(1.2, -0.985)), (2, 0, 3)),
        ("a shift of the level", shifted, (2, 0, 2)),
    ]


def _cycles() -> _Rows:
    """Return cycles that a few lags can follow at more than one frequency."""
    random = generator(_SEED, 3)
    week = np.resize(pattern(random, 7, 1.0), 138)
    sales = np.resize([2.5, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0], 138)
    angles = 2 * np.pi * np.arange(150)
    two = np.sin(angles / 11) + np.sin(angles / 5.3)
    return [
        ("weekdays as 2,0,2", week + random.standard_normal(138), (2, 0, 2)),
        ("weekends as 2,0,2", sales + random.standard_normal(138) * 1.5, (2, 0, 2)),
        ("weekdays as 4,0,3", week + random.standard_normal(138), (4, 0, 3)),
        ("two cycles", two + random.standard_normal(150) * 0.8, (4, 0, 2)),
    ]


def _long_and_short() -> _Rows:
    """Return many lags on few points, and outliers."""
    random = generator(_SEED, 4)
    long_ma = -polynomial(random.uniform(-0.7, 0.7, 8))
    spikes = random.standard_normal(100)
    spikes[[17, 18, 55, 80]] += [9.0, -7.0, 12.0, -8.0]
    return [
        ("a long moving average", arma(random, 150, ma=long_ma), (0, 0, 8)),
        ("ten lags on 50 points", arma(random, 50, ar=(0.5,)), (5, 0, 5)),
        ("outliers", spikes, (3, 0, 3)),
    ]


def _seasonal() -> _Rows:
    """Return seasonal orders, among them the one whose optimizers ended 64 units apart."""
    random = generator(_SEED, 5)
    year = np.resize(pattern(random, 12, 3.0), 96)
    airline = summed(arma(random, 84, ma=(-0.5,)), 1, 1, 12)
    return [
        ("trend and week", trend_and_week(), (1, 1, 1, 1, 0, 1, 7)),
        ("fixed months", year + random.standard_normal(96), (1, 0, 0, 1, 0, 1, 12)),
        ("seasons on 84 points", airline, (2, 1, 2, 1, 1, 1, 12)),
        ("weeks of noise", random.standard_normal(140), (1, 0, 1, 1, 0, 2, 7)),
    ]
