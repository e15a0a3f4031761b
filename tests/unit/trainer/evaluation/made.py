"""Series made of numbers."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from trainer.input.data import Series
from trainer.input.frequency import Calendar

NAN = float("nan")


def daily(values: npt.ArrayLike, season: int = 7) -> Series:
    """A daily series of numbers, with a season of seven days unless told, and a double one."""
    numbers = np.asarray(values, dtype=np.float64)
    return Series(
        source="made",
        sha256="0",
        date_name="date",
        value_name="value",
        calendar=Calendar(
            code="D",
            name="daily",
            season=season,
            seasons=(season, 2 * season) if season > 1 else (),
        ),
        dates=pd.date_range("2024-01-01", periods=len(numbers), freq="D"),
        values=numbers,
        notes=("made",),
    )


def swinging(count: int, season: int = 7, power: float = 0.0) -> Series:
    """A level that moves and a season; with a power of 1 the season grows with the level."""
    generator = np.random.default_rng(season + count)
    rows = np.arange(count)
    level = 100 + 0.8 * rows + 0.5 * np.cumsum(generator.normal(size=count))
    swing = np.sin(2 * np.pi * rows / max(season, 2)) + 0.3 * np.cos(4 * np.pi * rows / 7)
    if season > 1:
        swing = np.resize(swing[:season], count)
    noise = 0.1 * generator.normal(size=count)
    return daily(level + (level / 100) ** power * 20 * (swing + noise), season=season)
