"""Dates are read in the one form that fits their column, or refused with the option to give."""

from collections.abc import Sequence

import pytest

from tests.unit.trainer.read_tables import loaded
from trainer.errors import DatesIrregularError, RowsInvalidError
from trainer.input.data import Loaded
from trainer.input.date_forms import is_date


def _read(texts: Sequence[str], *, delimiter: str = ";", date_format: str | None = None) -> Loaded:
    rows = [f"{text}{delimiter}{place}.5" for place, text in enumerate(texts)]
    content = "\n".join([f"when{delimiter}y", *rows]) + "\n"
    return loaded(content, date="when", value="y", date_format=date_format)


CLOCKS = ("10:00 am", "11:00 AM", "12:00 PM", "1:00 p.m.", "2:00PM")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun")


@pytest.mark.parametrize(
    ("texts", "name", "first", "calendar"),
    [
        ([f"2024-03-{d:02d}" for d in range(1, 7)], "ISO 8601", "2024-03-01", "D"),
        ([f"2024-03-01T{h:02d}:00:00" for h in range(6)], "ISO 8601", "2024-03-01", "h"),
        ([f"202403{d:02d}" for d in range(1, 7)], "ISO 8601", "2024-03-01", "D"),
        ([f"2013-1-{d}" for d in range(5, 11)], "YYYY-MM-DD", "2013-01-05", "D"),
        ([f"2024/3/{d}" for d in range(1, 7)], "YYYY/MM/DD", "2024-03-01", "D"),
        ([f"{d}.3.2024" for d in range(11, 17)], "DD.MM.YYYY", "2024-03-11", "D"),
        ([f"03/{d:02d}/2024" for d in range(9, 15)], "MM/DD/YYYY", "2024-03-09", "D"),
        ([f"{d:02d}/03/2024" for d in range(9, 15)], "DD/MM/YYYY", "2024-03-09", "D"),
        ([f"2024-{m:02d}" for m in range(3, 9)], "YYYY-MM", "2024-03-01", "MS"),
        ([f"{m:02d}/2024" for m in range(3, 9)], "MM/YYYY", "2024-03-01", "MS"),
        ([f"2024{m:02d}" for m in range(3, 9)], "YYYYMM", "2024-03-01", "MS"),
        ([f"2024Q{q}" for q in range(1, 5)], "YYYYQn", "2024-01-01", "QS-JAN"),
        ([f"{m} 2024" for m in MONTHS], "Month YYYY", "2024-01-01", "MS"),
        ([f"{d}-Jan-2024" for d in range(5, 11)], "DD-Month-YYYY", "2024-01-05", "D"),
        ([f'"Jan {d}, 2024"' for d in range(1, 7)], "Month DD, YYYY", "2024-01-01", "D"),
        ([f"{y}" for y in range(2013, 2019)], "YYYY", "2013-01-01", "YS-JAN"),
        ([f"2013年7月{d}日" for d in range(26, 32)], "YYYY年MM月DD日", "2013-07-26", "D"),
        ([f"2020年{m}月" for m in range(1, 7)], "YYYY年MM月", "2020-01-01", "MS"),
        ([f"3/13/2024 {t}" for t in CLOCKS], "MM/DD/YYYY", "2024-03-13 10:00:00", "h"),
    ],
)
def test_a_column_has_the_form_that_reads_all_of_it(
    texts: list[str], name: str, first: str, calendar: str
) -> None:
    read = _read(texts)
    assert (f"dates are read as {name}" in read.frame.notes) == (name != "ISO 8601")
    assert str(read.series.dates[0]).removesuffix(" 00:00:00") == first
    assert read.series.calendar.code == calendar
    assert read.series.values.tolist() == [place + 0.5 for place in range(len(texts))]


def test_noon_and_midnight_of_twelve_hours() -> None:
    texts = [f"1/{d}/2024 {clock}" for d in (13, 14, 15) for clock in ("12:30 AM", "12:30 PM")]
    dates = _read(texts).series.dates
    assert [str(date)[11:16] for date in dates] == ["00:30", "12:30"] * 3


def test_day_and_month_that_could_be_swapped_are_asked_for() -> None:
    texts = [f"0{day}/01/2024" for day in range(1, 7)]
    with pytest.raises(DatesIrregularError) as caught:
        _read(texts)
    assert "data.csv:3: when: '02/01/2024' can be read as MM/DD/YYYY and as" in caught.value.what
    assert "--date_format 'DD/MM/YYYY'" in caught.value.remedy
    assert _read(texts, date_format="DD/MM/YYYY").series.calendar.code == "D"
    assert _read(texts, date_format="MM/DD/YYYY").series.calendar.code == "MS"


def test_a_last_day_above_12_decides_for_all_before_it() -> None:
    days = [f"{day}/3/2024" for day in range(1, 14)]
    assert str(_read(days).series.dates[0]) == "2024-03-01 00:00:00"
    assert str(_read([f"3/{day}/2024" for day in range(1, 14)]).series.dates[1])[:10] == (
        "2024-03-02"
    )


def test_one_bad_date_does_not_change_the_form() -> None:
    with pytest.raises(RowsInvalidError) as caught:
        _read(["2024-01-01", "2024-13-45", "2024-01-03"])
    assert caught.value.what == "data.csv:3: when: '2024-13-45' is not a date (ISO 8601)"


def test_days_over_a_change_of_the_clocks_are_read_as_written() -> None:
    texts = [f"2024-03-{d}T00:00:00+0{1 if d < 32 else 2}:00" for d in range(28, 32)]
    texts += [f"2024-04-0{d} 00:00:00+02:00" for d in range(1, 4)]
    read = _read(texts)
    assert read.series.calendar.code == "D"
    assert str(read.series.dates[-1]) == "2024-04-03 00:00:00"
    assert any("read as written" in note for note in read.frame.notes)


def test_hours_over_a_change_of_the_clocks_become_utc() -> None:
    clocks = ["00:00+02:00", "01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"]
    read = _read([f"2024-10-27T{clock}" for clock in clocks])
    assert read.series.calendar.code == "h"
    assert str(read.series.dates[0]) == "2024-10-26 22:00:00"
    assert "dates have several offsets from UTC: converted to UTC" in read.frame.notes


def test_dates_of_which_some_have_a_zone_are_refused() -> None:
    with pytest.raises(DatesIrregularError, match="some dates have a time zone"):
        _read([*(f"2024-01-0{d}" for d in range(1, 5)), "2024-01-05T00:00:00Z"])


@pytest.mark.parametrize("text", ["202400", "202413", "20241", "002401", "2024011", "-202401"])
def test_what_is_no_year_and_month_is_no_date(text: str) -> None:
    assert not is_date(text)
