"""The regressors of the dates to forecast: made of the dates again, and read from a CSV."""

import numpy as np
import pandas as pd

from trainer.errors import (
    ChoicesContradictError,
    ColumnMissingError,
    FutureRegressorsMissingError,
    RegressorsInvalidError,
)
from trainer.fit.order import Floats
from trainer.input.columns import choose_date
from trainer.input.frame import read_frame
from trainer.input.source import open_source
from trainer.input.table import open_table
from trainer.kernel.library import NO_COLUMNS
from trainer.predict.options import Options
from trainer.regressors.given import future_rows, read_given
from trainer.saved.json_file import SavedModel
from trainer.saved.origin import Origin
from trainer.saved.regressors import EXACT, remade


def future_columns(
    saved: SavedModel,
    origin: Origin,
    known: pd.DatetimeIndex,
    dates: pd.DatetimeIndex,
    options: Options,
) -> Floats:
    """Return the model's regressors of the dates, shape (columns, dates).

    `known` are the dates that it was trained on. Raises RegressorsInvalidError where the calendar
    says otherwise of them than in training, and the errors of a CSV.
    """
    if options.future is not None and not origin.given:
        raise ChoicesContradictError(
            f"--future {options.future}: the model has no regressors that are columns",
            remedy="leave out --future",
        )
    if not origin.regressors:
        return NO_COLUMNS
    made = remade(origin, pd.DatetimeIndex(known.append(dates)))
    _refuse_another_calendar(made, saved, origin)
    future = made[:, len(known) :]
    return np.vstack([future, _given(origin, dates, options)]) if origin.given else future


def _refuse_another_calendar(made: Floats, saved: SavedModel, origin: Origin) -> None:
    rows = saved.columns.shape[1]
    for name, here, then in zip(origin.regressors, made, saved.columns, strict=False):
        if not np.allclose(here[:rows], then, rtol=0, atol=EXACT):
            raise RegressorsInvalidError(
                f"the model's {name} of its training dates differ from this calendar's",
                remedy="run the image that trained it, or train again",
            )


def _given(origin: Origin, dates: pd.DatetimeIndex, options: Options) -> Floats:
    names, path = ", ".join(map(repr, origin.given)), options.future
    if path is None:
        raise FutureRegressorsMissingError(
            f"the model needs {names} of the {len(dates)} dates to forecast",
            remedy=f"name a CSV with {origin.date_column!r} and {names} of these dates: "
            "--future FILE",
        )
    with open_source(str(path), encoding=options.read_as.encoding, option="--future") as source:
        table = open_table(source, options.read_as, named=origin.given)
        absent = [name for name in origin.given if name not in table.header]
        if absent:
            raise ColumnMissingError(
                f"{table.name}:1: there is no column {', '.join(map(repr, absent))}, which the "
                "model needs",
                remedy=f"name a CSV with {origin.date_column!r} and {names}",
            )
        date = choose_date(table, origin.date_column, others=origin.given)
        frame = read_frame(table, options.read_as, date=date, value=None, others=origin.given)
    return future_rows(read_given(frame, origin.given), dates).matrix.T
