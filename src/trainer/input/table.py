"""A file to a table: its header, its first rows, and its columns, a block of lines at a time.

Only the columns that are asked for are kept. Knows nothing of what they mean.
"""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from trainer.errors import (
    ColumnAmbiguousError,
    ColumnMissingError,
    InputEmptyError,
    InputNotTextError,
    RowsInvalidError,
)
from trainer.input.dialect import HEAD_LINES, Dialect, find_dialect
from trainer.input.encoding import Decoder
from trainer.input.options import ReadAs
from trainer.input.problems import Problems
from trainer.input.records import Cells, Cutter, Flags, Places
from trainer.input.source import PARQUET, Source

Column = npt.NDArray[Any]
_MOST_WAITING = 1 << 23  # rows
_SHOWN_NAMES = 50


class ColumnReader(Protocol):
    """What makes an array of a column's cells."""

    name: str

    @property
    def is_open(self) -> bool:
        """Return whether a later cell may change what was read."""

    def read(self, lines: Places, texts: Sequence[str], bad: Flags) -> Column:
        """Return the cells' values; mark rows whose cell is wrong."""

    def accept(self, lines: Places, values: Any, bad: Flags) -> Column:  # noqa: ANN401 - any array
        """Return values that are none of a text."""

    def problem(self, text: str) -> str | None:
        """Return what is wrong with a cell, and change nothing."""

    def finish(self) -> list[str]:
        """Return notes on the whole column. Raises where it can be read in two ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Rows: the line of each, one array a column, and which rows have a wrong cell."""

    lines: Places
    columns: list[Column]
    bad: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class CutOff:
    """The last line of a file that was cut off within it: its number and its cells so far."""

    line: int
    cells: list[str]


@dataclass(slots=True, kw_only=True)
class Table:
    """An open table. `header` are the columns' names, or their positions where there are none.

    `rows` are the first rows' cells, to choose columns by.
    """

    source: Source
    name: str
    dialect: Dialect
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    may_be_cut_off: bool = False
    cut_off: CutOff | None = None
    notes: list[str] = field(default_factory=list)
    _texts: "Iterator[_Text]"
    _decoder: Decoder
    _other_header: tuple[str, ...] = ()

    def column(self, name: str) -> tuple[str, ...]:
        """Return the first cells below a header."""
        place = self.header.index(name)
        return tuple(row[place] for row in self.rows)

    def place(self, name: str) -> int | None:
        """Return where a column is: by its header, in any case, else by its position from 1."""
        places = [n for n, header in enumerate(self.header) if header == name and name]
        if not places:
            lower = name.lower()
            places = [n for n, header in enumerate(self.header) if header.lower() == lower and name]
        if len(places) == 1:
            return places[0]
        is_position = not places and name.isascii() and name.isdecimal()
        return int(name) - 1 if is_position and 0 < int(name) <= len(self.header) else None

    def needed_place(self, name: str, flag: str) -> int:
        """Return where a column is. Raises where there is none, or its name is there twice."""
        place = self.place(name)
        if place is not None:
            return place
        same = [n + 1 for n, header in enumerate(self.header) if header.lower() == name.lower()]
        if len(same) > 1:
            raise ColumnAmbiguousError(
                f"{self.name}:1: the header {name!r} appears {len(same)} times",
                remedy=f"give its position: {' or '.join(map(str, same))}",
            )
        by_lower = {header.lower(): header for header in self.header if header}
        near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.5)
        hint = f"the nearest is {by_lower[near[0]]!r}; " if near else ""
        raise ColumnMissingError(
            f"{self.name}:1: there is no column {name!r} ({flag})",
            remedy=f"{hint}the columns are: {listed(self.header)}",
        )

    def chunks(
        self, places: Sequence[int], readers: Sequence[ColumnReader], problems: Problems
    ) -> Iterator[Chunk]:
        """Yield the columns at these places, each as its reader makes it.

        Chunks whose values a later cell may still change wait for it, millions of rows at most.
        """
        waiting, rows = list[Chunk](), 0
        for piece in self.pieces(places, readers, problems):
            if piece.may_be_cut_off:
                _finish_open(readers)
            chunk = _chunk(piece, readers)
            waiting.append(chunk)
            rows += len(chunk.lines)
            if rows > _MOST_WAITING:
                _finish_open(readers)
            if not any(reader.is_open for reader in readers):
                yield from waiting
                waiting.clear()
                rows = 0
        self.notes += [note for reader in readers for note in reader.finish()]
        yield from waiting

    def pieces(
        self, places: Sequence[int], readers: Sequence[ColumnReader], problems: Problems
    ) -> "Iterator[Piece]":
        """Yield the cells at these places; lines that are no row are problems."""
        self._refuse_two_headers(places)
        rest, first, encoding = "", 0, "utf-8"
        for text in self._texts:
            versions, tail = text.versions, None
            if text.is_last and self.may_be_cut_off:
                both = [rest + version for version in versions.values()]
                if len(both) > 1:
                    self._cut(both, text.first_line, places, Problems(self.name), is_last=True)
                versions, tail = _without_tail(versions)
            if not rest:
                first = text.first_line
            elif encoding not in versions:  # what was left is not in the encoding that is left
                rest = rest.encode(encoding).decode(next(iter(versions)), errors="replace")
            encoding = next(iter(versions))
            versions = {name: rest + version for name, version in versions.items()}
            is_last = text.is_last and tail is None
            cells = self._cut(list(versions.values()), first, places, problems, is_last=is_last)
            first += versions[encoding].count("\n") - cells.rest.count("\n")
            rest = cells.rest
            if len(cells.lines):
                yield _piece(cells, places)
            if tail is not None:
                if not rest and self._is_cut_off(tail, readers, places):
                    cut = tail.removesuffix("\n").split(self.dialect.separator)
                    self.cut_off = CutOff(line=first, cells=cut)
                    break
                cells = self._cutter.cut(rest + tail, first, problems, is_last=True)
                if len(cells.lines):
                    yield _piece(cells, places, may_be_cut_off=not tail.endswith("\n"))
        self.notes += self._decoder.notes()

    @property
    def _cutter(self) -> Cutter:
        like = "the header has" if self.dialect.has_header else "the other lines have"
        return Cutter(separator=self.dialect.separator, width=len(self.header), like=like)

    def _cut(
        self,
        versions: Sequence[str],
        first_line: int,
        places: Sequence[int],
        problems: Problems,
        *,
        is_last: bool,
    ) -> Cells:
        """Return the cells; if two encodings are possible, they have to agree."""
        cells = self._cutter.cut(versions[0], first_line, problems, is_last=is_last)
        if len(versions) == 1:
            return cells
        other = self._cutter.cut(versions[1], first_line, Problems(self.name), is_last=is_last)
        for place in places:
            pairs = zip(cells.lines, cells.columns[place], other.columns[place], strict=False)
            for line, one, two in pairs:
                if one != two:
                    raise self._two_encodings(int(line), place, one, two)
        return cells

    def _refuse_two_headers(self, places: Sequence[int]) -> None:
        if self._other_header:
            for place in places:
                one, two = self.header[place], self._other_header[place]
                if one != two:
                    raise self._two_encodings(1, place, one, two)

    def _two_encodings(self, line: int, place: int, one: str, two: str) -> InputNotTextError:
        first, second = self._decoder.live
        return InputNotTextError(
            f"{self.name}:{line}: column {place + 1}: the bytes are {one[:40]!r} in {first} and "
            f"{two[:40]!r} in {second}",
            remedy=f"repeat the command with --encoding {first} or --encoding {second}",
        )

    def _is_cut_off(
        self, tail: str, readers: Sequence[ColumnReader], places: Sequence[int]
    ) -> bool:
        """Return whether the last line ends too early: it is short, or wrong and without an end."""
        cells = self._cutter.line(tail.removesuffix("\n"))
        if len(cells) < self._cutter.width:
            return True
        is_wrong = len(cells) > self._cutter.width or any(
            reader.problem(cells[place]) for place, reader in zip(places, readers, strict=True)
        )
        return is_wrong and not tail.endswith("\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """Whole lines, decoded by each encoding that is possible."""

    versions: dict[str, str]
    first_line: int
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows of a file: texts, or arrays where the file has types."""

    lines: Places
    values: Sequence[Any]
    may_be_cut_off: bool = False


def _piece(cells: Cells, places: Sequence[int], *, may_be_cut_off: bool = False) -> Piece:
    columns = [cells.columns[place] for place in places]
    return Piece(lines=cells.lines, values=columns, may_be_cut_off=may_be_cut_off)


def _without_tail(versions: dict[str, str]) -> tuple[dict[str, str], str | None]:
    """Return the last lines without the last one, and that one; None where all are blank."""
    encoding, lines = next(iter(versions.items()))
    filled = len(lines.rstrip())
    start, end = lines.rfind("\n", 0, filled) + 1, lines.find("\n", filled)
    if not filled:
        return {encoding: ""}, None
    return {encoding: lines[:start]}, lines[start:] if end < 0 else lines[start : end + 1]


def listed(names: Sequence[str]) -> str:
    """Return the first names, for a message."""
    shown = ", ".join(repr(name[:100]) for name in names[:_SHOWN_NAMES])
    return shown + ", ..." * (len(names) > _SHOWN_NAMES)


def _finish_open(readers: Sequence[ColumnReader]) -> None:
    """Let what is not decided by now be refused."""
    for reader in readers:
        if reader.is_open:
            reader.finish()


def _chunk(piece: Piece, readers: Sequence[ColumnReader]) -> Chunk:
    bad = np.zeros(len(piece.lines), dtype=np.bool_)
    columns = [
        reader.accept(piece.lines, values, bad)
        if isinstance(values, np.ndarray)
        else reader.read(piece.lines, values, bad)
        for reader, values in zip(readers, piece.values, strict=True)
    ]
    return Chunk(lines=piece.lines, columns=columns, bad=bad)


def open_table(
    source: Source,
    read_as: ReadAs,
    *,
    named: Sequence[str] = (),
    may_be_cut_off: bool = False,
) -> Table:
    """Return the table of a source. `named` are columns that the user named: a header has them.

    With `may_be_cut_off` a last line that is not whole is left out, and told in `cut_off`.
    """
    if source.start().startswith(PARQUET) and source.descriptor is not None:
        from trainer.input.parquet import open_parquet  # noqa: PLC0415 - loads pandas

        return open_parquet(source)
    decoder = Decoder(name=source.name, told=read_as.encoding)
    texts = _texts(source, decoder, may_be_cut_off=may_be_cut_off)
    head = _head(texts)
    found = {
        encoding: _dialect(text, source.name, read_as, named)
        for encoding, text in head.versions.items()
    }
    has = [name for name, dialect in found.items() if set(named) <= set(dialect.header)]
    if named and len(has) == 1:  # only this encoding has the columns that the user named
        decoder.live, found = (has[0],), {has[0]: found[has[0]]}
    dialect, *others = found.values()
    below = {name: _from_line(head.versions[name], dialect.first_line) for name in found}
    head = _Text(versions=below, first_line=dialect.first_line, is_last=head.is_last)
    table = Table(
        source=source,
        name=source.name,
        dialect=dialect,
        header=dialect.header,
        rows=dialect.rows,
        may_be_cut_off=may_be_cut_off,
        _texts=chain([head], texts),
        _decoder=decoder,
        _other_header=others[0].header if others else (),
    )
    if not table.rows:
        _refuse_no_rows(table, next(iter(below.values())))
    return table


def _head(texts: "Iterator[_Text]") -> "_Text":
    """Return the first lines, enough to find the dialect by."""
    head = next(texts)
    versions = head.versions
    while not head.is_last and next(iter(versions.values())).count("\n") < HEAD_LINES:
        head = next(texts)
        # What came before another encoding was found is ASCII.
        before = versions.get("utf-8", "")
        versions = {name: versions.get(name, before) + text for name, text in head.versions.items()}
    return _Text(versions=versions, first_line=1, is_last=head.is_last)


def _from_line(text: str, line: int) -> str:
    """Return what follows from a line on, counted from 1."""
    parts = text.split("\n", line - 1)
    return parts[-1] if len(parts) == line else ""


def _dialect(text: str, name: str, read_as: ReadAs, named: Sequence[str]) -> Dialect:
    lines = text.split("\n", HEAD_LINES)[:HEAD_LINES]
    return find_dialect(lines, name, told=read_as.separator, named=named)


def _texts(source: Source, decoder: Decoder, *, may_be_cut_off: bool) -> Iterator[_Text]:
    for block in source.blocks():
        versions = decoder.decode(
            block.content,
            block.first_line,
            may_be_cut_off=may_be_cut_off and block.is_last,
        )
        yield _Text(versions=versions, first_line=block.first_line, is_last=block.is_last)


def _refuse_no_rows(table: Table, below: str) -> None:
    problems, line = Problems(table.name), table.dialect.first_line
    table._cutter.cut(below, line, problems, is_last=True)  # noqa: SLF001 - of this module
    problems.raise_if_any(
        f"give each row the {len(table.header)} fields of the header; "
        "put fields that contain the delimiter into double quotes",
        RowsInvalidError,
    )
    raise InputEmptyError(
        f"{table.name}:1: there is a header, but no row below it",
        remedy="add rows of data below it",
    )
