"""Bytes of a CSV file to a table of texts, each row with its line. Knows nothing of meanings."""

import csv
import io
from dataclasses import dataclass, field

from trainer.errors import InputEmptyError, InputNotTextError, RowsInvalidError
from trainer.input.numbers import Mark
from trainer.printable import printable

SHOWN_PROBLEMS = 20
_DELIMITERS = ",;\t"
_NOT_TEXT_REMEDY = "save the data as CSV in UTF-8 (in a spreadsheet program: 'CSV UTF-8')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The cells of one record, and the line of the file on which it ends."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A header and its rows. `name` is the file's name for messages, printable.

    `decimal` is the decimal mark of its numbers, as the user says it; None: not said.
    """

    name: str
    delimiter: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]
    decimal: Mark | None = None

    def column(self, header: str) -> tuple[str, ...]:
        """Return the cells below a header."""
        place = self.header.index(header)
        return tuple(row.cells[place] for row in self.rows)


@dataclass(slots=True)
class Problems:
    """What is wrong in a file, collected so that all of it can be told at once."""

    name: str
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        """Note a problem of a line."""
        self.found.append((line, printable(what)))

    def raise_if_any(self, remedy: str) -> None:
        """Raise RowsInvalidError that lists the problems by line, the first ones in full."""
        if not self.found:
            return
        lines = [f"{self.name}:{line}: {what}" for line, what in sorted(self.found)]
        if len(lines) > SHOWN_PROBLEMS:
            more = len(lines) - SHOWN_PROBLEMS
            lines = [*lines[:SHOWN_PROBLEMS], f"... and {more} more, {len(lines)} in all"]
        raise RowsInvalidError("\n".join(lines), remedy=remedy)


def read_table(content: bytes, name: str, decimal: Mark | None = None) -> Table:
    """Return the table in a file's bytes: UTF-8, separated by commas, semicolons or tabs."""
    text = _decode(content, name)
    delimiter = _find_delimiter(text)
    problems = Problems(name)
    records = _records(text, delimiter, problems)
    if not records:
        raise InputEmptyError(
            f"{name}: the file is empty", remedy="give a CSV with a header line and rows below it"
        )
    header = tuple(cell.strip() for cell in records[0].cells)
    rows = [row for row in records[1:] if any(cell.strip() for cell in row.cells)]
    if not rows:
        raise InputEmptyError(
            f"{name}:1: there is a header, but no row below it", remedy="add rows below the header"
        )
    for row in rows:
        if len(row.cells) != len(header):
            problems.add(row.line, f"{len(row.cells)} fields, the header has {len(header)}")
    problems.raise_if_any(
        f"give each row the {len(header)} fields of the header; "
        "put fields that contain the delimiter into double quotes"
    )
    return Table(name=name, delimiter=delimiter, header=header, rows=tuple(rows), decimal=decimal)


def _decode(content: bytes, name: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputNotTextError(f"{name}: the file is UTF-16, not UTF-8", remedy=_NOT_TEXT_REMEDY)
    if b"\0" in content:
        line = content[: content.index(b"\0")].count(b"\n") + 1
        raise InputNotTextError(
            f"{name}:{line}: the file is binary, not text", remedy=_NOT_TEXT_REMEDY
        )
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = content[: exc.start].count(b"\n") + 1
        raise InputNotTextError(
            f"{name}:{line}: byte 0x{content[exc.start]:02x} is not UTF-8", remedy=_NOT_TEXT_REMEDY
        ) from exc


def _find_delimiter(text: str) -> str:
    """Return the delimiter that parts the header most often; the comma where none does."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    fields = {delimiter: _count_fields(header, delimiter) for delimiter in _DELIMITERS}
    return max(_DELIMITERS, key=lambda delimiter: fields[delimiter])


def _count_fields(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter)))
    except csv.Error:  # a field of more than 131,072 letters: reading the whole file tells it
        return 0


def _records(text: str, delimiter: str, problems: Problems) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records = list[Row]()
    try:
        records.extend(Row(line=reader.line_num, cells=tuple(cells)) for cells in reader if cells)
    except csv.Error as exc:
        problems.add(reader.line_num, f"no CSV: {exc}")
        problems.raise_if_any("close every double quote; a quote inside a field is doubled")
    return records
