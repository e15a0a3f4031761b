"""Bytes are read as the text that was meant, or the user is asked."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.unit.trainer.read_tables import HARD, HARD_VALUES, loaded, opened
from trainer.errors import DatesIrregularError, InputNotTextError, InputUnreadableError
from trainer.input import source
from trainer.input.data import load
from trainer.input.options import ReadAs


def _table(date: str, value: str, note: str = "x", count: int = 6) -> str:
    rows = [f"{2019 + n}年1月;{n}.5;{note}" for n in range(count)]
    return "\n".join([f"{date};{value};{note}", *rows, ""])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
def test_japanese_text_is_read_in_each_of_its_encodings(encoding: str) -> None:
    read = loaded(_table("年月", "売上").encode(encoding), value="売上")
    assert (read.columns.date, read.series.value_name) == ("年月", "売上")
    assert read.series.values.tolist() == [n + 0.5 for n in range(6)]
    assert ("the text is read as cp932" in read.frame.notes) == (encoding == "cp932")


@pytest.mark.parametrize("header", ["Größe", "Menge (Stück)", "café", "Straße"])
def test_western_text_that_is_not_japanese_is_read(header: str) -> None:
    rows = "\n".join(f"2024-01-{n};1\xa00{n},5" for n in range(10, 16))
    read = loaded(f"Datum;{header}\n{rows}\n".encode("cp1252"))
    assert (read.series.value_name, read.series.values[0]) == (header, 1010.5)


def test_a_used_column_with_two_readings_is_asked_for_and_an_unused_one_is_not() -> None:
    rows = "".join(f"2024-01-0{n};{n};M\xe4rz\n" for n in range(1, 7))
    content = ("date;y;note\n" + rows).encode("latin-1")
    assert loaded(content).series.values.tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(InputNotTextError) as caught:
        loaded(content.replace(b";y;", b";Ums\xe4tze;"))
    assert "data.csv:1: column 2: the bytes are 'Ums舩ze' in cp932 and 'Umsätze' in cp1252" in (
        caught.value.what
    )
    assert caught.value.remedy.endswith("--encoding cp932 or --encoding cp1252")


def test_each_of_four_options_is_needed_by_the_hard_table() -> None:
    told: dict[str, Any] = {"encoding": "cp1252", "decimal": ",", "date_format": "DD/MM/YYYY"}
    assert loaded(HARD, **told).series.values.tolist() == HARD_VALUES
    assert loaded(HARD, value="Umsätze", **{**told, "encoding": None}).series.values[0] == 1016
    with pytest.raises(InputNotTextError):
        loaded(HARD, **{**told, "encoding": None})
    with pytest.raises(DatesIrregularError):
        loaded(HARD, **{**told, "date_format": None})


def test_an_encoding_that_is_named_is_the_only_one() -> None:
    with pytest.raises(InputNotTextError, match="as --encoding utf-8 says"):
        opened(HARD, encoding="utf-8")


def _file(folder: Path, content: bytes) -> Path:
    path = folder / "x.csv.gz"
    path.write_bytes(content)
    return path


ROWS = b"date,y\n" + b"".join(b"2024-01-%02d,%d\n" % (n, n) for n in range(1, 20))


def test_a_gzip_file_is_read_whatever_its_name_and_members(tmp_path: Path) -> None:
    packed = gzip.compress(ROWS[:50]) + gzip.compress(ROWS[50:])
    series = load(_file(tmp_path, packed), ReadAs()).series
    assert series.values.tolist() == list(range(1, 20))
    plain = tmp_path / "plain.csv"
    plain.write_bytes(ROWS)
    assert load(plain, ReadAs()).series.values.tolist() == series.values.tolist()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(ROWS)[:-12], "is cut off"),
        (gzip.compress(ROWS)[:20] + b"xxxx" + gzip.compress(ROWS)[24:], "is damaged"),
        (gzip.compress(ROWS + b"2024-02-01,1\n" * 300_000), "more than 20 times"),
    ],
)
def test_a_gzip_file_that_is_damaged_or_a_bomb_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, words: str
) -> None:
    monkeypatch.setattr(source, "_UNSUSPECTED_BYTES", 1 << 20)
    monkeypatch.setattr(source, "_LARGEST_RATIO", 20)
    with pytest.raises(InputUnreadableError, match=words):
        load(_file(tmp_path, content), ReadAs())
