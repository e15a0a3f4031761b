from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.unit.trainer.read_tables import loaded
from trainer.errors import (
    ColumnMissingError,
    FutureRegressorsMissingError,
    RegressorsInvalidError,
    RowsInvalidError,
)
from trainer.regressors.given import Given, future_rows, known_rows, read_given

NAMES = ("price", "promo")
ROWS = [
    "2024-01-02,2,20,0",
    "2024-01-01,1,10,1",
    "2024-01-03,,30,0",
    "2024-01-04,4,40,1",
    "2024-01-06,6,60,0",
    "2024-01-07,,70,1",
    "2024-01-08,,80,0",
    "2024-01-09,,,0",
]


def _given(rows: list[str], names: tuple[str, ...] = NAMES) -> tuple[Given, pd.DatetimeIndex]:
    text = "\n".join(["date,y,price,promo", *rows]) + "\n"
    found = loaded(text, "x.csv", date="date", value="y", others=names)
    return read_given(found.frame, names), found.series.dates


def test_regressors_stand_beside_the_dates_of_the_series() -> None:
    given, dates = _given(ROWS)
    values = np.array([1, 2, np.nan, 4, np.nan, 6])
    design, notes = known_rows(given, dates, values)
    assert design.names == NAMES
    assert design.matrix.tolist() == [[10, 1], [20, 0], [30, 0], [40, 1], [40, 1], [60, 0]]
    assert notes == (
        "regressors of 1 dates without a value are missing: the last known values are used",
    )


def test_future_rows_follow_the_last_value() -> None:
    given, dates = _given(ROWS)
    future = pd.date_range(dates[-1], periods=3, freq="D")[1:]
    assert future_rows(given, future).matrix.tolist() == [[70, 1], [80, 0]]


def test_too_few_future_rows_are_refused_with_their_number() -> None:
    given, dates = _given(ROWS)
    with pytest.raises(FutureRegressorsMissingError) as caught:
        future_rows(given, pd.date_range(dates[-1], periods=6, freq="D")[1:])
    assert "5 steps needs 5 future rows of 'price', 'promo'; there are 2" in caught.value.what
    assert "2024-01-09 has no 'price'" in caught.value.what
    assert "add rows up to 2024-01-11" in caught.value.remedy
    assert caught.value.remedy.endswith("or give --horizon 2")


def test_no_future_row_at_all_leaves_no_shorter_horizon() -> None:
    given, dates = _given(ROWS[:5])
    with pytest.raises(FutureRegressorsMissingError, match="there are 0") as caught:
        future_rows(given, pd.date_range(dates[-1], periods=2, freq="D")[1:])
    assert "--horizon" not in caught.value.remedy


def test_a_value_without_its_regressors_is_refused_with_its_line() -> None:
    rows = [*ROWS]
    rows[0] = "2024-01-02,2,,"
    given, dates = _given(rows)
    with pytest.raises(RegressorsInvalidError) as caught:
        known_rows(given, dates, np.array([1, 2, np.nan, 4, np.nan, 6]))
    assert caught.value.what == "x.csv:2: 2024-01-02 has a value, but no 'price', 'promo'"


def test_cells_that_are_no_numbers_are_all_told() -> None:
    rows = [*ROWS, "2024-01-10,,x,yes"]
    with pytest.raises(RowsInvalidError) as caught:
        _given(rows)
    assert caught.value.what.splitlines() == [
        "x.csv:10: price: 'x' is not a number",
        "x.csv:10: promo: 'yes' is not a number",
    ]
    assert "1 and 0" in caught.value.remedy


def test_unknown_empty_and_taken_columns_are_refused() -> None:
    with pytest.raises(ColumnMissingError, match="no column 'prize'") as caught:
        _given(ROWS, ("prize",))
    assert "'price', 'promo'" in caught.value.remedy
    with pytest.raises(RegressorsInvalidError, match="not a regressor"):
        _given(ROWS, ("y",))
    with pytest.raises(RowsInvalidError, match="the column is empty"):
        _given(["2024-01-01,1,,1", "2024-01-02,2,,1", "2024-01-03,3,,1", "2024-01-04,4,,1"])


def test_nothing_of_the_room_loads_the_holidays_by_itself() -> None:
    import trainer.regressors.plan

    source = Path(trainer.regressors.plan.__file__).parent
    for path in source.glob("*.py"):
        assert "\nimport holidays" not in path.read_text()
