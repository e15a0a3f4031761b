"""A table in long format, one row for each series and date, to its series, one after another.

Rows of a series may lie anywhere in the file. They are written beside each other in a temporary
file where they are many, so that the memory does not grow with them. What is wrong with the rows of
a series is that series' problem, and no other's.
"""

import os
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import IO

import numpy as np
import pandas as pd

from trainer.errors import ColumnMissingError, RowsInvalidError
from trainer.input.columns import choose_columns
from trainer.input.date_column import NO_DATE, NO_OFFSET, DateColumn, settle_offsets
from trainer.input.frame import FIELDS_REMEDY, spelled
from trainer.input.grid import DAY_US
from trainer.input.number_column import NumberColumn
from trainer.input.numbers import LARGEST_VALUE, beyond
from trainer.input.options import ReadAs
from trainer.input.problems import Problems
from trainer.input.records import Floats, Places
from trainer.input.source import Source
from trainer.input.table import Chunk, ColumnReader, Table, listed, open_table
from trainer.input.text_column import TextColumn
from trainer.printable import printable

# What the libraries of the field call the series, the date and the value.
USUAL = ("unique_id", "ds", "y")
_ROW = np.dtype(
    [("series", "i4"), ("line", "u4"), ("date", "i8"), ("offset", "i8"), ("value", "f8")]
)
_ROWS_IN_MEMORY = 1 << 22
_ROWS_AT_ONCE = 1 << 20
_HALF, _MASK = 32, (1 << 32) - 1

Rows = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A series: its name by each series column, and its rows by date, which is microseconds.

    `problem` is the first row that cannot be read, None if each can; the others are there.
    """

    source: str
    name: tuple[str, ...]
    lines: Places
    microseconds: Places
    values: Floats
    problem: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def dates(self) -> pd.DatetimeIndex:
        """Return the dates."""
        return pd.DatetimeIndex(self.microseconds.view("datetime64[us]"))

    @property
    def doubled(self) -> str | None:
        """Return which date stands on two lines, None if each is there once."""
        found = np.flatnonzero(self.microseconds[1:] == self.microseconds[:-1])
        if not len(found):
            return None
        first, second = self.lines[found[0]], self.lines[found[0] + 1]
        date = spelled(self.microseconds[found[0]])
        return f"{self.source}:{second}: {date} is already on line {first}"

    def summed(self, last_day: int | None = None) -> "Group":
        """Return the sum of each day, 0 for a day without a row; NaN for rows without a value.

        The days end with the last row's, or with `last_day` (microseconds), which no row is after.
        """
        days = self.microseconds // DAY_US
        count = len(days) if last_day is None else int((days <= last_day // DAY_US).sum())
        days, values = days[:count], self.values[:count]
        if not count:
            return replace(self, lines=days, microseconds=days, values=values)
        first, last = int(days[0]), int(days[-1] if last_day is None else last_day // DAY_US)
        places, total = days - first, last - first + 1
        is_known = ~np.isnan(values)
        known = values[is_known]
        sums = np.bincount(places[is_known], weights=known, minlength=total).astype(np.float64)
        has_rows = np.bincount(places, minlength=total) > 0
        sums[has_rows & (np.bincount(places[is_known], minlength=total) == 0)] = np.nan
        lines = np.zeros(total, dtype=np.int64)
        lines[places[::-1]] = self.lines[:count][::-1]
        whole = (first + np.arange(total, dtype=np.int64)) * DAY_US
        return replace(self, lines=lines, microseconds=whole, values=sums)


@dataclass(slots=True, kw_only=True)
class LongTable:
    """The series of a long table, in the order of their names. To be used in a `with`.

    `names` has every series that a row names, also one whose rows cannot be read. `is_cut_off` says
    that the file ends within a line.
    """

    source: str
    names: tuple[tuple[str, ...], ...]
    columns: tuple[str, ...]
    notes: tuple[str, ...]
    is_cut_off: bool
    _rows: Rows
    _ends: Places
    _problems: dict[int, str]

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.names)

    @property
    def counts(self) -> Places:
        """Return the number of rows of each series."""
        return np.diff(self._ends, prepend=0)

    @property
    def last_date(self) -> int | None:
        """Return the last date of all rows, in microseconds since 1970; None without a row."""
        starts = range(0, len(self._rows), _ROWS_AT_ONCE)
        lasts = [int(self._rows[s : s + _ROWS_AT_ONCE]["date"].max()) for s in starts]
        return max(lasts, default=None)

    @property
    def has_times(self) -> bool:
        """Return whether a date has a time of day."""
        starts = range(0, len(self._rows), _ROWS_AT_ONCE)
        return any((self._rows[s : s + _ROWS_AT_ONCE]["date"] % DAY_US).any() for s in starts)

    def content(self, place: int) -> bytes:
        """Return bytes that differ where anything about a series' rows differs."""
        start = int(self._ends[place - 1]) if place else 0
        rows = self._rows[start : int(self._ends[place])]
        return b"".join(rows[name].tobytes() for name in ("line", "date", "offset", "value"))

    def __iter__(self) -> Iterator[Group]:
        """Yield each series, in the order of the names."""
        return map(self.group, range(len(self)))

    def group(self, place: int) -> Group:
        """Return the series at a place of `names`."""
        start = int(self._ends[place - 1]) if place else 0
        rows = np.array(self._rows[start : int(self._ends[place])])
        dates, offsets = rows["date"].copy(), rows["offset"].copy()
        problem, notes = self._problems.get(place), list[str]()
        try:
            notes = settle_offsets([(dates, offsets)])
        except ValueError as exc:
            problem = problem or f"{self.source}:{rows['line'][0]}: {exc}"
        order = np.argsort(dates, kind="stable")
        return Group(
            source=self.source,
            name=self.names[place],
            lines=rows["line"][order].astype(np.int64),
            microseconds=dates[order],
            values=rows["value"][order],
            problem=problem,
            notes=tuple(notes),
        )


class _RowProblems(Problems):
    """The problems of rows by their line, until the row's series is known."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.by_line = dict[int, str]()

    def add(self, line: int, what: str) -> None:
        """Note the first problem of a line."""
        self.by_line.setdefault(line, printable(what))


@contextmanager
def open_long(  # noqa: PLR0913 - what a user may say about a table
    source: Source,
    read_as: ReadAs,
    *,
    series: Sequence[str] = (),
    date: str | None = None,
    value: str | None = None,
    only: Mapping[str, Collection[str]] | None = None,
    may_be_cut_off: bool = False,
) -> Iterator[LongTable]:
    """Read a table of many series; rows in memory, or in a temporary file where they are many.

    `series` are the columns that name a series; without any, the table has USUAL ones. `only` are
    columns and the texts that a row has to have one of. With `may_be_cut_off` a last line that is
    not whole is left out, with a note. Raises ColumnMissingError, and
    RowsInvalidError for rows that belong to no series.
    """
    only = only or {}
    source.allows_nul = True
    named = [name for name in (*series, date, value, *only) if name is not None]
    table = open_table(source, read_as, named=named, may_be_cut_off=may_be_cut_off)
    series, date, value = _columns(table, series, date, value)
    with ExitStack() as stack:
        reader = _Reader(table, read_as, (series, date, value), only)
        in_memory = _ROWS_IN_MEMORY * _ROW.itemsize
        spool = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=in_memory))
        reader.read(spool)
        source.finish()
        yield reader.grouped(spool, stack)


def table_of(names: Sequence[str], dates: Places, values: Floats, source: str) -> LongTable:
    """Return the table of rows in memory, in the columns of USUAL; `dates` are microseconds.

    A row with NO_DATE or a value that no file may have is its series' problem.
    """
    series, codes = np.unique(np.array(names, dtype=object), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    is_bad = (dates[order] == NO_DATE) | (np.abs(values[order]) > LARGEST_VALUE)  # NaN is not
    wrong, order = order[is_bad][::-1], order[~is_bad]
    rows = np.empty(len(order), dtype=_ROW)
    rows["series"], rows["line"] = codes[order], order + 1
    rows["date"], rows["value"], rows["offset"] = dates[order], values[order], NO_OFFSET
    return LongTable(
        source=source,
        names=tuple((name,) for name in series.tolist()),
        columns=USUAL,
        notes=(),
        is_cut_off=False,
        _rows=rows,
        _ends=np.cumsum(np.bincount(codes[order], minlength=len(series))),
        _problems={
            int(codes[row]): f"{source}:{row + 1}: "
            + ("the date is missing" if dates[row] == NO_DATE else beyond("y", values[row]))
            for row in wrong
        },
    )


def _columns(
    table: Table, series: Sequence[str], date: str | None, value: str | None
) -> tuple[list[str], str, str]:
    """Return the series columns, the date and the value column."""
    usual = dict(zip(("series", "date", "value"), USUAL, strict=True))
    if not series and usual["series"] not in table.header:
        raise ColumnMissingError(
            f"{table.name}:1: no column names the series: there is no {usual['series']!r}",
            remedy="name the column, or the columns, with --series_column; the columns are: "
            f"{listed(table.header)}",
        )
    places = [table.needed_place(name, "--series_column") for name in series or USUAL[:1]]
    names = [table.header[place] for place in places]
    if date is None and usual["date"] in table.header:
        date = usual["date"]
    if value is None and usual["value"] in table.header:
        value = usual["value"]
    for flag, name in (("--date_column", date), ("--value_column", value)):
        if name is not None and table.header[table.needed_place(name, flag)] in names:
            raise ColumnMissingError(
                f"{table.name}:1: {name!r} is named as a series column and with {flag}",
                remedy="name different columns",
            )
    chosen = choose_columns(table, date=date, value=value, others=names)
    return names, chosen.date, chosen.value


class _Reader:
    """Reads the rows of a long table; remembers the names, and what is wrong with a series."""

    def __init__(
        self,
        table: Table,
        read_as: ReadAs,
        columns: tuple[list[str], str, str],
        only: Mapping[str, Collection[str]],
    ) -> None:
        self._table = table
        self._columns = columns
        series, date, value = columns
        self._problems = _RowProblems(table.name)
        problems = self._problems
        self._dates = DateColumn(name=date, problems=problems, told=read_as.date_format)
        self._values = NumberColumn(name=value, problems=problems, told=read_as.decimal)
        self._lines = Problems(table.name)
        self._series = [
            TextColumn(name=name, problems=self._lines, is_needed=True) for name in series
        ]
        self._only = [
            (TextColumn(name=name, problems=self._lines, strips=True), frozenset(texts))
            for name, texts in only.items()
        ]
        # Of each series column but the first: the pairs of a place so far and a text of it.
        self._pairs = [dict[int, int]() for _ in series[1:]]
        self._counts = np.zeros(0, dtype=np.int64)
        self._is_seen = np.zeros(0, dtype=np.bool_)
        self._wrong = dict[int, str]()

    def read(self, spool: IO[bytes]) -> None:
        """Write the rows that can be read to the spool, in the order of the file."""
        series, date, value = self._columns
        table = self._table
        places = [table.header.index(name) for name in (date, value, *series)]
        places += [table.needed_place(column.name, "--only") for column, _ in self._only]
        texts = [*self._series, *(column for column, _ in self._only)]
        readers: list[ColumnReader] = [self._dates, self._values, *texts]
        for chunk in table.chunks(places, readers, self._lines):
            spool.write(self._rows(chunk).tobytes())
        if table.cut_off is not None:
            table.notes.append(f"line {table.cut_off.line:,}, the last one, is truncated: dropped")
        self._lines.raise_if_any(FIELDS_REMEDY.format(len(table.header)), RowsInvalidError)

    def _rows(self, chunk: Chunk) -> Rows:
        dates, values, *texts = chunk.columns
        codes, wanted = texts[: len(self._series)], texts[len(self._series) :]
        selected = np.ones(len(chunk.lines), dtype=np.bool_)
        for (column, allowed), found in zip(self._only, wanted, strict=True):
            selected &= np.array([name in allowed for name in column.names])[found]
        places = self._series_places(codes)
        for row in np.flatnonzero(chunk.bad & selected):
            line = int(chunk.lines[row])
            if what := self._problems.by_line.get(line):
                self._wrong.setdefault(int(places[row]), f"{self._table.name}:{line}: {what}")
        self._problems.by_line.clear()
        good = selected & ~chunk.bad
        self._count(places[selected], places[good])
        rows = np.empty(int(good.sum()), dtype=_ROW)
        rows["series"], rows["line"] = places[good], chunk.lines[good]
        rows["date"], rows["value"] = dates[good], values[good]
        rows["offset"] = self._dates.take_offsets(dates)[good]
        return rows

    def _series_places(self, codes: Sequence[Places]) -> Places:
        """Return a number of each row's series: new ones are the next."""
        places = codes[0]
        for pairs, more in zip(self._pairs, codes[1:], strict=True):
            keys, inverse = np.unique(places << _HALF | more, return_inverse=True)
            found = [pairs.setdefault(key, len(pairs)) for key in keys.tolist()]
            places = np.array(found, dtype=np.int64)[inverse]
        return places

    def _count(self, selected: Places, good: Places) -> None:
        most = int(selected.max(initial=-1)) + 1
        if most > len(self._counts):
            room = np.zeros(max(most, 2 * len(self._counts)) - len(self._counts), dtype=np.int64)
            self._counts = np.concatenate([self._counts, room])
            self._is_seen = np.concatenate([self._is_seen, room.astype(np.bool_)])
        self._is_seen[selected] = True
        self._counts += np.bincount(good, minlength=len(self._counts))

    def _names(self) -> list[tuple[str, ...]]:
        """Return the name of each number."""
        first, *others = self._series
        names: list[tuple[str, ...]] = [(name,) for name in first.names]
        for pairs, column in zip(self._pairs, others, strict=True):
            keys = list(pairs)
            names = [(*names[k >> _HALF], column.names[k & _MASK]) for k in keys]
        return names

    def grouped(self, spool: IO[bytes], stack: ExitStack) -> LongTable:
        """Return the series, with the rows of each beside each other."""
        names = self._names()
        order = sorted(np.flatnonzero(self._is_seen).tolist(), key=names.__getitem__)
        rank = np.zeros(len(self._counts), dtype=np.int64)
        rank[order] = np.arange(len(order))
        ends = np.cumsum(self._counts[order])
        free = np.concatenate([[0], ends])[:-1].astype(np.int64)
        rows = _room(int(ends[-1]) if len(ends) else 0, stack)
        spool.seek(0)
        while content := spool.read(_ROWS_AT_ONCE * _ROW.itemsize):
            read = np.frombuffer(content, dtype=_ROW)
            ranks = rank[read["series"]]
            by_series = np.argsort(ranks, kind="stable")
            ranks = ranks[by_series]
            counts = np.bincount(ranks, minlength=len(order))
            within = np.arange(len(ranks)) - (np.cumsum(counts) - counts)[ranks]
            rows[free[ranks] + within] = read[by_series]
            free += counts
        series, date, value = self._columns
        return LongTable(
            source=self._table.name,
            names=tuple(names[place] for place in order),
            columns=(*series, date, value),
            notes=tuple(self._table.notes),
            is_cut_off=self._table.cut_off is not None,
            _rows=rows,
            _ends=ends,
            _problems={int(rank[place]): what for place, what in self._wrong.items()},
        )


def _room(rows: int, stack: ExitStack) -> Rows:
    """Return room for rows: in memory, or in a file that is gone when the table is closed."""
    if rows <= _ROWS_IN_MEMORY:
        return np.empty(rows, dtype=_ROW)
    file = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - of the stack
    # Where the disk is full this raises; writing to a file with holes would end the process.
    os.posix_fallocate(file.fileno(), 0, rows * _ROW.itemsize)
    return np.memmap(file, dtype=_ROW, mode="r+", shape=(rows,))
