"""Parquet is read where a library for it is installed, else refused with the way out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from trainer.errors import InputUnreadableError, LibraryMissingError
from trainer.input import parquet
from trainer.input.data import load
from trainer.input.long import open_long
from trainer.input.options import ReadAs
from trainer.input.source import open_source

LIBRARIES = ("pyarrow.parquet", "duckdb")


def _library(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow writes the file")
    pytest.importorskip(name)
    monkeypatch.setattr(parquet, "_LIBRARIES", (name,))


def test_without_a_library_the_error_names_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.csv").write_bytes(b"PAR1 and more PAR1")  # the content counts, not the name
    monkeypatch.setattr(parquet, "_LIBRARIES", ("no_such_library",))
    with pytest.raises(LibraryMissingError, match="is a parquet file") as caught:
        load(tmp_path / "x.csv", ReadAs())
    assert "no_such_library" in caught.value.remedy


@pytest.mark.parametrize("library", LIBRARIES)
def test_types_of_the_file_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    _library(library, monkeypatch)
    values = np.arange(100) + 1.026  # three decimals, which a text would leave in doubt
    values[5] = np.nan
    # To duckdb a zone's dates are points in time, in UTC.
    zone = None if library == "duckdb" else "Europe/Berlin"
    days = pd.date_range("2024-03-01", periods=100, freq="D", tz=zone)
    path = tmp_path / "a*.parquet"
    pd.DataFrame({"when": days, "sales": values, 'od"d': "é"}).to_parquet(path)
    (tmp_path / "ab.parquet").write_bytes(b"PAR1")  # what the name's * would match, too
    series = load(path, ReadAs(), date="when", value="sales").series
    np.testing.assert_array_equal(series.values, values)
    assert (series.calendar.code, str(series.dates[-1])) == ("D", "2024-06-08 00:00:00")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_long_table_has_days_and_names_of_any_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    _library(library, monkeypatch)
    days = [day.date() for day in pd.date_range("2024-01-01", periods=30)]
    frame = pd.DataFrame({"unique_id": [1, 2] * 15, "ds": days, "y": np.arange(30)})
    frame.to_parquet(tmp_path / "l.parquet")
    with open_source(str(tmp_path / "l.parquet")) as source, open_long(source, ReadAs()) as table:
        assert table.names == (("1",), ("2",))
        np.testing.assert_array_equal(table.group(0).values, np.arange(0, 30, 2))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", ["ds", None])
def test_the_dates_may_be_the_frame_s_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, name: str | None
) -> None:
    _library(library, monkeypatch)
    days = pd.date_range("2024-01-01", periods=30, name=name)
    pd.DataFrame({"y": np.arange(30.0) ** 2}, index=days).to_parquet(tmp_path / "x.parquet")
    series = load(tmp_path / "x.parquet", ReadAs()).series
    np.testing.assert_array_equal(series.values, np.arange(30.0) ** 2)


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_row_numbers_that_pandas_adds_are_no_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    _library(library, monkeypatch)
    days = pd.date_range("2024-01-01", periods=30)
    frame = pd.DataFrame({"unique_id": "a", "ds": days, "y": np.arange(30.0)}).iloc[::-1]
    frame.to_parquet(tmp_path / "l.parquet")
    with open_source(str(tmp_path / "l.parquet")) as source, open_long(source, ReadAs()) as table:
        assert table.columns == ("unique_id", "ds", "y")
        np.testing.assert_array_equal(table.group(0).values, np.arange(30.0))
    frame.drop(columns="unique_id").to_parquet(tmp_path / "x.parquet")
    series = load(tmp_path / "x.parquet", ReadAs()).series
    np.testing.assert_array_equal(series.values, np.arange(30.0))


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("cut", [4, 100, -1])
def test_a_damaged_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, cut: int
) -> None:
    _library(library, monkeypatch)
    path = tmp_path / "x.parquet"
    pd.DataFrame({"ds": ["2024-01-01"] * 9, "y": range(9)}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputUnreadableError, match="the parquet file cannot be read"):
        load(path, ReadAs())
