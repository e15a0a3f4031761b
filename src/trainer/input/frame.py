"""A whole table in memory: its dates and the columns of numbers that are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trainer.errors import DatesIrregularError, InputUnreadableError, RowsInvalidError
from trainer.input.date_column import NO_DATE, DateColumn
from trainer.input.number_column import NumberColumn
from trainer.input.options import ReadAs
from trainer.input.problems import Problems
from trainer.input.records import Floats, Places
from trainer.input.table import Chunk, Column, Table

# Of a table that becomes one series in memory; `prepare` sums longer ones up.
MOST_ROWS = 20_000_000
ROWS_REMEDY = (
    "correct these lines: one date format for the whole column, numbers without units and with one "
    "decimal mark, each date once; leave missing values empty"
)
_REGRESSOR_REMEDY = "; in regressors write 1 and 0 for yes and no"
FIELDS_REMEDY = (
    "give each row the {} fields of the header; put fields that contain the delimiter into double "
    "quotes, close every double quote, and double a quote inside a field"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Rows in the order of the file: line, date, and numbers by the column's name (NaN: none)."""

    name: str
    header: tuple[str, ...]
    date: str
    lines: Places
    dates: pd.DatetimeIndex
    columns: dict[str, Floats]
    notes: tuple[str, ...]


def read_frame(
    table: Table, read_as: ReadAs, *, date: str, value: str | None, others: Sequence[str] = ()
) -> Frame:
    """Return the dates, the values and the other columns of numbers. Tells every bad line at once.

    Raises RowsInvalidError, and DatesIrregularError where dates or zones are not clear.
    """
    problems, wrong = Problems(table.name), Problems(table.name)
    names = [*([] if value is None else [value]), *others]
    numbers = [NumberColumn(name=name, problems=wrong, told=read_as.decimal) for name in names]
    dates = DateColumn(name=date, problems=wrong, told=read_as.date_format)
    places = [table.header.index(name) for name in (date, *names)]
    lines, columns = _whole(table, table.chunks(places, [dates, *numbers], problems), len(places))
    problems.raise_if_any(FIELDS_REMEDY.format(len(table.header)), RowsInvalidError)
    days, values = columns[0], columns[1:]
    _add_doubled(date, lines, days, wrong)
    wrong.raise_if_any(ROWS_REMEDY + _REGRESSOR_REMEDY * bool(others), RowsInvalidError)
    return Frame(
        name=table.name,
        header=table.header,
        date=date,
        lines=lines,
        dates=_index(days, table.name),
        columns=dict(zip(names, values, strict=True)),
        notes=tuple(table.notes),
    )


def _whole(table: Table, chunks: Iterator[Chunk], count: int) -> tuple[Places, list[Column]]:
    """Return lines and columns of all chunks. Raises beyond `MOST_ROWS`."""
    found, rows = list[Chunk](), 0
    for chunk in chunks:
        found.append(chunk)
        rows += len(chunk.lines)
        if rows > MOST_ROWS:
            raise InputUnreadableError(
                f"{table.name} has more than {MOST_ROWS:,} rows",
                remedy="give a shorter series, or sum its rows up (python -m trainer prepare)",
            )
    if not found:
        return np.zeros(0, dtype=np.int64), [np.zeros(0, dtype=np.int64), *[np.zeros(0)] * count]
    lines = np.concatenate([chunk.lines for chunk in found])
    columns = [np.concatenate([c.columns[n] for c in found]) for n in range(count)]
    return lines, columns


def _add_doubled(date: str, lines: Places, days: Places, problems: Problems) -> None:
    """Add the rows whose date stands on an earlier line, too."""
    good = np.flatnonzero(days != NO_DATE)
    found, first, places = np.unique(days[good], return_index=True, return_inverse=True)
    if len(found) == len(good):
        return
    for place in np.flatnonzero(first[places] != np.arange(len(good))):
        line, before = lines[good[place]], lines[good[first[places[place]]]]
        told = spelled(days[good[place]])
        problems.add(int(line), f"{date}: {told} is already on line {before}")


def _index(days: Places, name: str) -> pd.DatetimeIndex:
    try:
        return pd.DatetimeIndex(days.view("datetime64[us]"))
    except (ValueError, OverflowError) as exc:
        raise DatesIrregularError(
            f"{name}: a date is too early or too late: {exc}", remedy="write dates as YYYY-MM-DD"
        ) from exc


def spelled(day: int) -> str:
    """Return a date as a text, with its time where it has one."""
    text = str(np.int64(day).view("datetime64[us]"))
    return text.removesuffix("T00:00:00.000000").removesuffix(".000000").replace("T", " ")
