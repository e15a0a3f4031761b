import pytest

from tests.unit.trainer.read_tables import opened
from trainer.errors import ColumnAmbiguousError, ColumnMissingError
from trainer.input.columns import Columns, choose_columns


def _choose(text: str, date: str | None = None, value: str | None = None) -> Columns:
    return choose_columns(opened(text), date=date, value=value)


def test_the_only_dates_and_the_only_numbers_are_found_and_told() -> None:
    columns = _choose("name,when,amount\na,2024-01-01,1\nb,2024-01-02,2\n")
    assert (columns.date, columns.value) == ("when", "amount")
    assert columns.notes == ("date column: 'when' (found)", "value column: 'amount' (found)")


def test_row_numbers_without_a_header_are_no_values() -> None:
    assert _choose(",date,y\n0,2024-01-01,5\n1,2024-01-02,6\n").value == "y"


def test_bare_years_are_dates_where_nothing_else_is() -> None:
    assert _choose("year,sales\n2019,1000\n2020,2000\n").date == "year"
    assert _choose("date,sales\n20190101,1000\n20190102,2000\n").date == "date"
    assert _choose("FiscalYear,sales\n2019,1000\n2020,2000\n").date == "FiscalYear"
    assert _choose("売上,年\n1000,2019\n2000,2020\n").date == "年"


@pytest.mark.parametrize("header", ["month,v", "v,month", "a,b", "b,a"])
@pytest.mark.parametrize("month", ["201301", "20130101"])
def test_years_and_months_are_the_dates_beside_values_that_look_like_years(
    header: str, month: str
) -> None:
    dates = next(name for name in header.split(",") if name in ("month", "a"))
    rows = [(str(int(month) + step), str(2000 + 7 * step)) for step in range(6)]
    if not header.startswith(dates):
        rows = [(value, date) for date, value in rows]
    text = "\n".join([header, *map(",".join, rows)])
    columns = _choose(text)
    assert (columns.date, columns.value) == (dates, header.replace(dates, "").strip(","))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x,v\n1,2000\n2,2001\n3,2003\n", "no column holds dates ('v' may hold years or values)"),
        (
            "a,b\n2000,2001\n2001,2000\n",
            "no column holds dates ('a', 'b' may hold years or values)",
        ),
        ("week,yearly_sales\n1,2000\n2,2001\n", "no column holds dates ('yearly_sales' may"),
        ("x,sales per year\n201301,2000\n201302,2001\n", "2 columns could be the date"),
        ("date,sales per year\n31122013,2000\n01012014,2001\n", "2 columns could be the date"),
    ],
)
def test_values_that_look_like_years_are_no_dates_unless_only_their_header_says_so(
    text: str, said: str
) -> None:
    with pytest.raises((ColumnMissingError, ColumnAmbiguousError)) as caught:
        _choose(text)
    assert said in caught.value.what
    assert "--date_column" in caught.value.remedy


def test_years_need_no_telling_header_where_the_values_are_named() -> None:
    assert _choose("x,y\n2019,1000\n2020,2000\n", value="y").date == "x"


def test_several_candidates_are_listed() -> None:
    with pytest.raises(
        ColumnAmbiguousError, match="2 columns could be the value: 'a', 'b'"
    ) as caught:
        _choose("date,a,b\n2024-01-01,1,2\n2024-01-02,1,2\n")
    assert "--value_column" in caught.value.remedy
    with pytest.raises(ColumnAmbiguousError, match="could be the date: 'd', 'e'"):
        _choose("d,e,a\n2024-01-01,2024-01-01,2\n")


def test_named_columns_end_the_doubt() -> None:
    assert _choose("date,a,b\n2024-01-01,1,2\n2024-01-02,1,2\n", value="b").value == "b"


def test_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(ColumnMissingError) as caught:
        _choose("Date,Amount\n2024-01-01,1\n", value="amuont")
    assert "the nearest is 'Amount'" in caught.value.remedy


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01,1\n2024-01-02,2\n",
        "a,b\nx,1\ny,2\n",
        "date,b,c\n2024-01-01,x,y\n",
        "date\n2024-01-01\n",
    ],
)
def test_file_without_header_dates_or_numbers_is_refused(text: str) -> None:
    with pytest.raises(ColumnMissingError):
        _choose(text)


def test_columns_can_be_named_by_their_position_where_there_is_no_header() -> None:
    columns = _choose("7,2024-01-01,1\n7,2024-01-02,2\n", date="2", value="3")
    assert (columns.date, columns.value) == ("2", "3")
    assert _choose("2,date\n5,2024-01-01\n", value="2").value == "2"
    with pytest.raises(ColumnMissingError, match="no column '4'"):
        _choose("7,2024-01-01,1\n7,2024-01-02,2\n", date="2", value="4")


def test_one_column_cannot_be_both() -> None:
    with pytest.raises(ColumnMissingError):
        _choose("date,a\n2024-01-01,1\n", date="a", value="a")


def test_doubled_header_is_refused() -> None:
    with pytest.raises(ColumnAmbiguousError, match="'a' is in the header twice"):
        _choose("date,a,a\n2024-01-01,1,2\n")


def test_a_table_without_dates_is_refused_with_a_cell_of_each_column_and_what_dates_are() -> None:
    with pytest.raises(ColumnMissingError) as caught:
        _choose("when,v\n,1.5\n13/01/24,2.5\n14/01/24,3\n")
    assert "'when' (such as '13/01/24'), 'v' (such as '1.5')" in caught.value.what
    assert "2024-01-31" in caught.value.remedy
    with pytest.raises(ColumnMissingError, match="no column holds numbers") as caught:
        _choose("ds,v,w\n2024-01-01,$5,a\n2024-01-02,$6,b\n")
    assert "'v' (such as '$5')" in caught.value.what
    assert "currency" in caught.value.remedy
