"""The decimal mark of a raw file: found in its lines, wherever the blocks end, or asked for."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainer.read_tables import loaded
from trainer.errors import RawFileInvalidError
from trainer.input import table
from trainer.input.numbers import Decimal, Mark, is_doubtful
from trainer.input.source import Source
from trainer.prepare import work
from trainer.prepare.command import run
from trainer.prepare.options import parse_options
from trainer.prepare.report import Report
from trainer.prepare.series import Prepared

COLUMNS = ("--columns", "date=1,quantity=2,cost=3", "--measure", "sum")


def _prepared(costs: Sequence[str], *arguments: str, end: str = "\n") -> tuple[Prepared, Report]:
    lines = [f"2024-01-{place + 1:02d}\t1\t{cost}" for place, cost in enumerate(costs)]
    stream = io.BytesIO(("\n".join(lines) + end).encode())
    options = parse_options(["raw.tsv", *COLUMNS, *arguments])
    return work.prepare(Source(name="raw.tsv", stream=stream, block_bytes=16), options)


def test_lines_wait_for_one_that_decides() -> None:
    series, report = _prepared(["960", "1.026", "1.031", "7", "2,5", "1.040"])
    assert series.values == (960, 1026, 1031, 7, 2.5, 1040)
    assert (
        "numbers of 'cost' have a decimal comma (line 5: '2,5'), thousands grouped by points"
        in report.notes
    )


def test_numbers_that_can_be_read_two_ways_are_refused_with_the_option_that_decides() -> None:
    costs = ["960", "1.026", "1.031", "7"]
    with pytest.raises(RawFileInvalidError) as caught:
        _prepared(costs)
    expected = "raw.tsv:2: cost: '1.026' is 1.026 or 1026: the decimal mark is not known"
    assert caught.value.what.startswith(expected)
    assert "--decimal . if the decimal mark is a point (1.026)" in caught.value.remedy
    assert _prepared(costs, "--decimal", ".")[0].values == (960, 1.026, 1.031, 7)
    series, report = _prepared(costs, "--decimal", ",")
    assert series.values == (960, 1026, 1031, 7)
    assert (
        "numbers of 'cost' have a decimal comma (--decimal ,), thousands grouped by points"
        in report.notes
    )


def test_what_groups_thousands_is_judged_when_the_decimal_mark_is_known() -> None:
    assert _prepared(["10000", "1,000", "0,000"])[0].values == (10_000, 1, 0)
    with pytest.raises(RawFileInvalidError, match="groups thousands by"):
        _prepared(["10000", "1,000", "0.000"])


def test_a_last_line_that_may_be_cut_off_does_not_decide_for_others() -> None:
    with pytest.raises(RawFileInvalidError, match="the decimal mark is not known"):
        _prepared(["1.026", "1.03"], end="")
    assert _prepared(["1026", "1,03"], end="")[0].values == (1026, 1.03)


def test_so_many_lines_wait_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = ["1.026", *["960"] * 20, "2,5"]
    monkeypatch.setattr(table, "HEAD_LINES", 1)
    monkeypatch.setattr(table, "_MOST_WAITING", 30)
    assert _prepared(costs)[0].values[0] == 1026
    monkeypatch.setattr(table, "_MOST_WAITING", 3)
    with pytest.raises(RawFileInvalidError, match="the decimal mark is not known"):
        _prepared(costs)


def test_a_number_that_does_not_fit_the_option_is_refused_with_its_line() -> None:
    with pytest.raises(RawFileInvalidError) as caught:
        _prepared(["1.026", "1.5"], "--decimal", ",")
    expected = "raw.tsv:2: cost: '1.5' is not a number with a decimal comma (--decimal ,)"
    assert caught.value.what == expected


def test_a_series_of_three_decimals_is_written_so_that_it_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = [f"2024-01-{day:02d};1;1,{day + 110}" for day in range(1, 10)]
    Path("raw.tsv").write_text("\n".join(lines) + "\n")
    run(["raw.tsv", *COLUMNS, "--decimal", ",", "--output", "d.csv"])
    series = loaded(Path("d.csv").read_bytes(), "d.csv").series
    assert series.values.tolist() == [(1000 + day + 110) / 1000 for day in range(1, 10)]


_texts = st.one_of(
    st.integers(0, 9_999_999).map(str),
    st.integers(0, 9_999_999).map(lambda number: f"{number:,}"),
    st.integers(0, 9_999_999).map(lambda number: f"{number / 1000:.3f}"),
    st.integers(0, 9_999_999).map(lambda number: f"{number / 100:,.2f}"),
)


@settings(deadline=None)
@given(texts=st.lists(_texts, min_size=1, max_size=28), is_comma=st.booleans())
def test_a_file_in_either_dialect_is_read_as_it_was_meant_or_refused(
    *, texts: list[str], is_comma: bool
) -> None:
    meant = tuple(float(text.replace(",", "")) for text in texts)
    swap = str.maketrans(".,", ",.") if is_comma else {}
    costs = [text.translate(swap) for text in texts]
    told: Mark = "," if is_comma else "."
    decimal = Decimal(mark=told)
    groupings = {decimal.grouping(cost) for cost in costs} - {None}
    assert _prepared(costs, "--decimal", told)[0].values == meant
    decided = any(("." in cost or "," in cost) and not is_doubtful(cost) for cost in costs)
    if decided and len(groupings) > 1:
        with pytest.raises(RawFileInvalidError, match="groups thousands by"):
            _prepared(costs)
    elif any(map(is_doubtful, costs)) and not decided:
        with pytest.raises(RawFileInvalidError, match="the decimal mark is not known"):
            _prepared(costs)
    else:
        assert _prepared(costs)[0].values == meant
