"""Small series to train on, and their files."""

import numpy as np
import pandas as pd


def swinging(count: int) -> list[float]:
    steps = np.random.default_rng(7).normal(size=count)
    values = np.zeros(count)
    for place in range(1, count):
        values[place] = 0.6 * values[place - 1] + steps[place]
    return [round(float(value), 4) for value in 50 + values]


def csv_text(values: list[float], start: str = "2024-01-01", freq: str = "D") -> str:
    dates = pd.date_range(start, periods=len(values), freq=freq)
    rows = [f"{date.date()},{value!r}" for date, value in zip(dates, values, strict=True)]
    return "\n".join(["date,value", *rows]) + "\n"
