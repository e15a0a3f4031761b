"""Regressors that are columns of the input; their future is in its last rows, without a value."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trainer.errors import (
    FutureRegressorsMissingError,
    RegressorsInvalidError,
    RowsInvalidError,
)
from trainer.input.frame import Frame
from trainer.input.problems import SHOWN_PROBLEMS, Problems
from trainer.regressors.design import Design, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The named columns of every row in the order of time, NaN where a cell is empty."""

    source: str
    names: tuple[str, ...]
    dates: pd.DatetimeIndex
    lines: npt.NDArray[np.int64]
    matrix: Floats


def read_given(frame: Frame, names: Sequence[str]) -> Given:
    """Return columns of a table, in the order of time. Raises where one is empty."""
    problems = Problems(frame.name)
    for name in names:
        if np.isnan(frame.columns[name]).all():
            problems.add(1, f"{name}: the column is empty")
    problems.raise_if_any("fill the column, or leave it out of --regressors", RowsInvalidError)
    order = frame.dates.argsort(kind="stable")
    return Given(
        source=frame.name,
        names=tuple(names),
        dates=frame.dates[order],
        lines=frame.lines[order],
        matrix=np.column_stack([frame.columns[name] for name in names])[order],
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
        return Design(names=given.names, matrix=matrix), ()
    filled = pd.DataFrame(matrix).ffill().bfill().to_numpy(dtype=np.float64)
    count = int(is_absent.any(axis=1).sum())
    note = (
        f"regressors of {count} dates without a value are missing: the last known values are used"
    )
    return Design(names=given.names, matrix=filled), (note,)


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
