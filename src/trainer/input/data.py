"""A CSV file to a series on an even calendar, and its parts for training and scoring.

Missing values are filled from the part that a model is fitted to, never from what follows it.
"""

import hashlib
import os
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd

from trainer.errors import (
    HoldoutInvalidError,
    InputMissingError,
    InputUnreadableError,
    SeriesTooShortError,
    ValuesMissingError,
)
from trainer.input.columns import Columns, choose_columns
from trainer.input.example import NAME as EXAMPLE_NAME
from trainer.input.example import example_csv
from trainer.input.frequency import Calendar, find_calendar
from trainer.input.rows import Floats, parse_rows
from trainer.input.table import Table, read_table
from trainer.printable import printable
from trainer.regular_file import NotRegularError, TooLargeError, read_regular
from trainer.settings import Holdout, Settings

FEWEST_ROWS = 4
# Millions of rows; a table of them takes ten times the memory.
LARGEST_BYTES = 1 << 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Values on an even calendar, NaN where there is none; the first and the last are known."""

    source: str
    sha256: str
    date_name: str
    value_name: str
    calendar: Calendar
    dates: pd.DatetimeIndex
    values: Floats
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The series cut in two: `train` rows to fit, `holdout` rows to score."""

    train: Series
    holdout: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The series, and the table that it was read from: its other columns may be regressors."""

    series: Series
    table: Table
    columns: Columns


def load(settings: Settings) -> Loaded:
    """Read, check and order the input."""
    if settings.input is None:
        name, content = EXAMPLE_NAME, example_csv()
    else:
        name, content = printable(str(settings.input)), read_bytes(settings.input)
    table = read_table(content, name, settings.decimal)
    columns = choose_columns(
        table,
        date=settings.date_column,
        value=settings.value_column,
        others=settings.regressors,
    )
    digest = hashlib.sha256(content).hexdigest()
    return Loaded(series=to_series(table, columns, sha256=digest), table=table, columns=columns)


def to_series(table: Table, columns: Columns, *, sha256: str) -> Series:
    """Return the table's series: sorted, on its calendar, without empty rows at either end."""
    dates, values, notes = parse_rows(table, columns)
    order = dates.argsort(kind="stable")
    if not dates.is_monotonic_increasing:
        notes.append("the rows were not in chronological order: sorted")
    dates, values = dates[order], values[order]
    known = np.flatnonzero(~np.isnan(values))
    if known.size == 0:
        raise ValuesMissingError(
            f"{table.name}: the column {columns.value!r} has no values",
            remedy="name the column that has the values with --value_column",
        )
    if known.size < FEWEST_ROWS:
        raise SeriesTooShortError(
            f"{table.name}: {known.size} values are too few",
            remedy="give a longer series: tens of values at the least",
        )
    calendar = find_calendar(dates, table.name)
    at_ends = len(dates) - int(known[-1] - known[0] + 1)
    if at_ends:
        notes.append(f"{at_ends} rows without a value at the start or the end: dropped")
    filled = pd.Series(values, index=dates, dtype=np.float64).reindex(
        calendar.between(dates[known[0]], dates[known[-1]])
    )
    absent = len(filled) - int(known[-1] - known[0] + 1)
    if absent:
        notes.append(f"{absent} dates are absent from the calendar ({calendar.name}): missing")
    return Series(
        source=table.name,
        sha256=sha256,
        date_name=columns.date,
        value_name=columns.value,
        calendar=calendar,
        dates=pd.DatetimeIndex(filled.index),
        values=np.asarray(filled, dtype=np.float64),
        notes=(*columns.notes, f"calendar: {calendar.name} ({calendar.code})", *notes),
    )


def split_series(series: Series, holdout: Holdout) -> Split:
    """Cut off the last rows: the given number, or the fraction of all rows, rounded up."""
    total = len(series.values)
    rows = holdout.rows
    if rows is None:
        rows = ceil(round(total * (holdout.fraction or 0.0), 9))
    if total - rows < FEWEST_ROWS:
        raise HoldoutInvalidError(
            f"a holdout of {rows} of {total} rows leaves {max(total - rows, 0)} to train on",
            remedy=f"hold out at most {total - FEWEST_ROWS} rows, better a tenth of them",
        )
    train = _part(series, slice(None, total - rows))
    if np.isnan(train.values).all():
        raise ValuesMissingError(
            "the training part has no values", remedy="hold out fewer rows with --holdout"
        )
    return Split(train=train, holdout=_part(series, slice(total - rows, None)))


def fill_missing(values: Floats) -> Floats:
    """Return the values with gaps filled in a straight line between their neighbours.

    Gaps at the end repeat the last known value, and those at the start the first.
    """
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), known, values[known])


def _part(series: Series, rows: slice) -> Series:
    return replace(series, dates=series.dates[rows], values=series.values[rows], notes=())  # noqa: PD011 - no pandas series


def read_bytes(path: Path, option: str = "--input") -> bytes:
    """Return a file's content; what can be wrong with the path is an error of its own."""
    remedy, name = f"give the path of a CSV file with {option}", printable(str(path))
    try:
        return read_regular(path, LARGEST_BYTES)
    except NotRegularError as exc:
        raise InputUnreadableError(f"{name} is {exc.kind}, not a CSV file", remedy=remedy) from exc
    except TooLargeError as exc:
        raise InputUnreadableError(
            f"{name} has more than {LARGEST_BYTES} bytes",
            remedy="give a shorter series, or sum its rows up first (python -m trainer prepare)",
        ) from exc
    except FileNotFoundError as exc:
        raise InputMissingError(f"there is no file {name}", remedy=remedy) from exc
    except PermissionError as exc:
        uid = os.getuid()
        raise InputUnreadableError(
            f"{name} may not be read by this user (uid {uid})", remedy=f"chmod a+r {name}"
        ) from exc
    except (OSError, ValueError) as exc:
        raise InputUnreadableError(f"{name} cannot be read: {exc}", remedy=remedy) from exc
