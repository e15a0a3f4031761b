"""Seeded generators: after the random draws there are only sums, products, quotients and roots."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_BEGIN = 300


def generator(seed: int, number: int) -> np.random.Generator:
    """Return the generator of one series: no series changes when another is added."""
    return np.random.Generator(np.random.PCG64([seed, number]))


def arma(
    random: np.random.Generator,
    length: int,
    *,
    ar: Floats | tuple[float, ...] = (),
    ma: Floats | tuple[float, ...] = (),
    spread: float = 1.0,
) -> Floats:
    """Return 1 - ar, 1 + ma with normal shocks, 300 steps after it started from zeros."""
    shocks = random.standard_normal(_BEGIN + length) * spread
    values = np.zeros(_BEGIN + length)
    for t in range(max(len(ar), len(ma)), len(values)):
        total = shocks[t]
        for lag, weight in enumerate(ar, start=1):
            total += weight * values[t - lag]
        for lag, weight in enumerate(ma, start=1):
            total += weight * shocks[t - lag]
        values[t] = total
    return values[_BEGIN:]


def polynomial(partial: Floats | list[float]) -> Floats:
    """Return ar of the stationary 1 - ar with these partial autocorrelations (Durbin-Levinson)."""
    found = np.zeros(0)
    for last in partial:
        found = np.append(found - last * found[::-1], last)
    return found


def multiplied(plain: Floats, seasonal: Floats, season: int) -> Floats:
    """Return ar of (1 - plain)(1 - seasonal), whose lags are seasons."""
    stretched = np.zeros(len(seasonal) * season + 1)
    stretched[0] = 1.0
    if len(seasonal):
        stretched[season::season] = -seasonal
    product = np.zeros(len(stretched) + len(plain))
    for lag, weight in enumerate([1.0, *-plain]):
        product[lag : lag + len(stretched)] += weight * stretched
    return -product[1:]


def pattern(random: np.random.Generator, season: int, spread: float) -> Floats:
    """Return the effects of a season's places, which sum to zero."""
    effects = random.standard_normal(season) * spread
    return np.asarray(effects - effects.sum() / season)


def summed(values: Floats, d: int, seasonal_d: int, season: int) -> Floats:
    """Undo differencing, from zeros."""
    for _ in range(seasonal_d):
        values = values.copy()
        for t in range(season, len(values)):
            values[t] += values[t - season]
    for _ in range(d):
        values = np.cumsum(values)
    return values
