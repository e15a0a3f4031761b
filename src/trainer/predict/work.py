"""A model's file to a forecast: the story, top to bottom."""

import numpy as np
import pandas as pd

from trainer.console import show_notes, stage
from trainer.errors import (
    ChoicesContradictError,
    HorizonInvalidError,
    MemoryExhaustedError,
    SavedModelInvalidError,
    SeriesUnknownError,
)
from trainer.fit.prediction import Prediction
from trainer.predict.future import future_columns
from trainer.predict.options import Options
from trainer.prepare.publish import Target
from trainer.printable import limited, printable
from trainer.report import dated, write_forecast
from trainer.saved.load import LoadedModel, load_model_file
from trainer.saved.origin import Origin, read_origin
from trainer.saved.store import is_store, read_model

_REMEDY = "use the file as the run wrote it, or train again"


def work(options: Options) -> int:
    """Write the forecast, whole or not at all; return the exit code."""
    try:
        with Target(options.output) as target:
            target.write(forecast(options))
            target.move()
    except MemoryError as exc:
        raise MemoryExhaustedError(
            f"not enough memory to forecast {options.horizon} steps by {options.model}",
            remedy="give the program more memory, or a smaller --horizon",
        ) from exc
    return 0


def forecast(options: Options) -> bytes:
    """Return the forecast in the form of forecast.csv. Raises TrainerError."""
    name = printable(str(options.model))
    with stage("load") as current:
        loaded = _loaded(options)
        origin = read_origin(loaded.saved, name)
        known = _known_dates(origin, len(loaded.saved.values), name)
        orders = ", ".join(loaded.saved.names)
        current.outcome = f"{orders} of {len(known)} rows up to {dated(known[-1])}"
    show_notes(loaded.notes)
    with stage("predict") as current:
        dates = _dates_after(known, origin, options.horizon)
        future = future_columns(loaded.saved, origin, known, dates, options)
        with np.errstate(all="ignore"):  # what is no number is refused below
            prediction = loaded.predict(options.horizon, future)
            _refuse_no_number(prediction, name)
            content = write_forecast(dates, prediction)
        current.outcome = f"{options.horizon} steps, {dated(dates[0])} to {dated(dates[-1])}"
    return content


def _loaded(options: Options) -> LoadedModel:
    """Return the model of a file that has one, or that of a series."""
    if is_store(options.model):
        if options.series is None:
            raise SeriesUnknownError(
                f"{printable(str(options.model))} has the models of many series",
                remedy="name one: --series ID, with the unique_id of a row of metrics",
            )
        return LoadedModel(saved=read_model(options.model, options.series))
    if options.series is not None:
        raise ChoicesContradictError(
            f"--series {limited(options.series)}: {printable(str(options.model))} is the model of "
            "one series",
            remedy="leave out --series, or name the models.sqlite of a run of `many`",
        )
    return load_model_file(options.model, trust_pickle=options.trust_pickle)


def _known_dates(origin: Origin, rows: int, name: str) -> pd.DatetimeIndex:
    """Return the dates of the rows that the model was trained on."""
    try:
        dates = pd.date_range(origin.first, periods=rows, freq=origin.calendar)
    except (ValueError, OverflowError) as exc:
        raise SavedModelInvalidError(f"{name}: its calendar: {exc}", remedy=_REMEDY) from exc
    if dates[0] != origin.first or dates[-1] != origin.last:
        raise SavedModelInvalidError(f"{name}: its values do not match its dates", remedy=_REMEDY)
    return dates


def _dates_after(known: pd.DatetimeIndex, origin: Origin, steps: int) -> pd.DatetimeIndex:
    try:
        return pd.date_range(known[-1], periods=steps + 1, freq=origin.calendar)[1:]
    except (ValueError, OverflowError) as exc:
        raise HorizonInvalidError(
            f"--horizon {steps}: so many steps ({origin.calendar}) after {dated(known[-1])} exceed "
            f"the calendar: {exc}",
            remedy="give a smaller --horizon",
        ) from exc


def _refuse_no_number(prediction: Prediction, name: str) -> None:
    for numbers in (prediction.mean, prediction.standard_error, prediction.point):
        if not np.isfinite(numbers).all():
            step = int(np.flatnonzero(~np.isfinite(numbers))[0]) + 1
            raise SavedModelInvalidError(
                f"{name}: the model produced non-finite forecasts, from step {step} on",
                remedy="give a smaller --horizon, or train again",
            )
