"""Scores of forecasts, computed by the harness and by no engine."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def mase(known: Floats, actual: Floats, forecast: Floats, season: int) -> float:
    """Return the mean error over the mean step of a season in the known part."""
    steps = np.abs(known[season:] - known[:-season])
    return float(np.mean(np.abs(actual - forecast)) / np.nanmean(steps))


def smape(actual: Floats, forecast: Floats) -> float:
    """Return the symmetric error in percent, 0 to 200."""
    return float(200 * np.mean(np.abs(actual - forecast) / (np.abs(actual) + np.abs(forecast))))


def seasonal_naive(known: Floats, steps: int, season: int) -> Floats:
    """Repeat the last season."""
    return np.resize(known[-season:], steps)
