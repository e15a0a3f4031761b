"""A model's regressors for the rows that it was trained on and all that follow.

Those of the dates are made again by the model's plan, columns of the data are read; both must say
what the model knew of its own rows.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from trainer.compare.contender import Contender
from trainer.compare.overlap import count_different
from trainer.errors import ComparisonImpossibleError
from trainer.fit.order import Floats
from trainer.input.data import Loaded
from trainer.kernel.library import NO_COLUMNS
from trainer.regressors.given import known_rows, read_given
from trainer.saved.regressors import EXACT, remade


def rebuild_columns(
    contender: Contender, loaded: Loaded, dates: pd.DatetimeIndex
) -> tuple[Floats, tuple[str, ...]]:
    """Return the regressors of these dates, shape (columns, rows), and notes.

    `dates` begin with the model's first and end with the data's last.
    """
    names, saved = contender.origin.regressors, contender.saved.columns
    if not names:
        return NO_COLUMNS, ()
    columns = dict(zip(names, remade(contender.origin, dates), strict=False))
    rows = saved.shape[1]
    for name, known in zip(columns, saved, strict=False):
        if not np.allclose(columns[name][:rows], known, rtol=0, atol=EXACT):
            raise ComparisonImpossibleError(
                f"the {contender.role} has another {name} of its training dates than this calendar",
                remedy="compare with the release that trained it, or train the model again",
            )
    given = list(contender.origin.given)
    absent = [name for name in given if name not in loaded.frame.header]
    if absent:
        raise ComparisonImpossibleError(
            f"the {contender.role} needs {', '.join(absent)}: not in {loaded.series.source}",
            remedy="add these columns to --data, or train the model again",
        )
    notes = tuple[str, ...]()
    if given:
        read, notes = _read(contender, loaded, dates, given)
        columns |= read
    return np.array([columns[name] for name in names]), notes


def _read(
    contender: Contender, loaded: Loaded, dates: pd.DatetimeIndex, names: Sequence[str]
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Return columns of the data; for the rows before its first, what the model knew."""
    series = loaded.series
    given = read_given(loaded.frame, names)
    found, notes = known_rows(given, series.dates, series.values)
    places = series.dates.get_indexer(dates)
    is_valued = (places >= 0) & ~np.isnan(series.values)[places]
    columns = dict[str, Floats]()
    for name, column in zip(found.names, found.matrix.T, strict=True):
        known = contender.saved.columns[contender.origin.regressors.index(name)]
        rows = len(known)
        count_different(
            known,
            np.where(is_valued, column[places], np.nan)[:rows],
            what=f"values of {name} in {series.source}",
            role=contender.role,
        )
        older = np.concatenate([known, np.full(len(dates) - rows, np.nan)])
        columns[name] = np.where(places >= 0, column[places], older)
    return columns, notes
