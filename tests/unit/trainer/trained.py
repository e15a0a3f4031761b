"""Models trained by the program itself, for all tests that go on from them."""

from pathlib import Path

import numpy as np
import pandas as pd

from trainer.__main__ import main
from trainer.errors import TrainerError

TRAINED = 112
ROWS = 182
START = "2024-01-01"
GOOD = ("--order", "1,0,0", "--seasonal_order", "0,1,1,7")
KINDS = {
    "good": GOOD,
    "poor": ("--order", "0,0,0"),
    "near": ("--order", "1,0,1", "--seasonal_order", "0,1,1,7"),
    "power": (*GOOD, "--box_cox", "0"),
    "average": ("--order", "auto", "--select", "average"),
    "calendar": ("--order", "1,0,0", "--calendar", "weekday,holidays:DE", "--fourier", "30.5:2"),
    "price": (*GOOD, "--regressors", "price"),
    "mixed": ("--order", "1,0,0", "--calendar", "weekday", "--regressors", "price"),
    "auto": ("--order", "auto", "--select", "aicc"),
}


def weekly(count: int = ROWS, seed: int = 3) -> list[float]:
    """Return days with a weekly season, and errors that go together."""
    steps = np.random.default_rng(seed).normal(size=count)
    errors = np.zeros(count)
    for place in range(1, count):
        errors[place] = 0.5 * errors[place - 1] + steps[place]
    season = np.resize([0.0, 2, 5, 9, 6, -4, -8], count)
    return [round(float(value), 4) for value in 60 + season + errors]


def csv_text(values: list[float], start: str = START, freq: str = "D") -> str:
    """Return a CSV with a regressor `price` beside the values; NaN is an empty cell."""
    dates = pd.date_range(start, periods=len(values), freq=freq)
    prices = np.random.default_rng(9).normal(size=len(values)).round(3).tolist()
    rows = [
        f"{date.date()},{'' if np.isnan(value) else repr(value)},{price!r}"
        for date, value, price in zip(dates, values, prices, strict=True)
    ]
    return "\n".join(["day,sales,price", *rows]) + "\n"


def train_runs(folder: Path) -> None:
    """Train a run of each kind on the first rows."""
    (folder / "train.csv").write_text(csv_text(weekly()[:TRAINED]))
    # The last seven rows are what a forecast with a regressor of its own has to know.
    empty = [*weekly()[:TRAINED], *[float("nan")] * (ROWS - TRAINED)]
    (folder / "price.csv").write_text(csv_text(empty))
    for name, arguments in KINDS.items():
        source = folder / ("price.csv" if name in ("price", "mixed") else "train.csv")
        columns = ("--date_column", "day", "--value_column", "sales")
        quick = ("--backtest_windows", "0", "--holdout", "14", "--horizon", "14")
        place = ("--input", str(source), "--output", str(folder / name), "--run_id", f"run-{name}")
        assert main([*place, *columns, *quick, *arguments]) == 0


def exit_code_of(name: str) -> int:
    """Return the exit code of the family of the error with this name."""
    families = TrainerError.__subclasses__()
    return {e.name(): e.exit_code for family in families for e in family.__subclasses__()}[name]
