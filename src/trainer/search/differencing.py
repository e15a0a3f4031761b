"""How often to difference: seasonal strength for the season, KPSS for the rest, with the evidence.

Seasonal strength: Wang, Smith and Hyndman 2006, with the threshold of Hyndman and Athanasopoulos,
"Forecasting: principles and practice", ch. 9.1. KPSS: Kwiatkowski, Phillips, Schmidt and Shin 1992.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from trainer.fit.order import Floats
from trainer.interruption import held_back

STRONG_SEASON = 0.64
_LEVEL = 0.05
_MOST = 2
_FEWEST = 10
_FEWEST_FOR_TWO = 25  # on fewer rows the trend that d = 2 extrapolates is one that chance draws
_ROUNDING = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Differencing:
    """How often to difference: plain and by season, and a sentence for each thing seen."""

    d: int
    seasonal_d: int
    evidence: tuple[str, ...]


def find_differencing(values: Floats, season: int) -> Differencing:
    """Return the differencing of a series without gaps; `season` 1 means none."""
    evidence = []
    rows, seasonal_d = len(values), 0
    if season > 1:
        strength = seasonal_strength(values, season)
        seasonal_d = int(strength >= STRONG_SEASON)
        verdict = "differenced by season" if seasonal_d else "not differenced by season"
        evidence.append(
            f"seasonal strength {strength:.2f} (from {STRONG_SEASON} on it counts): {verdict}"
        )
        values = values[season:] - values[:-season] if seasonal_d else values
    d, most = 0, _MOST if rows >= _FEWEST_FOR_TWO else 1
    while d < most - seasonal_d and len(values) >= _FEWEST and _is_varied(values):
        statistic, critical = kpss_statistic(values)
        is_level = statistic < critical
        what = "keeps its level" if is_level else "has no level to keep: differenced"
        evidence.append(f"KPSS {statistic:.2f} (critical {critical:.2f}): the series {what}")
        if is_level:
            break
        d += 1
        values = values[1:] - values[:-1]
    return Differencing(d=d, seasonal_d=seasonal_d, evidence=tuple(evidence))


def seasonal_strength(values: Floats, season: int) -> float:
    """Return 1 less the remainder's share of the variance of season and remainder: 0 to 1."""
    with held_back():
        from statsmodels.tsa.seasonal import STL  # noqa: PLC0415 - takes a second

    parts = STL(values, period=season).fit()
    rest = float(np.var(parts.resid))
    both = float(np.var(parts.seasonal + parts.resid))
    # Of a constant or a straight line rounding is left, and that has no season.
    least = (_ROUNDING * float(np.max(np.abs(values)))) ** 2
    return max(0.0, 1 - rest / both) if both > least else 0.0


def kpss_statistic(values: Floats) -> tuple[float, float]:
    """Return the KPSS statistic about a level, and its critical value at 5 %."""
    with held_back():
        from statsmodels.tsa.stattools import kpss  # noqa: PLC0415 - takes a second

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a p-value beyond its table, which is not used
        statistic, _, _, critical = kpss(values, nlags=int(3 * np.sqrt(len(values)) / 13))
    return float(statistic), float(critical["5%"])


def _is_varied(values: Floats) -> bool:
    return float(np.max(values) - np.min(values)) > _ROUNDING * float(np.max(np.abs(values)))
