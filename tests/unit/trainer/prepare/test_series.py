from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.unit.trainer.prepare.raw_lines import line, text
from trainer.errors import InputEmptyError
from trainer.prepare.report import Report
from trainer.prepare.series import Prepared

Preparer = Callable[..., tuple[Prepared, Report]]
DAYS = [str(date(2024, 1, 31) + timedelta(days=number)) for number in range(62)]


def _starts(series: Prepared) -> list[str]:
    return [str(day) for day in series.dates]


def test_months_begin_on_their_first_day_and_parts_of_one_are_dropped(prepared: Preparer) -> None:
    series, report = prepared(text(DAYS), "--by", "month", "--measure", "count")
    assert dict(zip(_starts(series), series.values, strict=True)) == {
        "2024-02-01": 29,
        "2024-03-01": 31,
    }
    assert [str(span.first) for span in report.dropped] == ["2024-01-31", "2024-04-01"]
    assert (report.used, report.in_dropped) == (60, 2)


def test_weeks_begin_on_monday(prepared: Preparer) -> None:
    series, _ = prepared(text(DAYS), "--by", "week", "--measure", "count")
    assert _starts(series)[0] == "2024-02-05"
    assert {day.weekday() for day in series.dates} == {0}
    assert set(series.values) == {7}


def test_parts_of_periods_can_be_kept(prepared: Preparer) -> None:
    options = ("--by", "month", "--measure", "count", "--partial", "keep")
    series, report = prepared(text(DAYS), *options)
    assert series.values == (1, 29, 31, 1)
    assert report.dropped == ()


def test_a_month_is_whole_where_the_file_tells_of_days_beyond_the_dates_asked_for(
    prepared: Preparer,
) -> None:
    days = [day for day in DAYS if day != "2024-02-01"]
    options = ("--by", "month", "--measure", "count", "--from", "2024-02-01")
    series, report = prepared(text(days), *options)
    assert _starts(series) == ["2024-02-01", "2024-03-01"]
    assert series.values[0] == 28
    assert report.outside == 1
    assert [str(gap.first) for gap in report.gaps] == ["2024-02-01"]


def test_a_cut_off_file_loses_its_last_month(prepared: Preparer) -> None:
    content = text(DAYS[:-1]) + "1\t7\t1\t0\t2024-03-31 00"
    series, _ = prepared(content, "--by", "month", "--measure", "count")
    assert _starts(series) == ["2024-02-01"]


def test_the_mean_of_a_month_is_that_of_its_lines(prepared: Preparer) -> None:
    content = line("2024-01-01", cost=1) * 3 + line("2024-01-02", cost=5)
    series, _ = prepared(content, "--by", "month", "--partial", "keep")
    assert series.values == (2.0,)


def test_filling_follows_a_straight_line_and_is_told(prepared: Preparer) -> None:
    content = line("2024-01-01", cost=1) + line("2024-01-04", cost=7)
    series, report = prepared(content, "--fill", "line")
    assert series.values == (1, 3, 5, 7)
    assert (report.filled, report.empty) == (2, 0)
    assert any("use later values" in note for note in report.notes)
    zeros, _ = prepared(content, "--fill", "zero", "--measure", "sum")
    assert zeros.values == (1, 0, 0, 7)


def test_dates_asked_for_are_included_at_both_ends(prepared: Preparer) -> None:
    series, report = prepared(text(DAYS), "--from", "2024-02-02", "--to", "2024-02-04")
    assert _starts(series) == ["2024-02-02", "2024-02-03", "2024-02-04"]
    assert report.outside == 59


def test_nothing_whole_is_refused(prepared: Preparer) -> None:
    with pytest.raises(InputEmptyError, match="no whole month"):
        prepared(text(DAYS[:2]), "--by", "month")
