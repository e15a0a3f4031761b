from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.trainer.prepare.raw_lines import line
from tests.unit.trainer.read_tables import HARD, HARD_VALUES
from trainer.errors import (
    ColumnAmbiguousError,
    ColumnMissingError,
    DatesIrregularError,
    InputEmptyError,
    InputNotTextError,
    RawFileInvalidError,
    RowsInvalidError,
    TrainerError,
)
from trainer.input.source import Source, source_of
from trainer.input.table import open_table
from trainer.prepare.options import parse_options
from trainer.prepare.reading import RawTable, Rows, open_raw
from trainer.prepare.report import Report
from trainer.prepare.series import Prepared

Preparer = Callable[..., tuple[Prepared, Report]]
HEADER = "TransactionID,ProductID,TransactionDate,TransactionType,Quantity,ActualCost"
COLUMNS = ("--columns", "date=1,quantity=2,cost=3", "--measure", "sum")
GOOD = [line(f"2024-01-{day:02d}", quantity=day, cost=0.25)[:-1] for day in range(1, 29)]
ORIGIN = {"date": 4, "quantity": 6, "cost": 7, "type": 5}


def _raw(text: str, *arguments: str, source: Source | None = None) -> RawTable:
    options = parse_options(["x", *arguments])
    source = source or source_of(text.encode(), "raw")
    named = [] if options.columns is None else list(options.columns.given().values())
    return open_raw(open_table(source, options.read_as, named=named, may_be_cut_off=True), options)


def _joined(pieces: list[Rows]) -> tuple[list[int], list[float]]:
    days = [int(day) for piece in pieces for day in piece.days]
    amounts = [piece.amounts for piece in pieces if piece.amounts is not None]
    return days, [float(amount) for piece in amounts for amount in piece]


def test_a_file_without_header_has_the_places_of_the_origin() -> None:
    raw = _raw(line("2024-01-01") * 3)
    dialect = raw.table.dialect
    assert (dialect.separator, len(dialect.header), dialect.has_header) == ("\t", 9, False)
    assert raw.places == ORIGIN
    assert _raw(line("2024-01-01") * 3, "--product", "7").places == {**ORIGIN, "product": 1}


def test_a_known_header_is_found_in_any_order_and_case() -> None:
    raw = _raw("\n" + HEADER.lower() + "\n1,2,2024-01-01,S,3,4.5\n")
    assert (raw.table.dialect.has_header, raw.table.dialect.first_line) == (True, 3)
    assert raw.places == {"date": 2, "quantity": 4, "cost": 5, "type": 3}


def test_columns_are_named_by_header_and_others_are_not_there() -> None:
    raw = _raw("when|n|each\n2024-01-01|1|2", "--columns", "date=When,quantity=n,cost=each")
    assert (raw.table.dialect.separator, raw.places) == ("|", {"date": 0, "quantity": 1, "cost": 2})


def test_a_header_above_named_places_is_seen() -> None:
    text = "when;n;each\n2024-01-01;1;2"
    assert _raw(text, *COLUMNS).table.dialect.has_header
    assert not _raw("2024-01-01;1;2", *COLUMNS).table.dialect.has_header


def test_other_ways_to_write_dates_are_found_or_asked_for(prepared: Preparer) -> None:
    assert str(prepared("31.01.2024;1;2\n", *COLUMNS)[0].dates[0]) == "2024-01-31"
    with pytest.raises(DatesIrregularError) as caught:
        prepared("01/02/2024;1;2\n", *COLUMNS)
    assert "--date_format" in caught.value.remedy
    told = prepared("01/02/2024;1;2\n", *COLUMNS, "--date_format", "DD/MM/YYYY")
    assert str(told[0].dates[0]) == "2024-02-01"


@pytest.mark.parametrize(
    ("text", "columns", "failure", "said"),
    [
        ("a,b\n1,2\n", None, ColumnMissingError, "2 columns are not the 9"),
        (HEADER.replace("Quantity", "Qty") + "\n1,2,3,4,5,6\n", None, ColumnMissingError, "no Qu"),
        (HEADER + "\n", None, InputEmptyError, "no row below"),
        ("a,b\n1,2\n", "date=aa,quantity=b,cost=b", ColumnMissingError, "no column 'aa'"),
        ("a,a\n1,2\n", "date=a,quantity=a,cost=a", ColumnAmbiguousError, "appears 2 times"),
        ("2024-01-01,1\n", "date=1,quantity=2,cost=3", ColumnMissingError, "no column '3'"),
        ("2024-01-01,1\n", "date=0,quantity=2,cost=2", ColumnMissingError, "no column '0'"),
        ("x1,1\n", "date=2,quantity=2,cost=2", DatesIrregularError, "holds no dates"),
    ],
)
def test_what_does_not_fit_is_refused(
    prepared: Preparer, text: str, columns: str | None, failure: type[TrainerError], said: str
) -> None:
    with pytest.raises(failure, match=said) as caught:
        prepared(text + "\n", *(() if columns is None else ("--columns", columns)))
    assert caught.value.remedy


ODD = [
    ("", None),
    ("\t \t", None),
    ("1\t2\t", "3 fields, the other lines have 9"),
    (line("2024-02-30")[:-1], "date: '2024-02-30 00:00:00' is not a date (ISO 8601)"),
    (line("2024-01-05", quantity="1e16")[:-1], "quantity: '1e16' is beyond ±1e+15"),
    (line("2024-01-05", cost='"2')[:-1], "a double quote is wrong: unexpected end of data"),
]


@settings(deadline=None)
@given(
    pairs=st.lists(
        st.one_of(st.sampled_from(GOOD).map(lambda t: (t, "good")), st.sampled_from(ODD)),
        max_size=120,
    ),
    block_bytes=st.sampled_from([100, 1000, 1 << 20]),
)
def test_odd_lines_change_nothing_of_the_others(
    pairs: list[tuple[str, str | None]], block_bytes: int
) -> None:
    # Most lines show the file's form, and the last one that it was not cut off.
    pairs = [*((text, "good") for text in GOOD * 5), *pairs, (GOOD[0], "good")]
    # A quote that is opened twice is closed: what is then wrong is the text behind it.
    quotes = sum("quote" in (kind or "") for _, kind in pairs)
    if quotes > 1:
        pairs = [(text, kind) for text, kind in pairs if "quote" not in (kind or "")]
    content = "".join(f"{text}\n" for text, _ in pairs).encode()
    source = Source(name="raw", stream=source_of(content, "").stream, block_bytes=block_bytes)
    raw = _raw("", source=source)
    days, amounts = _joined(list(raw.read()))
    good = [GOOD.index(text) for text, kind in pairs if kind == "good"]
    broken = [
        f"raw:{number}: {kind}"
        for number, (_, kind) in enumerate(pairs, start=1)
        if kind not in ("good", None)
    ]
    assert raw.problems.count == len(broken)
    assert raw.problems.shown() == broken[:20]
    assert days == [738_886 + place for place in good]
    assert amounts == [(place + 1) * 0.25 for place in good]


@pytest.mark.parametrize("count", [1, 100])
def test_times_quotes_blanks_and_signs_are_read(count: int) -> None:
    raw = _raw('2024-01-01T23:59:59.5+09:00,"-1", 2.50\n' * count, *COLUMNS)
    days, amounts = _joined(list(raw.read()))
    assert (set(days), amounts, raw.problems.count) == ({738_886}, [-2.5] * count, 0)


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize(
    ("cost", "number"),
    [
        ("2,5", 2.5),
        ("1.234,5", 1234.5),
        ("1.234.567", 1234567.0),
        ("1,234.5", 1234.5),
        ("1 234,5", 1234.5),
        ("1\u00a0234.5", 1234.5),
        ("1'234.5", 1234.5),
        ("0.125", 0.125),
        ("0,125", 0.125),
        ("1234.567", 1234.567),
    ],
)
def test_a_number_that_decides_settles_the_decimal_mark(
    count: int, cost: str, number: float
) -> None:
    raw = _raw(f"01.02.2024;3;{cost}\n" * count, *COLUMNS, "--date_format", "DD.MM.YYYY")
    assert _joined(list(raw.read()))[1] == [3 * number] * count
    assert raw.problems.count == 0


def test_a_number_with_another_decimal_mark_is_refused_with_the_line_that_decided() -> None:
    lines = ["2024-01-01;3;2,5"] * 40 + ["2024-01-01;3;1.23"] + ["2024-01-01;3;1"] * 3
    raw = _raw("\n".join(lines) + "\n", *COLUMNS)
    assert len(_joined(list(raw.read()))[1]) == 43
    expected = "raw:41: cost: '1.23' is not a number with a decimal comma (line 1: '2,5')"
    assert raw.problems.shown() == [expected]


def test_a_raw_file_is_read_as_the_options_say(prepared: Preparer) -> None:
    options = ("--decimal", ",", "--encoding", "cp1252", "--separator", ";")
    columns = ("--columns", "date=1,quantity=Umsätze", "--measure", "quantity")
    series, _ = prepared(HARD, *options, *columns, "--date_format", "DD/MM/YYYY")
    assert list(series.values) == HARD_VALUES


def test_a_name_with_two_readings_is_asked_for(prepared: Preparer) -> None:
    content = b"when;n;kind\n" + b"2024-01-01;1;M\xe4rz\n" * 3
    columns = ("--columns", "date=when,quantity=n,type=kind", "--measure", "quantity")
    with pytest.raises(InputNotTextError, match=r"raw.tsv:2: column 3: the bytes"):
        prepared(content, *columns)
    _, report = prepared(content, *columns, "--encoding", "cp1252")
    assert [share.type for share in report.types] == ["März"]


def test_a_type_column_that_is_none_is_refused() -> None:
    lines = [line("2024-01-01", kind=f"kind {number}") for number in range(101)]
    with pytest.raises(RowsInvalidError, match="more than 100 values"):
        list(_raw("".join(lines)).read())


def test_lines_that_cannot_be_read_are_refused_by_the_raw_files_name(prepared: Preparer) -> None:
    with pytest.raises(RawFileInvalidError, match="25 in all"):
        prepared("".join([line("2024-01-01")] * 30 + [line("x")] * 25 + [line("2024-01-01")]))
