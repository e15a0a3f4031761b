"""A grid's dates are those of pandas' calendar of the same name."""

import numpy as np
import pandas as pd
import pytest

from trainer.input.frequency import find_grid
from trainer.input.grid import Grid

FREQUENCIES = ["YS-APR", "YE-JUN", "QS-FEB", "QE-MAR", "MS", "ME", "W-WED", "B", "D", "2D", "10D"]
FREQUENCIES += ["h", "7h", "30min", "15s"]


def _dates(freq: str, first: str, rows: int) -> np.ndarray:
    return np.asarray(
        pd.date_range(first, periods=rows, freq=freq).as_unit("us").to_numpy().view("i8")
    )


@pytest.mark.parametrize("freq", FREQUENCIES)
@pytest.mark.parametrize("first", ["1969-03-05", "2024-02-29"])
def test_the_dates_of_a_grid_are_pandas_dates(freq: str, first: str) -> None:
    dates = _dates(freq, first, 60)
    kept = np.delete(dates, [3, 17, 18, 40])
    grid = find_grid(kept[:50])
    assert grid is not None
    assert grid.code.partition("-")[0] == freq.partition("-")[0]
    places = grid.places(kept)
    assert places is not None
    assert grid.dates(np.arange(places[0], places[-1] + 1)).tolist() == dates.tolist()


def test_a_date_that_is_not_on_the_grid_has_no_place() -> None:
    day = 86_400_000_000
    monthly = Grid(code="MS", name="monthly", unit="month")
    assert monthly.places(np.array([day])) is None
    assert monthly.places(np.array([1])) is None
    assert Grid(code="B", name="", unit="workday").places(np.array([2 * day])) is None
    assert find_grid(np.array([0, 0, day])) is None
    assert find_grid(np.array([0])) is None
