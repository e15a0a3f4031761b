"""A CSV file to a series on an even calendar, and its parts for training and scoring.

Missing values are filled from the part that a model is fitted to, never from what follows it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd

from trainer.errors import HoldoutInvalidError, SeriesTooShortError, ValuesMissingError
from trainer.input.columns import Columns, choose_columns
from trainer.input.example import NAME as EXAMPLE_NAME
from trainer.input.example import example_csv
from trainer.input.frame import Frame, read_frame
from trainer.input.frequency import Calendar, find_calendar
from trainer.input.options import Holdout, ReadAs
from trainer.input.records import Floats
from trainer.input.source import Source, open_source, source_of
from trainer.input.table import Table, open_table

FEWEST_ROWS = 4


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
    """The series, and the rows that it was read from: their other columns may be regressors."""

    series: Series
    frame: Frame
    columns: Columns


def load(
    path: Path | None,
    read_as: ReadAs,
    *,
    date: str | None = None,
    value: str | None = None,
    others: Sequence[str] = (),
) -> Loaded:
    """Read, check and order a file, or the example where there is none."""

    def choose(table: Table) -> Columns:
        return choose_columns(table, date=date, value=value, others=others)

    named = [name for name in (date, value, *others) if name is not None]
    if path is None:
        return load_source(source_of(example_csv(), EXAMPLE_NAME), read_as, choose)
    with open_source(str(path), encoding=read_as.encoding) as source:
        return load_source(source, read_as, choose, named)


def load_source(
    source: Source,
    read_as: ReadAs,
    choose: Callable[[Table], Columns],
    named: Sequence[str] = (),
) -> Loaded:
    """Return the series of a source, in the columns that are chosen."""
    table = open_table(source, read_as, named=named)
    columns = choose(table)
    frame = read_frame(
        table, read_as, date=columns.date, value=columns.value, others=columns.others
    )
    source.finish()
    series = to_series(frame, columns, sha256=source.digest.hexdigest())
    return Loaded(series=series, frame=frame, columns=columns)


def to_series(frame: Frame, columns: Columns, *, sha256: str) -> Series:
    """Return the frame's series: sorted, on its calendar, without empty rows at either end."""
    dates, values, notes = frame.dates, frame.columns[columns.value], list(frame.notes)
    order = dates.argsort(kind="stable")
    if not dates.is_monotonic_increasing:
        notes.append("the rows were not in chronological order: sorted")
    dates, values = dates[order], values[order]
    known = np.flatnonzero(~np.isnan(values))
    if known.size == 0:
        raise ValuesMissingError(
            f"{frame.name}: the column {columns.value!r} has no values",
            remedy="name the column that has the values with --value_column",
        )
    if known.size < FEWEST_ROWS:
        raise SeriesTooShortError(
            f"{frame.name}: {known.size} values are too few",
            remedy="give a longer series: tens of values at the least",
        )
    calendar = find_calendar(dates, frame.name)
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
        source=frame.name,
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
