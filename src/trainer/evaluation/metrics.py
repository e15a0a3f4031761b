"""How far predictions were from what came: errors, scaled errors, and the worth of the intervals.

`docs/reference/evaluation.md` lists each formula and its source. A number that is not defined is
None: never a NaN, never a stand-in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, pi, sqrt
from statistics import NormalDist

import numpy as np

from trainer.errors import ModelNotFittedError, ValuesMissingError
from trainer.fit.prediction import Floats, Prediction

_QUANTILES = 99
_ROUNDING = 1e-14
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Errors over the rows whose value is known. Coverage is a share, sMAPE in percent."""

    rmse: float
    mae: float
    smape: float | None
    mase: float | None
    rmsse: float | None
    r2: float | None
    coverage_80: float
    coverage_95: float
    width_80: float | None
    width_95: float | None
    crps: float | None
    scored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One prediction, what came instead (NaN: not known), and the values that it was made from."""

    actual: Floats
    prediction: Prediction
    train: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The known rows of one trial."""

    actual: Floats
    errors: Floats
    symmetric: Floats
    crps: Floats
    is_inside: dict[int, Floats]
    width: dict[int, Floats]
    absolute_scale: float | None
    squared_scale: float | None


def score(actual: Floats, prediction: Prediction, *, train: Floats, season: int) -> Scores:
    """Compare a prediction with what came; rows without a value are not scored."""
    return pool([Trial(actual=actual, prediction=prediction, train=train)], season=season)


def pool(trials: Sequence[Trial], *, season: int) -> Scores:
    """Return the scores over several predictions.

    Every row counts once, but in what is scaled by the training part or by the mean of what came:
    MASE and RMSSE are means over the trials that define them, as competitions average over series,
    and R2 measures each row against the mean of its own trial. One trial alone gives its own
    scores.
    """
    parts = [_known_rows(trial, season) for trial in trials if not np.isnan(trial.actual).all()]
    if not parts:
        raise ValuesMissingError(
            "the rows to score have no values", remedy="hold out more rows with --holdout"
        )
    errors = np.concatenate([part.errors for part in parts])
    return Scores(
        rmse=float(np.sqrt(np.mean(errors**2))),
        mae=float(np.mean(np.abs(errors))),
        smape=_mean([part.symmetric for part in parts]),
        mase=_mean_of_defined([_mase(part) for part in parts]),
        rmsse=_mean_of_defined([_rmsse(part) for part in parts]),
        r2=_r2(parts),
        coverage_80=float(np.concatenate([part.is_inside[80] for part in parts]).mean()),
        coverage_95=float(np.concatenate([part.is_inside[95] for part in parts]).mean()),
        width_80=_mean([part.width[80] for part in parts]),
        width_95=_mean([part.width[95] for part in parts]),
        crps=_mean([part.crps for part in parts]),
        scored=len(errors),
    )


def _known_rows(trial: Trial, season: int) -> _Rows:
    actual, prediction = trial.actual, trial.prediction
    known = ~np.isnan(actual)
    # A Box-Cox quantile may be infinite: its width is then not defined, and no warning is needed.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        point = prediction.point
        bounds = {level: prediction.bounds(level / 100) for level in (80, 95)}
        crps = _crps(actual, prediction)
        size = np.abs(actual) + np.abs(point)
        symmetric = 200 * np.abs(actual - point) / size
    if not (np.isfinite(point) & np.isfinite(prediction.standard_error))[known].all():
        raise ModelNotFittedError(
            "the model produced non-finite forecasts",
            remedy="choose another order, or predict without --box_cox",
        )
    return _Rows(
        actual=actual[known],
        errors=(actual - point)[known],
        symmetric=symmetric[known],
        crps=crps[known],
        is_inside={
            level: ((low <= actual) & (actual <= high))[known].astype(np.float64)
            for level, (low, high) in bounds.items()
        },
        width={level: (high - low)[known] for level, (low, high) in bounds.items()},
        absolute_scale=_scale(trial.train, season, power=1),
        squared_scale=_scale(trial.train, season, power=2),
    )


def _scale(train: Floats, season: int, *, power: int) -> float | None:
    """Return the mean size of the seasonal naive forecast's errors inside the training part.

    None where they are no more than the rounding of the values: nothing is measured by that.
    """
    steps = train[season:] - train[:-season]
    sizes = np.abs(steps[~np.isnan(steps)])
    if not len(sizes) or float(sizes.max()) <= _ROUNDING * float(np.nanmax(np.abs(train))):
        return None
    return float(np.mean(sizes**power))


def _mase(part: _Rows) -> float | None:
    if part.absolute_scale is None:
        return None
    return float(np.mean(np.abs(part.errors))) / part.absolute_scale


def _rmsse(part: _Rows) -> float | None:
    if part.squared_scale is None:
        return None
    return sqrt(float(np.mean(part.errors**2)) / part.squared_scale)


def _r2(parts: Sequence[_Rows]) -> float | None:
    # The mean of equal values may differ from them in the last digit, and so may the values.
    changing = [
        part.actual
        for part in parts
        if np.ptp(part.actual) > _ROUNDING * float(np.max(np.abs(part.actual)))
    ]
    spread = sum(float(np.sum((actual - actual.mean()) ** 2)) for actual in changing)
    if spread == 0:
        return None
    return 1 - sum(float(np.sum(part.errors**2)) for part in parts) / spread


def _crps(actual: Floats, prediction: Prediction) -> Floats:
    """Return the continuous ranked probability score of each row, in the data's unit."""
    if prediction.box_cox is not None:
        losses = np.zeros(len(actual))
        for place in range(1, _QUANTILES + 1):
            probability = place / (_QUANTILES + 1)
            above = actual - prediction.quantile(probability)
            losses += np.maximum(probability * above, (probability - 1) * above)
        return 2 * losses / _QUANTILES
    distance, spread = actual - prediction.mean, prediction.standard_error
    deviations = np.divide(distance, spread, out=np.zeros(len(actual)), where=spread > 0)
    cumulated = np.array([_NORMAL.cdf(value) for value in deviations])
    density = np.array([_NORMAL.pdf(value) for value in deviations])
    closed = distance * (2 * cumulated - 1) + spread * (2 * density - 1 / sqrt(pi))
    return np.where(spread > 0, closed, np.abs(distance))


def _mean(values: Sequence[Floats]) -> float | None:
    mean = float(np.concatenate(values).mean())
    return mean if isfinite(mean) else None


def _mean_of_defined(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None
