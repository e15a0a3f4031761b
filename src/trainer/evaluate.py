"""How good a forecast of the holdout was: RMSE, MAE, R2, and the same for a naive forecast."""

from dataclasses import dataclass

import numpy as np

from trainer.errors import ValuesMissingError
from trainer.likelihood import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Errors over the holdout's known values. R2 is None where those never change."""

    rmse: float
    mae: float
    r2: float | None
    scored: int


def score(actual: Floats, predicted: Floats) -> Scores:
    """Compare a forecast with the holdout; rows without a value are not scored."""
    known = ~np.isnan(actual)
    if not known.any():
        raise ValuesMissingError(
            "the holdout has no value at all", remedy="hold out more rows with --holdout"
        )
    errors = actual[known] - predicted[known]
    spread = float(np.sum((actual[known] - actual[known].mean()) ** 2))
    return Scores(
        rmse=float(np.sqrt(np.mean(errors**2))),
        mae=float(np.mean(np.abs(errors))),
        r2=1 - float(np.sum(errors**2)) / spread if spread > 0 else None,
        scored=int(known.sum()),
    )


def naive_forecast(train: Floats, steps: int, season: int) -> Floats:
    """Repeat the last season, or the last value where there is none: what a model has to beat."""
    period = season if 1 < season <= len(train) else 1
    return np.resize(train[-period:], steps)
