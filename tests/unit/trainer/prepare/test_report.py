import json
from collections.abc import Callable
from datetime import date, timedelta

from tests.unit.trainer.prepare.raw_lines import line
from trainer.prepare.report import Report, find_outliers, told, write_report
from trainer.prepare.series import Prepared

Preparer = Callable[..., tuple[Prepared, Report]]


def _dates(count: int) -> list[date]:
    return [date(2024, 1, 1) + timedelta(days=number) for number in range(count)]


def test_outliers_are_found_beside_a_trend_and_do_not_hide_each_other() -> None:
    values: list[float | None] = [10.0 * place + (place % 3) for place in range(100)]
    values[40] = values[41] = values[42] = 1e6
    values[60] = None
    values[70] = -1e6
    found = find_outliers(_dates(100), values)
    assert [_dates(100).index(outlier.date) for outlier in found] == [40, 41, 42, 70]
    assert found[0].value == 1e6
    assert 300 <= found[0].usual <= 500


def test_series_without_scatter_or_values_has_no_outliers() -> None:
    assert find_outliers(_dates(5), [1.0, 1.0, 1.0, 1.0, 9.0]) == ()
    assert find_outliers((), ()) == ()


def test_shares_have_no_amount_where_the_whole_is_not_positive(prepared: Preparer) -> None:
    content = line("2024-01-01", cost=5) + line("2024-01-01", kind="W", cost=-5)
    _, report = prepared(content)
    assert [share.lines_share for share in report.types] == [0.5, 0.5]
    assert [share.amount_share for share in report.types] == [None, None]


def test_long_lists_are_cut_short_on_the_terminal_and_whole_in_json(prepared: Preparer) -> None:
    content = "".join(line(f"2024-{month:02d}-01") for month in range(1, 13))
    _, report = prepared(content + line("2025-01-01", quantity=-1))
    shown = [text for text in told(report) if text.startswith("gap")]
    assert len(shown) == 11
    assert shown[-1].endswith("... and 2 more")
    assert len(json.loads(write_report(report))["gaps"]) == 12
    assert any("1 lines have a negative quantity" in text for text in told(report))


def test_the_report_is_the_same_bytes_each_time(prepared: Preparer) -> None:
    content = "".join(line("2024-01-01", kind=kind) for kind in "SPWXYZ")
    first, again = (write_report(prepared(content)[1]) for _ in range(2))
    assert first == again
