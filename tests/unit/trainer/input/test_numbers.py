"""Numbers are read as they were meant, or refused with the line and the option that decides."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainer.read_tables import loaded
from trainer.errors import RowsInvalidError
from trainer.input.data import Series
from trainer.input.numbers import LARGEST_VALUE, MARKS, Decimal, Mark, is_doubtful, is_number
from trainer.regressors.given import read_given

POINT, COMMA = Decimal(mark="."), Decimal(mark=",")


def _table(cells: Sequence[str], delimiter: str = ";", *, more: Sequence[str] = ()) -> bytes:
    """Write the cells as a column of values, and perhaps a column of regressors."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["Datum", "y", *["x"] * bool(more)])
    for place, cell in enumerate(cells):
        writer.writerow([f"2024-01-{place + 1:02d}", cell, *more[place : place + 1]])
    return out.getvalue().encode()


def _read(content: bytes, decimal: Mark | None = None) -> Series:
    return loaded(content, value="y", decimal=decimal).series


@given(st.floats(min_value=-LARGEST_VALUE, max_value=LARGEST_VALUE))
def test_a_written_number_is_read_back(number: float) -> None:
    assert POINT.read(repr(number)) == number


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=3))
def test_a_decimal_comma_means_the_same(number: object) -> None:
    text = str(number)
    assert COMMA.read(text.replace(".", ",")) == float(text)


@pytest.mark.parametrize("text", ["", "  ", "NaN", "nan", "NA", "n/a", "null", "None", "#N/A"])
def test_missing_is_nan(text: str) -> None:
    assert isnan(POINT.read(text))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("abc", "not a number$"),
        ("1,5", r"not a number with a decimal point$"),
        ("1.026,5", r"not a number with a decimal point$"),
        ("1,23,456", "not a number$"),
        ("1,026,5", "not a number$"),
        ("0,026", "not a number with"),
        ("1,0265", "not a number with"),
        ("1,026e3", "not a number with"),
        ("1_000", "not a number$"),
        ("1  026", "not a number$"),
        ("1 026'000", "not a number$"),
        ("12 kg", "not a number$"),
        ("$12", "not a number$"),
        ("12%", "not a number$"),
        ("(12)", "not a number$"),
        ("0x10", "not a number$"),
        ("١٢", "not a number$"),
        ("inf", "infinite"),
        ("-Infinity", "infinite"),
        ("1e300", "beyond"),
        ("1e9999", "beyond"),
        ("-1.1e15", "beyond"),
    ],
)
def test_what_is_no_usable_number_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        POINT.read(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,026", 1026),
        ("-1,026.5", -1026.5),
        ("+12,345,678.", 12345678),
        ("1 026", 1026),
        ("1\u00a0026\u00a0000.25", 1026000.25),
        ("1\u202f026", 1026),
        ("1'026", 1026),
        ("1\u2019026.5", 1026.5),
        (".5", 0.5),
        ("007.250", 7.25),
        ("1026", 1026),
    ],
)
def test_thousands_are_grouped_by_threes_and_by_one_sign(text: str, number: float) -> None:
    assert POINT.read(text) == number
    swapped = text.translate(str.maketrans(".,", ",."))
    assert COMMA.read(swapped) == number


DECIDING = [
    ("1.026,5", ","),
    ("1,026.5", "."),
    ("12.34", "."),
    ("12,34", ","),
    ("0.123", "."),
    ("-0,123", ","),
    ("1.0265", "."),
    ("1234.5", "."),
    ("1234,500", ","),
    ("1234.567", "."),
    ("1.234.567", ","),
    ("1,234,567", "."),
    ("1.026e0", "."),
    ("1.026E-1", "."),
    ("1 026,500", ","),
    ("1'026.500", "."),
    (",5", ","),
    ("5.", "."),
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(("text", "mark"), DECIDING)
def test_one_row_decides_for_its_column(text: str, mark: Mark, delimiter: str) -> None:
    doubtful = f"1{mark}026"
    read = _read(_table(["960", doubtful, text, "-" + doubtful], delimiter))
    assert read.values.tolist() == [960, 1.026, Decimal(mark=mark).read(text), -1.026]
    told = [note for note in read.notes if note.startswith("numbers of 'y' have")]
    words = "point" if mark == "." else "comma"
    if mark == "," or "grouped" in "".join(told):
        assert told[0].startswith(f"numbers of 'y' have a decimal {words} (line 4: {text!r})")
    else:
        assert not told


def test_what_groups_is_told() -> None:
    read = _read(_table(["1,026", "12.5", "3", "4"]))
    assert read.values.tolist() == [1026, 12.5, 3, 4]
    expected = "numbers of 'y' have a decimal point (line 3: '12.5'), thousands grouped by commas"
    assert expected in read.notes
    assert (
        "numbers of 'y' have a decimal point, thousands grouped by spaces"
        in _read(_table(["1 026", "12", "3", "4"])).notes
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "cells",
    [
        ["960", "965", "971", "1.004", "1.009"],
        ["1.026", "1.031", "1.040", "2.500"],
        ["1,026", "965", "12,345", "-999,999"],
        ["1500", "1.004", "3", "4"],
        ["1 026", "1,031", "3", "4"],
    ],
)
def test_a_number_that_can_be_read_two_ways_is_refused_with_the_option_that_decides(
    cells: list[str], delimiter: str
) -> None:
    content = _table(cells, delimiter)
    with pytest.raises(RowsInvalidError) as caught:
        _read(content)
    line, text = next((n, c) for n, c in enumerate(cells, start=2) if is_doubtful(c))
    point, comma = (f"{decimal.read(text):g}" for decimal in (POINT, COMMA))
    assert caught.value.what.startswith(
        f"data.csv:{line}: y: {text!r} is {point} or {comma}: the decimal mark is not known, "
        "and no other row decides"
    )
    assert caught.value.remedy == (
        f"repeat the command with --decimal . if the decimal mark is a point ({point}), "
        f"or with --decimal , if it is a comma ({comma})"
    )
    for decimal in (POINT, COMMA):
        read = _read(content, decimal.mark)
        assert read.values.tolist() == [decimal.read(cell) for cell in cells]
        assert any(f"(--decimal {decimal.mark})" in note for note in read.notes)


def test_a_regressor_is_read_by_the_same_rules() -> None:
    values = ["1.5", "2", "3", "4"]
    with pytest.raises(RowsInvalidError, match=r"data.csv:2: x: '1.026' is 1.026 or 1026"):
        loaded(_table(values, more=["1.026", "2", "3", "4"]), value="y", others=["x"])
    table = _table(values, more=["1.026", "2,5", "3", "4"])
    frame = loaded(table, value="y", others=["x"]).frame
    assert read_given(frame, ["x"]).matrix[:, 0].tolist() == [1026, 2.5, 3, 4]
    note = "numbers of 'x' have a decimal comma (line 3: '2,5'), thousands grouped by points"
    assert note in frame.notes


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (
            ["1,5", "2,5", "3.5", "4"],
            "4: y: '3.5' is not a number with a decimal comma (line 2: '1,5')",
        ),
        (
            ["12345,5", "1.026", "3", "4"],
            "3: y: '1.026' groups thousands by points, '12345,5' on line 2",
        ),
        (
            ["1 026,5", "1.026", "3", "4"],
            "3: y: '1.026' groups thousands by points, '1 026,5' on line 2",
        ),
    ],
)
def test_a_column_has_one_decimal_mark_and_one_way_to_group(cells: list[str], said: str) -> None:
    with pytest.raises(RowsInvalidError) as caught:
        _read(_table(cells))
    assert caught.value.what.startswith(f"data.csv:{said}")


def test_a_cell_that_does_not_fit_the_option_is_refused_with_its_line() -> None:
    with pytest.raises(RowsInvalidError) as caught:
        _read(_table(["1.026", "1.5", "2,5", "4"]), ",")
    expected = "data.csv:3: y: '1.5' is not a number with a decimal comma (--decimal ,)"
    assert caught.value.what == expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to write numbers: the same for a whole column."""

    mark: Mark
    group: str
    grouped_from: int
    places: int | None

    def write(self, number: float) -> str:
        text = repr(number) if self.places is None else f"{number:.{self.places}f}"
        whole, point, rest = text.removesuffix(".0").partition(".")
        digits = whole.removeprefix("-")
        if self.group and len(digits) >= self.grouped_from:
            whole = whole.removesuffix(digits) + f"{int(digits):,}".replace(",", self.group)
        return whole + (self.mark if point else "") + rest


def _other(mark: Mark) -> Mark:
    return "," if mark == "." else "."


@st.composite
def _dialects(draw: st.DrawFn) -> Dialect:
    mark = draw(st.sampled_from(MARKS))
    return Dialect(
        mark=mark,
        group=draw(st.sampled_from(["", _other(mark), " ", "\u00a0", "\u202f", "'", "\u2019"])),
        grouped_from=draw(st.sampled_from([4, 5])),
        places=draw(st.sampled_from([0, 1, 2, 3, 3, 4, None])),
    )


# Thousandths, so that three decimals and three digits of a group are often seen.
_numbers = st.one_of(
    st.integers(-9_999_999, 9_999_999).map(float),
    st.integers(-9_999_999, 9_999_999).map(lambda number: number / 1000),
    st.integers(1_000, 1_999).map(float),
)


@settings(deadline=None)
@given(
    values=st.lists(_numbers, min_size=4, max_size=12),
    dialect=_dialects(),
    delimiter=st.sampled_from(",;\t"),
)
def test_a_table_in_any_dialect_is_read_as_it_was_meant_or_refused(
    values: list[float], dialect: Dialect, delimiter: str
) -> None:
    cells = [dialect.write(value) for value in values]
    meant = [float(f"{v:.{dialect.places}f}") if dialect.places is not None else v for v in values]
    content = _table(cells, delimiter, more=cells)
    assert _read(content, dialect.mark).values.tolist() == meant
    doubtful = any(map(is_doubtful, cells))
    decided = any(("." in cell or "," in cell) and not is_doubtful(cell) for cell in cells)
    if doubtful and not decided:
        with pytest.raises(RowsInvalidError, match="the decimal mark is not known"):
            _read(content)
        return
    read = loaded(content, value="y", others=["x"])
    assert read.series.values.tolist() == meant
    assert read_given(read.frame, ["x"]).matrix[:, 0].tolist() == meant


@given(st.text(alphabet="0123456789.,eE+- '", max_size=12))
def test_no_cell_has_two_readings_unless_it_is_doubtful(text: str) -> None:
    if not is_number(text) or is_doubtful(text):
        return
    readings = set()
    for decimal in (POINT, COMMA):
        try:
            readings.add(decimal.read(text))
        except ValueError as exc:
            assert "not a number with" in str(exc) or "beyond" in str(exc)  # noqa: PT017 - either
    assert len(readings) <= 1


def test_a_typeset_minus_is_a_minus() -> None:
    assert Decimal().read("\u22121 234.5") == -1234.5
    assert Decimal(mark=",").read("\u22120,5") == -0.5
