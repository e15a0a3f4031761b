import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainer.prepare.raw_lines import line
from trainer.errors import RawFileInvalidError
from trainer.input.numbers import Decimal, Evidence
from trainer.prepare.layout import find_layout
from trainer.prepare.options import parse_options
from trainer.prepare.reader import Faults, RowReader, Rows

GOOD = [line(f"2024-01-{day:02d}", quantity=day, cost=0.25)[:-1] for day in range(1, 29)]
COLUMNS = ("--columns", "date=1,quantity=2,cost=3")


def _reader(lines: list[str], *arguments: str) -> tuple[RowReader, Faults]:
    options, faults = parse_options(["x", *arguments]), Faults(name="raw")
    return RowReader(find_layout(lines, options, "raw"), options.products, faults), faults


def _joined(pieces: list[Rows]) -> tuple[list[int], list[float]]:
    amounts = [piece.amounts for piece in pieces if piece.amounts is not None]
    days = np.concatenate([piece.days for piece in pieces])
    return days.tolist(), np.concatenate(amounts).tolist()


ODD = [
    ("", None),
    ("\t \t", None),
    ("1\t2\t", "3 fields, the other lines have 9"),
    (line("2024-02-30")[:-1], "'2024-02-30 00:00:00' is not a date (ISO 8601)"),
    (line("2024-01-05", quantity="1e16")[:-1], "quantity: '1e16' is beyond ±1e+15"),
    (line("2024-01-05", cost='"2')[:-1], "a double quote is wrong: unexpected end of data"),
]


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(st.sampled_from(GOOD).map(lambda t: (t, "good")), st.sampled_from(ODD)),
        min_size=1,
        max_size=120,
    )
)
def test_odd_lines_change_nothing_of_the_others(pairs: list[tuple[str, str | None]]) -> None:
    reader, faults = _reader(GOOD)
    pieces = list(reader.read([text for text, _ in pairs], 1))
    good = [GOOD.index(text) for text, kind in pairs if kind == "good"]
    broken = [
        f"raw:{number}: {kind}"
        for number, (_, kind) in enumerate(pairs, start=1)
        if kind not in ("good", None)
    ]
    assert faults.count == len(broken)
    assert faults.shown == broken[:20]
    if good:
        days, amounts = _joined(pieces)
        assert days == [738_886 + place for place in good]
        assert amounts == [(place + 1) * 0.25 for place in good]
    else:
        assert not pieces


@pytest.mark.parametrize("count", [1, 100])
def test_times_quotes_blanks_and_signs_are_read(count: int) -> None:
    lines = ['2024-01-01T23:59:59.5+09:00,"-1", 2.50'] * count
    reader, faults = _reader(lines, *COLUMNS)
    days, amounts = _joined(list(reader.read(lines, 1)))
    assert faults.count == 0
    assert set(days) == {738_886}
    assert amounts == [-2.5] * count


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize(
    ("cost", "mark", "number"),
    [
        ("2,5", ",", 2.5),
        ("1.234,5", ",", 1234.5),
        ("1.234.567", ",", 1234567.0),
        ("1,234.5", ".", 1234.5),
        ("1 234,5", ",", 1234.5),
        ("1\u00a0234.5", ".", 1234.5),
        ("1'234.5", ".", 1234.5),
        ("0.125", ".", 0.125),
        ("0,125", ",", 0.125),
        ("1234.567", ".", 1234.567),
    ],
)
def test_a_number_that_decides_settles_the_decimal_mark(
    count: int, cost: str, mark: str, number: float
) -> None:
    lines = [f"01.02.2024;3;{cost}"] * count
    reader, faults = _reader(lines, *COLUMNS)
    reader.look(lines, 1, Evidence())
    assert _joined(list(reader.read(lines, 1)))[1] == [3 * number] * count
    assert reader.decimal == Decimal(mark=mark, reason=f"line 1: {cost!r}")  # type: ignore[arg-type]
    assert faults.count == 0


def test_a_number_with_another_decimal_mark_is_refused_with_the_line_that_decided() -> None:
    lines = ["2024-01-01;3;2,5"] * 40 + ["2024-01-01;3;1.23"] + ["2024-01-01;3;1"] * 3
    reader, faults = _reader(lines, *COLUMNS)
    reader.look(lines, 1, Evidence())
    assert len(_joined(list(reader.read(lines, 1)))[1]) == 43
    expected = "raw:41: cost: '1.23' is not a number with a decimal comma (line 1: '2,5')"
    assert faults.shown == [expected]


def test_a_type_column_that_is_none_is_refused() -> None:
    lines = [line("2024-01-01", kind=f"kind {number}")[:-1] for number in range(101)]
    reader, _ = _reader(lines)
    with pytest.raises(RawFileInvalidError, match="more than 100 types"):
        list(reader.read(lines, 1))


def test_the_first_20_of_many_broken_lines_are_told_in_full() -> None:
    faults = Faults(name="raw")
    for number in range(25):
        faults.add(number, "wrong")
    with pytest.raises(RawFileInvalidError) as caught:
        faults.refuse()
    told = caught.value.what.splitlines()
    assert len(told) == 21
    assert told[-1] == "... and 5 more, 25 in all"
