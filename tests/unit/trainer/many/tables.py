"""Long tables of small series, and what a run of `many` wrote of them."""

import csv
import gzip
import io
from collections.abc import Iterable
from pathlib import Path
from random import Random

import pandas as pd

ODD = ["a/../b", "🚢", "x'; DROP TABLE models;--", "n" * 300, " a", "a", "..", "=1+1", "b\nc"]
ODD += ["日本", "nu\0l", "\x1b[2J", "-", 'quo"te', "Ä", "A\u0308"]
FILES = ("forecasts.csv.gz", "metrics.csv.gz", "models.sqlite", "timings.csv.gz")


def long_csv(rows: Iterable[tuple[object, ...]], header: Iterable[str]) -> str:
    """Return rows as CSV."""
    out = io.StringIO()
    csv.writer(out).writerows([tuple(header), *rows])
    return out.getvalue()


def usual_csv(
    names: Iterable[str], rows: int, *, freq: str = "MS", first: str = "2015-01-01", seed: int = 1
) -> str:
    """Return a table of series that drift, in the field's columns; its rows are scattered."""
    random = Random(seed)
    dates = [str(date.date()) for date in pd.date_range(first, periods=rows, freq=freq)]
    table = [
        (name, date, round(50 + place + step / 3 + random.gauss(0, 1), 2))
        for place, name in enumerate(names)
        for step, date in enumerate(dates)
    ]
    random.shuffle(table)
    return long_csv(table, ("unique_id", "ds", "y"))


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table that a run wrote."""
    text = gzip.decompress(path.read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))
