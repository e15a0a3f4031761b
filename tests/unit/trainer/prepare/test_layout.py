import pytest

from tests.unit.trainer.prepare.raw_lines import line
from trainer.errors import (
    ColumnAmbiguousError,
    ColumnMissingError,
    DatesIrregularError,
    InputEmptyError,
    TrainerError,
)
from trainer.prepare.layout import Layout, find_layout
from trainer.prepare.options import parse_options

HEADER = "TransactionID,ProductID,TransactionDate,TransactionType,Quantity,ActualCost"


def _layout(text: str, *arguments: str) -> Layout:
    return find_layout(text.splitlines(), parse_options(["x", *arguments]), "raw")


def test_a_file_without_header_has_the_places_of_the_origin() -> None:
    layout = _layout(line("2024-01-01") * 3)
    assert (layout.separator, layout.width, layout.header_line) == ("\t", 9, None)
    assert (layout.date, layout.type, layout.quantity, layout.cost, layout.product) == (
        4,
        5,
        6,
        7,
        1,
    )


def test_a_known_header_is_found_in_any_order_and_case() -> None:
    layout = _layout("\n" + HEADER.lower() + "\n1,2,2024-01-01,S,3,4.5\n")
    assert layout.header_line == 2
    assert (layout.date, layout.type, layout.quantity, layout.cost, layout.product) == (
        2,
        3,
        4,
        5,
        1,
    )


def test_columns_are_named_by_header_and_others_are_not_there() -> None:
    layout = _layout("when|n|each\n2024-01-01|1|2", "--columns", "date=When,quantity=n,cost=each")
    assert (layout.separator, layout.date, layout.cost, layout.type) == ("|", 0, 2, None)


def test_a_header_above_named_places_is_seen() -> None:
    text = "when;n;each\n2024-01-01;1;2"
    assert _layout(text, "--columns", "date=1,quantity=2,cost=3").header_line == 1
    assert _layout("2024-01-01;1;2", "--columns", "date=1,quantity=2,cost=3").header_line is None


def test_other_ways_to_write_dates_are_found_or_told() -> None:
    columns = ("--columns", "date=1,quantity=2,cost=3")
    assert _layout("31.01.2024;1;2", *columns).date_format.name == "DD.MM.YYYY"
    with pytest.raises(DatesIrregularError) as caught:
        _layout("01/02/2024;1;2", *columns)
    assert "--date_format" in caught.value.remedy
    told = _layout("01/02/2024;1;2", *columns, "--date_format", "DD/MM/YYYY")
    assert told.date_format.read("01/02/2024").month == 2


@pytest.mark.parametrize(
    ("text", "columns", "failure", "said"),
    [
        ("a,b\n1,2\n", None, ColumnMissingError, "2 columns are not the 9"),
        (HEADER.replace("Quantity", "Qty") + "\n", None, ColumnMissingError, "no Quantity"),
        (HEADER + "\n", None, InputEmptyError, "no line below"),
        ("a,b\n1,2\n", "date=aa,quantity=b,cost=b", ColumnMissingError, "no column 'aa'"),
        ("a,a\n1,2\n", "date=a,quantity=a,cost=a", ColumnAmbiguousError, "appears 2 times"),
        ("2024-01-01,1\n", "date=1,quantity=2,cost=3", ColumnMissingError, "the lines have 2"),
        ("2024-01-01,1\n", "date=0,quantity=2,cost=2", ColumnMissingError, "no column 0"),
        ("x1,1\n", "date=2,quantity=2,cost=2", DatesIrregularError, "holds no dates"),
    ],
)
def test_what_does_not_fit_is_refused(
    text: str, columns: str | None, failure: type[TrainerError], said: str
) -> None:
    with pytest.raises(failure, match=said) as caught:
        _layout(text, *(() if columns is None else ("--columns", columns)))
    assert caught.value.remedy
