"""The rows that neither model has seen, and the origins in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from trainer.compare.contender import Contender
from trainer.compare.options import Options
from trainer.errors import WindowTooShortError
from trainer.evaluation.backtest import Window, plan_windows
from trainer.input.data import Series

FEWEST_ORIGINS = 8
FEWEST_FOR_EACH_LAG = 5
MOST_ORIGINS = 200
_USUAL_HORIZON = 7
_HORIZONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class NewWindow:
    """The rows from `start` on are new to both models; `windows` are forecast from their origins.

    `lags` is how many origins in a row share a row that they forecast: their errors go together.
    """

    start: int
    horizon: int
    step: int
    lags: int
    windows: tuple[Window, ...]


def plan_new_window(series: Series, contenders: Sequence[Contender], options: Options) -> NewWindow:
    """Return the origins after the later of both models' last dates. Refuses too few of them."""
    latest = max(contenders, key=lambda contender: contender.origin.last)
    seen = pd.Timestamp(latest.origin.last)
    start = int((series.dates <= seen).sum())
    new = len(series.values) - start
    season = series.calendar.season
    usual = min(season if season > 1 else _USUAL_HORIZON, new // _HORIZONS)
    horizon = options.horizon or max(1, usual)
    step = options.step or max(1, ceil((new - horizon + 1) / MOST_ORIGINS))
    lags = ceil(horizon / step)
    windows = tuple[Window, ...]()
    if new >= horizon:
        windows = plan_windows(
            len(series.values), windows=new, step=step, horizon=horizon, fewest=start
        )
    known = ~np.isnan(series.values)
    scored = sum(bool(known[w.origin : w.stop].any()) for w in windows)
    needed = max(FEWEST_ORIGINS, FEWEST_FOR_EACH_LAG * lags)
    if scored < needed:
        raise WindowTooShortError(
            f"too little data: {series.source} has {new} rows after {_spelled(seen)}, the last "
            f"date that the {latest.role} was trained on; forecasts of {horizon} steps can be "
            f"scored from {scored} origins, and {needed} are needed",
            remedy="wait for more values"
            + (", or give a smaller --horizon or --step" if new > FEWEST_ORIGINS else ""),
        )
    return NewWindow(start=start, horizon=horizon, step=step, lags=lags, windows=windows)


def _spelled(date: pd.Timestamp) -> str:
    return str(date.date() if date == date.normalize() else date)
