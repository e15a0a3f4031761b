import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.trainer.read_tables import HARD, HARD_VALUES, loaded
from trainer.errors import (
    DatesIrregularError,
    HoldoutInvalidError,
    InputMissingError,
    InputNotTextError,
    InputUnreadableError,
    RowsInvalidError,
    SeriesTooShortError,
    ValuesMissingError,
)
from trainer.input import source
from trainer.input.data import Series, fill_missing, load, split_series
from trainer.input.options import Holdout, ReadAs
from trainer.settings import complete, parse_arguments, place_run

Reader = Callable[[str], Series]
numbers = st.floats(min_value=-1e15, max_value=1e15)


def _load(path: Path) -> Series:
    return load(path, ReadAs()).series


@given(
    values=st.lists(st.one_of(numbers, st.none()), min_size=4, max_size=40).filter(
        lambda values: sum(value is not None for value in values) >= 4
    ),
    delimiter=st.sampled_from(",;\t"),
    order=st.randoms(use_true_random=False),
)
def test_a_written_series_is_read_back(
    values: list[float | None], delimiter: str, order: object
) -> None:
    days = np.datetime64("2024-01-01") + np.arange(len(values))
    rows = [
        f"{day}{delimiter}{'' if value is None else repr(value)}"
        for day, value in zip(days, values, strict=True)
    ]
    order.shuffle(rows)  # type: ignore[attr-defined]
    text = "\n".join([f"date{delimiter}value", *rows])
    # The mark is given: of values such as 1.125 alone, none would decide it.
    series = loaded(text, value="value", decimal=".").series
    known = [place for place, value in enumerate(values) if value is not None]
    expected = np.array(values[known[0] : known[-1] + 1], dtype=np.float64)
    np.testing.assert_array_equal(series.values, expected)
    assert series.dates[0] == days[known[0]]


def test_unsorted_rows_are_sorted_and_told(series: Reader) -> None:
    read = series("date,y\n2024-01-03,3\n2024-01-01,1\n2024-01-02,2\n2024-01-04,4\n")
    assert read.values.tolist() == [1, 2, 3, 4]
    assert any("sorted" in note for note in read.notes)


def test_absent_dates_are_missing_and_told(series: Reader) -> None:
    read = series("date,y\n2024-01-01,1\n2024-01-02,2\n2024-01-04,4\n2024-01-05,5\n")
    np.testing.assert_array_equal(read.values, [1, 2, np.nan, 4, 5])
    assert any("1 dates are absent" in note for note in read.notes)


def test_empty_ends_are_dropped_and_told(series: Reader) -> None:
    read = series(
        "date,y\n2024-01-01,\n2024-01-02,2\n2024-01-03,\n2024-01-04,4\n"
        "2024-01-05,5\n2024-01-06,6\n2024-01-07,NA\n"
    )
    np.testing.assert_array_equal(read.values, [2, np.nan, 4, 5, 6])
    assert str(read.dates[-1].date()) == "2024-01-06"
    assert any("2 rows without a value" in note for note in read.notes)


def test_every_bad_line_is_told_at_once(series: Reader) -> None:
    with pytest.raises(RowsInvalidError) as caught:
        series(
            "date,y\n2024-01-01,1\n2024-01-02,abc\n2024-01-03,inf\n2024-01-04,1e300\n"
            "2024-01-01,5\n2024-99-99,6\n,7\n2024-01-05,8\n2024-01-06,9\n2024-01-07,9\n"
        )
    assert caught.value.what.splitlines() == [
        "data.csv:3: y: 'abc' is not a number",
        "data.csv:4: y: 'inf' is infinite",
        "data.csv:5: y: '1e300' is beyond ±1e+15",
        "data.csv:6: date: 2024-01-01 is already on line 2",
        "data.csv:7: date: '2024-99-99' is not a date (ISO 8601)",
        "data.csv:8: date: the date is missing",
    ]


def test_large_and_negative_values_are_allowed(series: Reader) -> None:
    read = series("date,y\n2024-01-01,-1e12\n2024-01-02,1e12\n2024-01-03,-0.5\n2024-01-04,2\n")
    assert read.values.tolist() == [-1e12, 1e12, -0.5, 2]


def test_one_offset_from_utc_keeps_the_dates_as_written(series: Reader) -> None:
    rows = "".join(f"2024-01-0{day}T00:00:00+09:00,{day}\n" for day in range(1, 6))
    assert str(series("date,y\n" + rows).dates[0]) == "2024-01-01 00:00:00"


@pytest.mark.parametrize(
    "text",
    [
        "date,y\n01/02/2024,1\n02/02/2024,2\n03/02/2024,3\n04/02/2024,4\n",
        "date,y\n2024-01-01,1\n2024-01-02,2\n2024-02-20,3\n2024-06-04,4\n",
        "date,y\n2024-01-01,1\n2024-01-02T00:00:00Z,2\n2024-01-03,3\n2024-01-04,4\n",
    ],
)
def test_unclear_dates_are_refused(series: Reader, text: str) -> None:
    with pytest.raises(DatesIrregularError) as caught:
        series(text)
    assert caught.value.remedy


def test_series_without_values_is_refused(series: Reader) -> None:
    with pytest.raises(ValuesMissingError):
        series("date,y\n2024-01-01,\n2024-01-02,NaN\n2024-01-03,\n")


def test_three_values_are_too_few(series: Reader) -> None:
    with pytest.raises(SeriesTooShortError):
        series("date,y\n2024-01-01,1\n2024-01-02,2\n2024-01-03,3\n")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputMissingError, match="there is no file"):
        _load(tmp_path / "no.csv")
    with pytest.raises(InputUnreadableError, match="is a folder"):
        _load(tmp_path)
    with pytest.raises(InputUnreadableError, match="not a regular file"):
        _load(Path("/dev/null"))
    os.mkfifo(tmp_path / "pipe.csv")  # reading it would wait for a writer
    with pytest.raises(InputUnreadableError, match="not a regular file"):
        _load(tmp_path / "pipe.csv")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "x.csv").open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room
    with pytest.raises(InputNotTextError, match=r"x.csv:1: the file is binary"):
        _load(tmp_path / "x.csv")


def test_unreadable_file_is_refused_with_the_user(
    short_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(source, "open_regular", refuse)
    with pytest.raises(InputUnreadableError, match=r"may not be read by this user \(uid \d+\)"):
        _load(short_csv)


def test_a_file_is_read_as_the_options_say(tmp_path: Path) -> None:
    (tmp_path / "hard.csv").write_bytes(HARD)
    raw = parse_arguments(
        [
            *("--input", str(tmp_path / "hard.csv"), "--decimal", ",", "--encoding", "cp1252"),
            *("--separator", "semicolon", "--date_format", "DD/MM/YYYY"),
        ]
    )
    settings = complete(raw, place_run(raw, {}))
    series = load(settings.input, settings.read_as).series
    assert (series.value_name, series.values.tolist()) == ("Umsätze", HARD_VALUES)


def test_checksum_is_that_of_the_file(short_csv: Path) -> None:
    expected = hashlib.sha256(short_csv.read_bytes()).hexdigest()
    assert _load(short_csv).sha256 == expected


@pytest.mark.parametrize(
    ("holdout", "rows"),
    [
        (Holdout(fraction=0.1), 4),
        (Holdout(fraction=0.11), 5),
        (Holdout(rows=7), 7),
        (Holdout(rows=36), 36),
    ],
)
def test_holdout_is_the_last_rows_and_fractions_are_rounded_up(
    short_csv: Path, holdout: Holdout, rows: int
) -> None:
    series = _load(short_csv)
    split = split_series(series, holdout)
    assert len(split.holdout.values) == rows
    np.testing.assert_array_equal(
        np.concatenate([split.train.values, split.holdout.values]), series.values
    )
    assert split.train.dates[-1] < split.holdout.dates[0]


def test_sixteen_of_154_days_are_held_out(daily_2013: Path) -> None:
    split = split_series(_load(daily_2013), Holdout(fraction=0.1))
    assert (len(split.train.values), len(split.holdout.values)) == (138, 16)


@pytest.mark.parametrize("rows", [37, 40, 41, 10**6])
def test_holdout_that_leaves_too_little_is_refused(short_csv: Path, rows: int) -> None:
    with pytest.raises(HoldoutInvalidError):
        split_series(_load(short_csv), Holdout(rows=rows))


def test_gaps_are_filled_in_a_straight_line_and_ends_repeat() -> None:
    nan = float("nan")
    filled = fill_missing(np.array([nan, 1, nan, nan, 4, nan, nan]))
    np.testing.assert_allclose(filled, [1, 1, 2, 3, 4, 4, 4])


def test_filling_the_training_part_never_sees_the_holdout(series: Reader) -> None:
    def train_part(last: str) -> list[float]:
        rows = "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 18))
        read = series(f"date,y\n{rows}2024-01-18,\n2024-01-19,{last}\n2024-01-20,{last}\n")
        filled = fill_missing(split_series(read, Holdout(rows=2)).train.values)
        return [float(value) for value in filled]

    assert train_part("100") == train_part("-5")
    assert train_part("100")[-1] == 17
