"""`trainer.forecast`: a frame in, a frame out, and the same numbers as the command's."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import trainer
from tests.unit.trainer.many.tables import read_rows, usual_csv
from trainer.__main__ import main
from trainer.errors import (
    ColumnMissingError,
    DatesIrregularError,
    HorizonInvalidError,
    LibraryMissingError,
    RowsInvalidError,
    TooManyFailuresError,
)


def _frame(names: list[str], rows: int = 12) -> pd.DataFrame:
    dates = pd.date_range("2020-01-01", periods=rows, freq="MS")
    parts = [
        pd.DataFrame({"unique_id": name, "ds": dates, "y": np.arange(rows) ** 1.5 + place})
        for place, name in enumerate(names)
    ]
    return pd.concat(parts).sample(frac=1, random_state=1)


@pytest.mark.process
def test_the_forecasts_are_those_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(usual_csv(["b", "a", "nu\0l"], 12), newline="")
    assert main(["many", "--input", "t.csv", "--processes", "1", "--output", "out"]) == 0
    expected = read_rows(Path("out/forecasts.csv.gz"))
    found = trainer.forecast(pd.read_csv("t.csv", dtype={"unique_id": str}, engine="python"))
    assert found["unique_id"].tolist() == [row["unique_id"] for row in expected]
    assert [f"{date:%Y-%m-%d}" for date in found["ds"]] == [row["ds"] for row in expected]
    for name in ("mean", "lo80", "hi80", "lo95", "hi95"):
        assert found[name].tolist() == [float(row[name]) for row in expected]
    assert found.attrs["notes"] == {}


def test_a_series_that_cannot_be_forecast_is_in_the_notes() -> None:
    frame = _frame(["good", "bad", "hole"])
    frame.loc[frame["unique_id"] == "bad", "y"] = np.nan
    frame.loc[(frame["unique_id"] == "hole") & (frame["ds"] == "2020-03-01"), "ds"] = pd.NaT
    found = trainer.forecast(frame, horizon=2)
    assert found["unique_id"].tolist() == ["good", "good"]
    assert found.attrs["notes"]["bad"] == "unusable: the series has no value"
    assert found.attrs["notes"]["hole"].endswith("the date is missing")
    assert trainer.forecast(frame[frame["unique_id"] == "good"], horizon=2).equals(found)


def test_a_value_that_no_file_may_have_is_its_series_problem() -> None:
    frame = _frame(["good", "huge", "endless"])
    frame.loc[(frame["unique_id"] == "huge") & (frame["ds"] == "2020-03-01"), "y"] = 1e308
    frame.loc[(frame["unique_id"] == "endless") & (frame["ds"] == "2020-03-01"), "y"] = -np.inf
    found = trainer.forecast(frame, horizon=2)
    assert found["unique_id"].tolist() == ["good", "good"]
    assert found.attrs["notes"]["huge"].endswith("y: 1e+308 is beyond ±1e+15")
    assert found.attrs["notes"]["endless"].endswith("y: -inf is infinite")


def test_a_kernel_that_cannot_be_used_is_one_error_and_not_one_of_each_series(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def outdated() -> None:
        raise LibraryMissingError("older than its source", remedy="build it")

    monkeypatch.setattr("trainer.many.plan.kernel_library", outdated)
    with pytest.raises(LibraryMissingError, match="older than its source"):
        trainer.forecast(_frame(["a", "b"]), horizon=2)


def test_a_frame_that_is_no_table_of_series_is_refused() -> None:
    frame = _frame(["a"])
    with pytest.raises(ColumnMissingError, match="no column 'ds'"):
        trainer.forecast(frame.rename(columns={"ds": "date"}))
    with pytest.raises(RowsInvalidError, match="'y' is not numbers"):
        trainer.forecast(frame.assign(y="x"))
    with pytest.raises(DatesIrregularError, match="'ds' is not dates"):
        trainer.forecast(frame.assign(ds="soon"))
    with pytest.raises(DatesIrregularError, match="'ds' is not dates"):
        trainer.forecast(frame.assign(ds=np.arange(12)))
    with pytest.raises(RowsInvalidError, match="has no unique_id"):
        trainer.forecast(frame.assign(unique_id=None))
    with pytest.raises(RowsInvalidError, match="surrogate"):
        trainer.forecast(frame.assign(unique_id=np.array(["\ud800"] * 12, dtype=object)))
    with pytest.raises(HorizonInvalidError):
        trainer.forecast(frame, horizon=0)
    with pytest.raises(TooManyFailuresError, match="no series can be forecast"):
        trainer.forecast(frame.assign(y=np.nan))
    assert len(trainer.forecast(frame[:0])) == 0


def test_dates_of_a_time_zone_are_those_of_its_clock_and_numbers_may_be_names() -> None:
    frame = _frame(["1"]).assign(unique_id=7)
    zoned = frame.assign(ds=frame["ds"].dt.tz_localize("Asia/Tokyo"))
    assert trainer.forecast(zoned).equals(trainer.forecast(frame))
    assert set(trainer.forecast(frame, has_floor=False)["unique_id"]) == {"7"}
