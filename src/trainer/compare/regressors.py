"""A model's regressors for the rows that it was trained on and all that follow.

The calendar's are made again from their names, columns of the data are read; both must say what
the model knew of its own rows.
"""

import re
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pandas as pd

from trainer.compare.contender import Contender
from trainer.compare.overlap import count_different
from trainer.data import Loaded
from trainer.errors import ComparisonImpossibleError, RegressorsInvalidError
from trainer.fitting import NO_COLUMNS
from trainer.order import Floats
from trainer.regressors.design import design
from trainer.regressors.given import known_rows, read_given
from trainer.regressors.plan import MOST_PAIRS, Plan, find_code

_WAVE = re.compile(r"(?:sin|cos)_([0-9.e+]+)_([0-9]{1,2})")
_EXACT = 1e-9


def rebuild_columns(
    contender: Contender, loaded: Loaded, dates: pd.DatetimeIndex
) -> tuple[Floats, tuple[str, ...]]:
    """Return the regressors of these dates, shape (columns, rows), and notes.

    `dates` begin with the model's first and end with the data's last.
    """
    names, saved = contender.regressors, contender.saved.columns
    if not names:
        return NO_COLUMNS, ()
    rows = saved.shape[1]
    made = _made_again(names, dates)
    columns = {
        name: made[name]
        for name, known in zip(names, saved, strict=True)
        if name in made and np.allclose(made[name][:rows], known, rtol=0, atol=_EXACT)
    }
    given = [name for name in names if name not in columns]
    absent = [name for name in given if name not in loaded.table.header]
    if absent:
        raise ComparisonImpossibleError(
            f"the {contender.role} needs {', '.join(absent)}: no column of {loaded.series.source}, "
            "and not what the calendar says of the rows that it was trained on",
            remedy="add these columns to --data, or train the model anew",
        )
    notes = tuple[str, ...]()
    if given:
        read, notes = _read(contender, loaded, dates, given)
        columns |= read
    return np.array([columns[name] for name in names]), notes


def _made_again(names: Sequence[str], dates: pd.DatetimeIndex) -> dict[str, Floats]:
    """Return the columns that a calendar with these names in it makes."""
    plan = _plan(names)
    if plan.is_empty:
        return {}
    made = design(plan, dates, 0)
    return dict(zip(made.names, made.matrix.T, strict=True))


def _plan(names: Sequence[str]) -> Plan:
    codes = [name.removeprefix("holiday_") for name in names if name.startswith("holiday_")]
    pairs = dict[float, int]()
    for name in names:
        match = _WAVE.fullmatch(name)
        with suppress(ValueError):
            if match and 1 <= int(match[2]) <= MOST_PAIRS and float(match[1]) > 1:
                period = float(match[1])
                pairs[period] = max(pairs.get(period, 0), int(match[2]))
    return Plan(
        weekday=any(name.startswith("weekday_") for name in names),
        month=any(name.startswith("month_") for name in names),
        holidays=_known_code(codes[0]) if codes else None,
        fourier=tuple(pairs.items()),
    )


def _known_code(code: str) -> str | None:
    with suppress(RegressorsInvalidError):
        return find_code(code)
    return None


def _read(
    contender: Contender, loaded: Loaded, dates: pd.DatetimeIndex, names: Sequence[str]
) -> tuple[dict[str, Floats], tuple[str, ...]]:
    """Return columns of the data; for the rows before its first, what the model knew."""
    series = loaded.series
    given = read_given(loaded.table, loaded.columns, names)
    found, notes = known_rows(given, series.dates, series.values)
    places = series.dates.get_indexer(dates)
    is_valued = (places >= 0) & ~np.isnan(series.values)[places]
    columns = dict[str, Floats]()
    for name, column in zip(found.names, found.matrix.T, strict=True):
        known = contender.saved.columns[contender.regressors.index(name)]
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
