import pytest

from trainer.errors import InputEmptyError, InputNotTextError, RowsInvalidError
from trainer.input.table import SHOWN_PROBLEMS, read_table


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiter_byte_order_mark_and_line_ends_do_not_matter(
    delimiter: str, mark: bytes, end: str
) -> None:
    lines = [f"date{delimiter}value", f"2024-01-01{delimiter}1", f"2024-01-02{delimiter}2", ""]
    table = read_table(mark + end.join(lines).encode(), "x.csv")
    assert table.header == ("date", "value")
    assert [row.cells for row in table.rows] == [("2024-01-01", "1"), ("2024-01-02", "2")]
    assert [row.line for row in table.rows] == [2, 3]


def test_quoted_fields_may_hold_delimiters_and_line_breaks() -> None:
    table = read_table(b'"a,1",b\n"x\ny",2\nz,3\n', "x.csv")
    assert table.header == ("a,1", "b")
    assert [(row.line, row.cells) for row in table.rows] == [(3, ("x\ny", "2")), (4, ("z", "3"))]


@pytest.mark.parametrize(
    "content", [b"", b"\n\n", b"\xef\xbb\xbf", b"date,value\n", b"date,value\n\n,\n"]
)
def test_no_data_is_told(content: bytes) -> None:
    with pytest.raises(InputEmptyError):
        read_table(content, "x.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a,b\n1,\xff\n", "x.csv:2: byte 0xff is not UTF-8"),
        (b"a,b\n1,2\n\0\0", "x.csv:3: the file is binary"),
        ("a,b\n1,2\n".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_no_utf8_text_is_told_with_its_line(content: bytes, words: str) -> None:
    with pytest.raises(InputNotTextError, match=words):
        read_table(content, "x.csv")


def test_rows_of_another_length_are_all_told() -> None:
    with pytest.raises(RowsInvalidError) as caught:
        read_table(b"a,b\n1\n1,2\n1,2,3\n", "x.csv")
    assert caught.value.what.splitlines() == [
        "x.csv:2: 1 fields, the header has 2",
        "x.csv:4: 3 fields, the header has 2",
    ]


def test_open_quote_is_told() -> None:
    with pytest.raises(RowsInvalidError, match="no CSV"):
        read_table(b'a,b\n1,"2\n3,4\n', "x.csv")


def test_many_problems_are_counted_and_the_first_ones_shown() -> None:
    with pytest.raises(RowsInvalidError) as caught:
        read_table(b"a,b\n" + b"1\n" * 1000, "x.csv")
    lines = caught.value.what.splitlines()
    assert len(lines) == SHOWN_PROBLEMS + 1
    assert lines[-1] == "... and 980 more, 1000 in all"
