import pytest

from tests.unit.trainer.read_tables import loaded, opened
from trainer.errors import InputEmptyError, InputNotTextError, RowsInvalidError
from trainer.input.problems import SHOWN_PROBLEMS

FIVE = [f"2024-01-0{day};{day}" for day in range(1, 6)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", " ", "   "])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiter_byte_order_mark_and_line_ends_do_not_matter(
    delimiter: str, mark: bytes, end: str
) -> None:
    text = end.join(["date;value", *FIVE, ""]).replace(";", delimiter)
    read = loaded(mark + text.encode())
    assert (read.columns.date, read.columns.value) == ("date", "value")
    assert read.series.values.tolist() == [1, 2, 3, 4, 5]
    assert read.frame.lines.tolist() == [2, 3, 4, 5, 6]


def test_quoted_fields_may_hold_delimiters_and_line_breaks() -> None:
    rows = [f'"x\ny, ""{day}""",2024-01-0{day},{day}' for day in range(1, 6)]
    read = loaded('"a,1",b,c\n' + "\n".join(rows) + "\n")
    assert read.frame.header == ("a,1", "b", "c")
    assert read.series.values.tolist() == [1, 2, 3, 4, 5]
    assert read.frame.lines.tolist() == [2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xef\xbb\xbf", b"date,value\n", b"date,value\n\n,\n"]
)
def test_no_data_is_told(content: bytes) -> None:
    with pytest.raises(InputEmptyError):
        opened(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,b\n1,é\n".encode() + b"1,\xff\n", "x.csv:3: byte 0xff is not UTF-8"),
        (b"a,b\n1,2\n\0\0", "x.csv:3: the file is binary"),
        ("a,b\n1,2\n".encode("utf-16")[:-1], "not whole UTF-16"),
        (b"PK\x03\x04abc", "zip, as XLSX is"),
    ],
)
def test_what_is_no_text_is_told_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(InputNotTextError, match=words):
        opened(content)


def test_rows_of_another_length_are_all_told() -> None:
    with pytest.raises(RowsInvalidError) as caught:
        loaded("\n".join(["a;b", "1", *FIVE, "1;2;3"]))
    assert caught.value.what.splitlines() == [
        "data.csv:2: 1 fields, the header has 2",
        "data.csv:8: 3 fields, the header has 2",
    ]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (['1,"2', "2024-01-01,1", "2024-01-02,2"], 2),
        (["2024-01-01,1", '2024-01-02,"2" x', "2024-01-03,2"], 3),
        (["2024-01-01,1", '2024-01-02,"2', '2024-01-03,2"'], 3),
    ],
)
def test_a_quote_that_is_wrong_is_told_with_its_line(rows: list[str], line: int) -> None:
    with pytest.raises(RowsInvalidError, match=rf"data.csv:{line}: (a double quote|y)"):
        loaded("\n".join(["date,y", *rows]), date="date", value="y")


def test_many_problems_are_counted_and_the_first_ones_shown() -> None:
    with pytest.raises(RowsInvalidError) as caught:
        opened(b"a,b\n" + b"1\n" * 1000)
    lines = caught.value.what.splitlines()
    assert len(lines) == SHOWN_PROBLEMS + 1
    assert lines[-1] == "... and 980 more, 1,000 in all"
