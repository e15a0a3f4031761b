"""Rows of a table to dates and numbers, in the order of the file. Tells every bad line at once."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from trainer.errors import DatesIrregularError, RowsInvalidError
from trainer.input.cells import DateFormat, find_formats, read_date
from trainer.input.columns import Columns
from trainer.input.numbers import Decimal, Evidence, is_missing
from trainer.input.table import Problems, Table

Floats = npt.NDArray[np.float64]
_ROWS_REMEDY = (
    "correct these lines: one date format for the whole column, numbers without units and with one "
    "decimal mark, each date once; leave missing values empty"
)


def parse_dates(table: Table, column: str) -> pd.DatetimeIndex:
    """Return the dates of a column as they stand. Tells every bad line at once."""
    problems, notes = Problems(table.name), list[str]()
    dates = _parse_dates(table, column, problems, notes)
    problems.raise_if_any(_ROWS_REMEDY)
    return _to_index(dates, table.name, notes)


def parse_rows(table: Table, columns: Columns) -> tuple[pd.DatetimeIndex, Floats, list[str]]:
    """Return dates and values as they stand, and notes. Tells every bad line at once."""
    problems, notes = Problems(table.name), list[str]()
    values = parse_numbers(table, columns.value, problems, notes)
    dates = _parse_dates(table, columns.date, problems, notes)
    problems.raise_if_any(_ROWS_REMEDY)
    return _to_index(dates, table.name, notes), values, notes


def parse_numbers(table: Table, column: str, problems: Problems, notes: list[str]) -> Floats:
    """Return the numbers of a column, NaN where one is missing.

    Raises RowsInvalidError where a number can be read two ways; other problems are added.
    """
    cells = table.column(column)
    decimal = _find_decimal(table, column)
    values = np.full(len(cells), np.nan)
    groupings = dict[str, tuple[int, str]]()
    for place, (row, cell) in enumerate(zip(table.rows, cells, strict=True)):
        try:
            values[place] = decimal.read(cell)
        except ValueError as exc:
            problems.add(row.line, f"{column}: {exc}")
            continue
        grouping = decimal.grouping(cell)
        if grouping is not None:
            groupings.setdefault(grouping, (row.line, cell.strip()))
    if table.decimal is None:
        _add_mixed(column, groupings, problems)
    grouped = "".join(f", thousands grouped by {grouping}" for grouping in groupings if grouping)
    if decimal.mark == "," or table.decimal or grouped:
        notes.append(f"numbers of {column!r} have {decimal.name}{grouped}")
    return values


def _find_decimal(table: Table, column: str) -> Decimal:
    if table.decimal is not None:
        return Decimal(mark=table.decimal, reason=f"--decimal {table.decimal}")
    evidence = Evidence()
    for row, cell in zip(table.rows, table.column(column), strict=True):
        evidence.add(row.line, cell)
    evidence.refuse(table.name, RowsInvalidError, column)
    return evidence.found or Decimal()


def _add_mixed(column: str, groupings: dict[str, tuple[int, str]], problems: Problems) -> None:
    """Add numbers that group their thousands in another way than the first ones of the column."""
    if len(groupings) > 1:
        (first, (first_line, first_cell)), *others = groupings.items()
        for other, (line, cell) in others:
            what = f"{cell!r} groups thousands by {other or 'nothing'}"
            than = f"{first_cell!r} on line {first_line} by {first or 'nothing'}"
            problems.add(line, f"{column}: {what}, {than}")


def _parse_dates(table: Table, column: str, problems: Problems, notes: list[str]) -> list[datetime]:
    cells = table.column(column)
    way = _date_format(table, column, [cell for cell in cells if not is_missing(cell)])
    if way.name != "ISO 8601":
        notes.append(f"dates are read as {way.name}")
    dates, lines = [], dict[datetime, int]()
    for row, cell in zip(table.rows, cells, strict=True):
        date = read_date(cell, way)
        if date is None:
            what = (
                "the date is missing"
                if is_missing(cell)
                else f"{cell!r} is not a date ({way.name})"
            )
            problems.add(row.line, f"{column}: {what}")
        elif date in lines:
            problems.add(row.line, f"{column}: {cell} is already on line {lines[date]}")
        else:
            lines[date] = row.line
            dates.append(date)
    return dates


def _date_format(table: Table, column: str, cells: Sequence[str]) -> DateFormat:
    found = find_formats(cells) if cells else ()
    if len(found) == 1:
        return found[0]
    if not found:
        raise DatesIrregularError(
            f"{table.name}:{table.rows[0].line}: the column {column!r} holds no dates",
            remedy="write dates as YYYY-MM-DD, or name another column with --date_column",
        )
    raise DatesIrregularError(
        f"{table.name}:{table.rows[0].line}: {cells[0]!r} can be read as "
        + " and as ".join(way.name for way in found),
        remedy="write dates as YYYY-MM-DD",
    )


def _to_index(dates: Sequence[datetime], name: str, notes: list[str]) -> pd.DatetimeIndex:
    """Return the dates without time zone: as written where there is one offset, else in UTC."""
    offsets = {date.utcoffset() for date in dates}
    if None in offsets and len(offsets) > 1:
        raise DatesIrregularError(
            f"{name}: some dates have a time zone and some do not",
            remedy="write all dates with a time zone, or all without",
        )
    if len(offsets) > 1:
        notes.append("dates have several offsets from UTC: converted to UTC")
        return pd.DatetimeIndex(pd.to_datetime(list(dates), utc=True).tz_localize(None))
    try:
        return pd.DatetimeIndex([date.replace(tzinfo=None) for date in dates])
    except (ValueError, OverflowError) as exc:
        raise DatesIrregularError(
            f"{name}: a date is too early or too late: {exc}", remedy="write dates as YYYY-MM-DD"
        ) from exc
