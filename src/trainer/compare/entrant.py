"""A model on the data: what it knows at each origin, and how it goes on from there.

Its parameters stay as they are; what it is given are the values before the origin.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from trainer.compare.contender import Contender
from trainer.compare.overlap import count_different
from trainer.compare.regressors import rebuild_columns
from trainer.errors import ComparisonImpossibleError, SavedModelInvalidError
from trainer.fit.order import Floats
from trainer.fit.prediction import Prediction
from trainer.input.data import Loaded, Series
from trainer.kernel.library import NO_COLUMNS, box_cox

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrant:
    """A model with the rows before the data (`older`, on its scale) and its regressors.

    `skipped` are the data's rows before the model's first.
    """

    contender: Contender
    older: Floats
    skipped: int
    columns: Floats
    notes: tuple[str, ...]

    def predict(self, known: Series, steps: int) -> Prediction:
        """Return what follows the known rows of the data: a Forecaster."""
        saved = self.contender.saved
        new = _on_scale(self.contender, known.values[self.skipped :])  # noqa: PD011 - no pandas
        values = np.concatenate([self.older, new])
        rows, columns, future = len(values), NO_COLUMNS, NO_COLUMNS
        if self.columns.size:
            columns, future = self.columns[:, :rows], self.columns[:, rows : rows + steps]
        return replace(saved, values=values, columns=columns).predict(steps, future)


def enter(contender: Contender, loaded: Loaded) -> Entrant:
    """Return the model on the data. Refuses data that are not of the series it was trained on."""
    series = loaded.series
    own = _own_dates(contender, series)
    older, skipped = (own < series.dates[0]), int((series.dates < own[0]).sum())
    known = _on_scale(contender, series.values[skipped:])  # noqa: PD011 - no pandas series
    places = series.dates[skipped:].get_indexer(own)
    data = np.where(places >= 0, known[places], np.nan)
    is_inside = (own >= series.dates[0]) & (own <= series.dates[-1])
    notes = _told_changes(contender, data, is_inside, series.source)
    dates = series.calendar.between(own[0], max(own[-1], series.dates[-1]))
    columns, told = rebuild_columns(contender, loaded, dates)
    return Entrant(
        contender=contender,
        older=contender.saved.values[older],  # noqa: PD011 - no pandas series
        skipped=skipped,
        columns=columns,
        notes=(*notes, *told),
    )


def _own_dates(contender: Contender, series: Series) -> pd.DatetimeIndex:
    """Return the dates of the rows that the model was trained on."""
    if contender.origin.calendar != series.calendar.code:
        raise ComparisonImpossibleError(
            f"the {contender.role} was trained on the calendar {contender.origin.calendar!r}, and "
            f"{series.source} has {series.calendar.code!r} ({series.calendar.name})",
            remedy="give --data of the series that both models were trained on",
        )
    first, last = pd.Timestamp(contender.origin.first), pd.Timestamp(contender.origin.last)
    own = series.calendar.between(first, last)
    if len(own) != len(contender.saved.values) or own[0] != first or own[-1] != last:
        raise SavedModelInvalidError(
            f"the {contender.role} {contender.path}: its values do not match its dates",
            remedy="use the file as the run wrote it, or train again",
        )
    whole = series.calendar.between(min(first, series.dates[0]), max(last, series.dates[-1]))
    if not (own.isin(whole).all() and series.dates.isin(whole).all()):
        raise ComparisonImpossibleError(
            f"the dates of {series.source} do not continue those of the {contender.role}",
            remedy="give --data of the series that both models were trained on",
        )
    return own


def _on_scale(contender: Contender, values: Floats) -> Floats:
    """Return values as the model takes them."""
    power = contender.saved.box_cox
    if power is None:
        return values
    known = values[~np.isnan(values)]
    if len(known) and not known.min() > 0:
        raise ComparisonImpossibleError(
            f"the {contender.role} has a Box-Cox power and needs positive values; the least is "
            f"{known.min():g}",
            remedy="train the model again without --box_cox",
        )
    return box_cox(values, power.power)


def _told_changes(contender: Contender, data: Floats, is_inside: Flags, source: str) -> list[str]:
    """Hold the data's values against those that the model was trained on; return notes."""
    theirs = contender.saved.values  # noqa: PD011 - no pandas series
    what = f"values of {source}"
    different = count_different(theirs, data, what=what, role=contender.role)
    different += int((np.isnan(theirs) != np.isnan(data))[is_inside].sum())
    if not different:
        return []
    changed = f"{different} values differ from the training data of the {contender.role}"
    return [f"{changed}: the forecasts use the values of --data"]
