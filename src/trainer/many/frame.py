"""Forecasts of a DataFrame of many series, for `trainer.forecast`: no file is left behind."""

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trainer.errors import (
    ColumnMissingError,
    DatesIrregularError,
    HorizonInvalidError,
    RowsInvalidError,
    TooManyFailuresError,
)
from trainer.input.date_column import NO_DATE
from trainer.input.long import USUAL, LongTable, table_of
from trainer.input.records import Floats, Places
from trainer.many.merge import FORECASTS, results
from trainer.many.plan import make_plan
from trainer.many.runners import run_here, run_in_processes
from trainer.printable import limited, printable

_SOURCE = "frame"
_FEW = 50  # series that are forecast sooner than processes start


def forecast_frame(
    frame: pd.DataFrame, *, horizon: int | None, processes: int, has_floor: bool
) -> pd.DataFrame:
    """Return the forecasts; see `trainer.forecast`."""
    if horizon is not None and horizon < 1:
        raise HorizonInvalidError(f"a horizon of {horizon} steps", remedy="give 1 or more")
    table = _table(frame)
    plan = make_plan(table, horizon=horizon, has_floor=has_floor, sums_days=False)
    is_alone = processes <= 1 or len(table) < _FEW
    runner = run_here if is_alone else partial(run_in_processes, processes=processes)
    with tempfile.TemporaryDirectory(prefix="trainer-") as folder:
        files = {done.batch.name: done.path for done in runner(plan.batches, plan, Path(folder))}
        found = list(results(plan, files))
    if found and all(result.status == "unusable" for result in found):
        raise TooManyFailuresError(
            f"no series can be forecast; {limited(found[0].name)}: {found[0].reason}",
            remedy="correct the rows of the series",
        )
    numbers = np.concatenate([result.numbers for result in found], axis=1) if found else None
    counts = [len(result.dates) for result in found]
    dates = np.concatenate([result.dates for result in found]) if found else np.zeros(0, "i8")
    columns = {"unique_id": np.repeat([result.name for result in found], counts)}
    ahead = pd.DataFrame({**columns, "ds": dates.view("datetime64[us]")})
    for place, name in enumerate([*FORECASTS][2:]):
        ahead[name] = [] if numbers is None else numbers[place]
    ahead.attrs["notes"] = {r.name: f"{r.status}: {r.reason}" for r in found if r.status != "ok"}
    return ahead


def _table(frame: pd.DataFrame) -> LongTable:
    absent = [name for name in USUAL if name not in frame.columns]
    if absent:
        raise ColumnMissingError(
            f"the frame has no column {', '.join(map(repr, absent))}",
            remedy=f"name its columns {', '.join(USUAL)}: frame.rename(columns=...)",
        )
    names = [str(name) for name in frame["unique_id"].tolist()]
    nameless = np.flatnonzero(frame["unique_id"].isna().to_numpy())
    if len(nameless):
        raise RowsInvalidError(
            f"row {nameless[0] + 1} of the frame has no unique_id", remedy="leave it out"
        )
    unwritable = next((name for name in names if not _is_text(name)), None)
    if unwritable is not None:
        raise RowsInvalidError(
            f"the name {printable(unwritable)!r} is not text: it has half of a surrogate pair",
            remedy="give another name",
        )
    return table_of(names, _dates(frame["ds"]), _values(frame["y"]), _SOURCE)


def _dates(column: "pd.Series[Any]") -> Places:
    """Return dates as microseconds; those of a time zone as their own clock has them.

    Texts have to be ISO 8601: of others, days and months can be mistaken for each other.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        column = column.astype(str)  # pandas would count nanoseconds
    try:
        dates = pd.to_datetime(column, format="ISO8601")
        if dates.dt.tz is not None:
            dates = dates.dt.tz_localize(None)
        moments = dates.to_numpy().astype("datetime64[us]")
    except (AttributeError, TypeError, ValueError) as exc:
        raise DatesIrregularError(
            f"the column 'ds' is not dates: {limited(str(exc))}",
            remedy="convert it: pandas.to_datetime(frame['ds'], format=...)",
        ) from exc
    return np.where(np.isnat(moments), NO_DATE, moments.view(np.int64))


def _values(column: "pd.Series[Any]") -> Floats:
    try:
        values: Floats = column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as exc:
        raise RowsInvalidError(
            f"the column 'y' is not numbers: {limited(str(exc))}",
            remedy="convert it: pandas.to_numeric(frame['y'])",
        ) from exc
    return values


def _is_text(name: str) -> bool:
    """Return whether a name can be written as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
