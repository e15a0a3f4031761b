"""Regressors that are columns of the input; their future is in its last rows, without a value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from trainer.errors import (
    ColumnMissingError,
    FutureRegressorsMissingError,
    RegressorsInvalidError,
)
from trainer.input.columns import Columns
from trainer.input.numbers import is_missing
from trainer.input.rows import parse_dates, parse_numbers
from trainer.input.table import SHOWN_PROBLEMS, Problems, Table
from trainer.regressors.design import Design, Floats

_NUMBER_REMEDY = "write numbers; 1 and 0 for yes and no, a column of 1 and 0 for each of several"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The named columns of every row in the order of time, NaN where a cell is empty.

    `notes` are about how their numbers were read.
    """

    source: str
    names: tuple[str, ...]
    dates: pd.DatetimeIndex
    lines: tuple[int, ...]
    matrix: Floats
    notes: tuple[str, ...] = ()


def read_given(table: Table, columns: Columns, names: Sequence[str]) -> Given:
    """Return the columns that `--regressors` names."""
    _refuse_names(table, columns, names)
    return read_columns(table, columns.date, names)


def read_columns(table: Table, date: str, names: Sequence[str]) -> Given:
    """Return columns that are there, and the dates beside them."""
    problems, notes = Problems(table.name), list[str]()
    matrix = np.column_stack([parse_numbers(table, name, problems, notes) for name in names])
    for name in names:
        if all(is_missing(cell) for cell in table.column(name)):
            problems.add(1, f"{name}: the column is empty")
    problems.raise_if_any(_NUMBER_REMEDY)
    dates = parse_dates(table, date)
    order = dates.argsort(kind="stable")
    return Given(
        source=table.name,
        names=tuple(names),
        dates=dates[order],
        lines=tuple(table.rows[place].line for place in order),
        matrix=matrix[order],
        notes=tuple(notes),
    )


def known_rows(
    given: Given, dates: pd.DatetimeIndex, values: Floats
) -> tuple[Design, tuple[str, ...]]:
    """Return the regressors of the series' dates, and notes.

    Each is needed where the series has a value. Elsewhere it is the last one before: it stands
    beside no value that could be explained by it.
    """
    matrix = _at(given, dates)
    is_absent = np.isnan(matrix)
    lacking = np.flatnonzero(is_absent.any(axis=1) & ~np.isnan(values))
    if len(lacking):
        raise RegressorsInvalidError(
            "\n".join(_told(given, dates, is_absent, lacking)),
            remedy="fill these cells, or leave the column out of --regressors",
        )
    if not is_absent.any():
        return Design(names=given.names, matrix=matrix), given.notes
    filled = pd.DataFrame(matrix).ffill().bfill().to_numpy(dtype=np.float64)
    count = int(is_absent.any(axis=1).sum())
    note = (
        f"regressors of {count} dates without a value are missing: the last known values are used"
    )
    return Design(names=given.names, matrix=filled), (*given.notes, note)


def future_rows(given: Given, dates: pd.DatetimeIndex) -> Design:
    """Return the regressors of the dates to forecast. Refuses where one of them has none."""
    matrix = _at(given, dates)
    is_absent = np.isnan(matrix)
    lacking = np.flatnonzero(is_absent.any(axis=1))
    if len(lacking):
        first = int(lacking[0])
        without = [name for name, a in zip(given.names, is_absent[first], strict=True) if a]
        shorter = f", or give --horizon {first}" if first else ""
        raise FutureRegressorsMissingError(
            f"{given.source}: a forecast of {len(dates)} steps needs {len(dates)} future rows of "
            f"{', '.join(map(repr, given.names))}; there are {first}: {_spelled(dates[first])} has "
            f"no {', '.join(map(repr, without))}",
            remedy=f"add rows up to {_spelled(dates[-1])} at the end of the file, with the "
            f"regressors and no value{shorter}",
        )
    return Design(names=given.names, matrix=matrix)


def _refuse_names(table: Table, columns: Columns, names: Sequence[str]) -> None:
    for name in names:
        if name in (columns.date, columns.value):
            raise RegressorsInvalidError(
                f"{table.name}:1: {name!r} is the date or the value column, not a regressor",
                remedy="name other columns with --regressors",
            )
        if name not in table.header:
            others = [h for h in table.header if h and h not in (columns.date, columns.value)]
            raise ColumnMissingError(
                f"{table.name}:1: there is no column {name!r} (--regressors)",
                remedy=f"the columns are: {', '.join(map(repr, others)) or 'none but two'}",
            )


def _at(given: Given, dates: pd.DatetimeIndex) -> Floats:
    """Return the rows of these dates, NaN where there is none."""
    places = given.dates.get_indexer(dates)
    matrix = np.full((len(dates), len(given.names)), np.nan)
    matrix[places >= 0] = given.matrix[places[places >= 0]]
    return matrix


def _told(
    given: Given, dates: pd.DatetimeIndex, is_absent: np.ndarray, lacking: np.ndarray
) -> list[str]:
    places = given.dates.get_indexer(dates[lacking])
    told = []
    for row, place in zip(lacking[:SHOWN_PROBLEMS], places, strict=False):
        without = [name for name, a in zip(given.names, is_absent[row], strict=True) if a]
        line = f":{given.lines[place]}" if place >= 0 else ""
        names = ", ".join(map(repr, without))
        told.append(f"{given.source}{line}: {_spelled(dates[row])} has a value, but no {names}")
    more = len(lacking) - len(told)
    return [*told, *([f"... and {more} more, {len(lacking)} in all"] * (more > 0))]


def _spelled(date: pd.Timestamp) -> str:
    return str(date.date() if date == date.normalize() else date)
