"""Tables of many series: each is read by itself, wherever its rows lie, whatever its name is."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from trainer.errors import ColumnMissingError, RowsInvalidError
from trainer.input import long
from trainer.input.long import Group, LongTable, open_long
from trainer.input.options import ReadAs
from trainer.input.source import open_source, source_of

ODD = [
    "a/../b",
    "🚢",
    "x'; DROP TABLE models;--",
    "n" * 300,
    " a",
    "a",
    "..",
    "=1+1",
    "b\nc",
    "日本",
]
ODD += ["nu\0l", "\x1b[2J", "-"]


@contextmanager
def _opened(text: str, **told: Any) -> Iterator[LongTable]:
    with open_long(source_of(text.encode(), "l.csv"), ReadAs(), **told) as table:
        yield table


def _text(rows: list[list[object]], header: tuple[str, ...] = ("unique_id", "ds", "y")) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([header, *rows])
    return out.getvalue()


def _read(text: str, **told: Any) -> dict[tuple[str, ...], Group]:
    with _opened(text, **told) as table:
        return {group.name: group for group in table}


@pytest.mark.parametrize("in_memory", [1 << 22, 5])
def test_scattered_rows_are_put_beside_each_other_in_the_order_of_names_and_dates(
    monkeypatch: pytest.MonkeyPatch, in_memory: int
) -> None:
    monkeypatch.setattr(long, "_ROWS_IN_MEMORY", in_memory)
    monkeypatch.setattr(long, "_ROWS_AT_ONCE", 7)
    rows = [[name, f"2024-01-{day:02d}", place + day / 100]
            for place, name in enumerate(ODD) for day in range(1, 20)]  # fmt: skip
    Random(3).shuffle(rows)
    with _opened(_text(rows)) as table:
        assert list(table.names) == [(name,) for name in sorted(ODD)]
        assert len(table) == len(ODD)
        for group in table:
            place = ODD.index(group.name[0])
            assert group.values.tolist() == [place + day / 100 for day in range(1, 20)]
            assert [date.day for date in group.dates] == list(range(1, 20))
            assert (group.problem, group.doubled) == (None, None)


def test_several_columns_name_a_series_and_others_select_rows() -> None:
    rows: list[list[object]]
    rows = [[shop, item, kind, f"2024-01-0{day}", day]
            for shop in ("s1", "s2") for item in ("a", "b|c") for kind in "SW"
            for day in range(1, 4)]  # fmt: skip
    text = _text(rows, ("shop", "item", "kind", "ds", "y"))
    found = _read(text, series=["shop", "item"], only={"kind": {"S"}})
    assert list(found) == [("s1", "a"), ("s1", "b|c"), ("s2", "a"), ("s2", "b|c")]
    assert all(group.values.tolist() == [1, 2, 3] for group in found.values())
    doubled = _read(text, series=["shop", "item"])["s1", "a"].doubled
    assert doubled == "l.csv:5: 2024-01-01 is already on line 2"


def test_what_is_wrong_with_a_series_is_its_own_problem() -> None:
    rows: list[list[object]] = [["a", f"2024-01-0{day}", day] for day in range(1, 5)]
    rows += [["b", "2024-01-01", "abc"], ["b", "2024-01-02", 2], ["c", "x", 1]]
    rows += [["d", f"2024-0{month}-01", ""] for month in range(1, 4)]
    found = _read(_text(rows))
    assert found["a",].problem is None
    assert found["b",].problem == "l.csv:6: y: 'abc' is not a number"
    assert found["b",].values.tolist() == [2]
    assert found["c",].problem == "l.csv:8: ds: 'x' is not a date (ISO 8601)"
    assert len(found["c",].dates) == 0
    assert np.isnan(found["d",].values).all()


def test_each_series_has_its_own_offsets_from_utc() -> None:
    rows: list[list[object]]
    rows = [["tokyo", f"2024-01-0{d}T00:00:00+09:00", d] for d in range(1, 4)]
    rows += [["berlin", f"2024-03-{d}T00:00:00+0{1 if d < 32 else 2}:00", d] for d in (30, 31)]
    rows += [["berlin", "2024-04-01T00:00:00+02:00", 32]]
    rows += [["mixed", "2024-01-01T00:00:00Z", 1], ["mixed", "2024-01-02", 1]]
    found = _read(_text(rows))
    assert str(found["tokyo",].dates[0]) == "2024-01-01 00:00:00"
    assert [str(date) for date in found["berlin",].dates][-1] == "2024-04-01 00:00:00"
    assert "some dates have a time zone" in (found["mixed",].problem or "")


def test_a_row_without_a_series_and_a_table_without_series_are_refused() -> None:
    with pytest.raises(RowsInvalidError, match=r"l.csv:3: the unique_id is missing"):
        _read(_text([["a", "2024-01-01", 1], ["", "2024-01-02", 1]]))
    with pytest.raises(ColumnMissingError, match="no column names the series") as caught:
        _read("date,y\n2024-01-01,1\n")
    assert "--series_column" in caught.value.remedy
    with pytest.raises(ColumnMissingError, match="is named as a series column and with"):
        _read(_text([["a", "2024-01-01", 1]]), series=["y"])


def test_one_series_and_many_of_three_points() -> None:
    rows: list[list[object]] = [["a", f"2024-01-0{day}", day] for day in range(1, 4)]
    assert list(_read(_text(rows))) == [("a",)]
    rows = [[f"s{n}", f"2024-01-0{day}", n] for day in range(1, 4) for n in range(2000)]
    found = _read(_text(rows))
    assert len(found) == 2000
    assert found["s1999",].values.tolist() == [1999] * 3


def test_raw_transactions_are_summed_by_day_and_all_accounted_for(shared: Path) -> None:
    raw = shared / "data" / "adventureworks" / "TransactionHistory.partial.tsv"
    told = {"series": ["2"], "date": "5", "value": "7", "may_be_cut_off": True}
    with open_source(str(raw)) as source, open_long(source, ReadAs(), **told) as table:  # type: ignore[arg-type]
        assert len(table) == 440
        assert "line 58,544, the last one, is truncated: dropped" in table.notes
        groups = list(table)
    assert sum(len(group.dates) for group in groups) == 58_543
    lengths = [len(group.dates) for group in groups]
    assert (min(lengths), max(lengths)) == (1, 2088)
    total = sum(group.values.sum() for group in groups)
    assert sum(group.summed().values.sum() for group in groups) == total == 1_849_281
    longest = max(groups, key=lambda group: len(group.dates)).summed()
    assert (np.diff(longest.dates.to_numpy()) == np.timedelta64(1, "D")).all()
