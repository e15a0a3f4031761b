"""The training program: a CSV of dates and numbers to an ARIMA model, its figures and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    import pandas as pd

    from trainer.saved.load import LoadedModel

__version__ = "0.1.0"


def load(path: str | os.PathLike[str], *, trust_pickle: bool = False) -> LoadedModel:
    """Return the model in a run's models/arima_model.json, ready to `predict(steps)`.

    Of a .pkl the JSON beside it is used; with `trust_pickle` the pickle is opened, and `.library`
    is the library's own object. Raises the errors of `trainer.saved.load`. Importing this package
    loads nothing: this does.
    """
    from trainer.saved.load import load_model_file  # noqa: PLC0415 - see above

    return load_model_file(path, trust_pickle=trust_pickle)


def forecast(
    frame: pd.DataFrame,
    *,
    horizon: int | None = None,
    processes: int = 1,
    has_floor: bool = True,
) -> pd.DataFrame:
    """Return the forecasts of every series in a frame with the columns unique_id, ds and y.

    The columns of the result are unique_id, ds, mean, lo80, hi80, lo95 and hi95, in the unit of y,
    by name and date. `horizon` None means a season of each series, or 6 steps without one. A series
    that has only the simplest forecast, or none, is in `.attrs["notes"]` with the reason. More
    `processes` are worth their start from hundreds of series on; a script that asks for them needs
    `if __name__ == "__main__":`. Raises ColumnMissingError, RowsInvalidError, DatesIrregularError,
    HorizonInvalidError, and TooManyFailuresError where no series can be forecast.
    """
    from trainer.many.frame import forecast_frame  # noqa: PLC0415 - see `load`

    return forecast_frame(frame, horizon=horizon, processes=processes, has_floor=has_floor)
