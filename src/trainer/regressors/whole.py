"""The regressors of a run: of every row of the series and of every step to forecast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from trainer.input.data import Loaded
from trainer.regressors.design import design, dropped_notes, independent
from trainer.regressors.given import future_rows, known_rows, read_given
from trainer.regressors.plan import Plan

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressors:
    """Names, and the matrix of shape (columns, rows + steps); without regressors it is (0, 0).

    The last names, `given`, are columns of the input; the dates alone make the others.
    """

    names: tuple[str, ...]
    given: tuple[str, ...]
    matrix: Floats
    notes: tuple[str, ...]


def make_regressors(
    loaded: Loaded, plan: Plan, names: Sequence[str], *, train_rows: int, steps: int
) -> Regressors:
    """Return the plan's regressors and the named columns, less those that say nothing new.

    What says nothing new is found on the training part, as a model of it would find it.
    """
    series = loaded.series
    future = series.calendar.after(series.dates[-1], steps)
    dates = pd.DatetimeIndex(series.dates.append(future))
    found, notes = design(plan, dates, 0), list[str]()
    made = len(found.names)
    if names:
        given = read_given(loaded.frame, names)
        known, told = known_rows(given, series.dates, series.values)
        later = future_rows(given, future)
        notes += told
        whole = type(known)(names=known.names, matrix=np.vstack([known.matrix, later.matrix]))
        found = found.beside(whole)
    if not found.names:
        return Regressors(names=(), given=(), matrix=np.zeros((0, 0)), notes=())
    train = found.matrix[:train_rows]
    kept = independent(train)
    notes += dropped_notes(found.names, train, kept)
    given_names = tuple(found.names[place] for place in kept if place >= made)
    found = found.kept(kept)
    matrix = np.ascontiguousarray(found.matrix.T) if found.names else np.zeros((0, 0))
    return Regressors(names=found.names, given=given_names, matrix=matrix, notes=tuple(notes))
