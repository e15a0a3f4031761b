import pytest

from trainer.input.cells import find_formats, read_date


@pytest.mark.parametrize(
    ("texts", "name", "first"),
    [
        (["2024-03-31", "2024-04-01"], "ISO 8601", "2024-03-31 00:00:00"),
        (["2024-03-31 05:00", "2024-04-01T06:00:00"], "ISO 8601", "2024-03-31 05:00:00"),
        (["20240331"], "ISO 8601", "2024-03-31 00:00:00"),
        (["2024/03/31"], "YYYY/MM/DD", "2024-03-31 00:00:00"),
        (["31.03.2024", "01.04.2024"], "DD.MM.YYYY", "2024-03-31 00:00:00"),
        (["03/01/2024", "03/31/2024"], "MM/DD/YYYY", "2024-03-01 00:00:00"),
        (["01/03/2024", "31/03/2024"], "DD/MM/YYYY", "2024-03-01 00:00:00"),
        (["2024-03", "2024-04"], "YYYY-MM", "2024-03-01 00:00:00"),
        (["202403", "202412"], "YYYYMM", "2024-03-01 00:00:00"),
        (["2024Q2", "2024Q3"], "YYYYQn", "2024-04-01 00:00:00"),
        (["Mar 2024"], "Mon YYYY", "2024-03-01 00:00:00"),
        (["2023", "2024"], "YYYY", "2023-01-01 00:00:00"),
    ],
)
def test_a_column_has_the_format_that_reads_all_of_it(
    texts: list[str], name: str, first: str
) -> None:
    (found,) = find_formats(texts)
    assert found.name == name
    assert str(read_date(texts[0], found)) == first


def test_day_and_month_that_could_be_swapped_are_told_apart_nowhere() -> None:
    found = find_formats(["01/02/2024", "02/02/2024", "03/02/2024"])
    assert [way.name for way in found] == ["MM/DD/YYYY", "DD/MM/YYYY"]


def test_one_bad_date_does_not_change_the_format() -> None:
    (found,) = find_formats(["2024-01-01", "2024-13-45", "2024-01-03"])
    assert read_date("2024-13-45", found) is None


@pytest.mark.parametrize("text", ["202400", "202413", "20241", "002401", "2024011", "-202401"])
def test_what_is_no_year_and_month_is_no_date(text: str) -> None:
    assert find_formats([text]) == ()
