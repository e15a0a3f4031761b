"""Rolling origins (Tashman 2000): every forecaster predicts the same windows from their past alone.

A forecaster is handed a copy of the rows before the origin, so that there is nothing else to see.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainer.errors import SeriesTooShortError, TrainerError, ValuesMissingError
from trainer.evaluation.baselines import BaselineUnavailableError
from trainer.evaluation.metrics import Scores, Trial, pool
from trainer.fit.prediction import Floats, Forecaster, Prediction
from trainer.input.data import Series

# Called after each prediction: how many are done, how many there are, and whose it was.
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Rows before `origin` are known; those from it to before `stop` are predicted."""

    origin: int
    stop: int

    @property
    def steps(self) -> int:
        """Return the number of steps ahead."""
        return self.stop - self.origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A window that a forecaster has no prediction for, and why."""

    window: Window
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What one forecaster did. A prediction is None, and is told in `failures`, where it failed.

    `scores` are pooled over the windows that it predicted, None where there is nothing to score;
    `mae_by_step` is the mean absolute error one step ahead, two steps ahead and so on.
    """

    predictions: tuple[Prediction | None, ...]
    failures: tuple[Failure, ...]
    scores: Scores | None
    mae_by_step: tuple[float | None, ...]

    @property
    def is_complete(self) -> bool:
        """Say whether it predicted every window: only then is it fair to rank it."""
        return not self.failures and self.scores is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """The windows, what came in each (NaN: not known), and each forecaster's track by its name."""

    windows: tuple[Window, ...]
    actuals: tuple[Floats, ...]
    tracks: Mapping[str, Track]


def plan_windows(
    rows: int, *, windows: int, step: int, horizon: int, fewest: int
) -> tuple[Window, ...]:
    """Return up to `windows` windows in the order of time, `step` rows apart.

    The last one ends at the last row; those that would leave less than `fewest` rows before their
    origin are dropped.
    """
    if min(windows, step, horizon, fewest) < 1:
        raise ValueError("windows, step, horizon and fewest are at least 1")
    last = rows - horizon
    if last < fewest:
        raise SeriesTooShortError(
            f"{rows} rows are too few to predict {horizon} of them from at least {fewest}",
            remedy="give a longer series, or predict fewer steps",
        )
    count = min(windows, (last - fewest) // step + 1)
    origins = (last - step * back for back in reversed(range(count)))
    return tuple(Window(origin=origin, stop=origin + horizon) for origin in origins)


def cut_series(series: Series, rows: int) -> Series:
    """Return the first rows as a series of their own, which shares no memory with the others."""
    return replace(
        series,
        dates=series.dates[:rows].copy(),
        values=series.values[:rows].copy(),
        notes=(),
    )


def run_backtest(
    series: Series,
    forecasters: Mapping[str, Forecaster],
    windows: Sequence[Window],
    progress: Progress | None = None,
) -> Backtest:
    """Let every forecaster predict every window, and score what it predicted.

    A forecaster that cannot (TrainerError, BaselineUnavailableError, no finite numbers) is told in
    its track. Any other exception is a bug and passes through.
    """
    actuals = tuple(series.values[window.origin : window.stop].copy() for window in windows)
    if all(np.isnan(actual).all() for actual in actuals):
        raise ValuesMissingError(
            "no window has a known value to score",
            remedy="hold out more rows, or give a series whose end has values",
        )
    total, done, tracks = len(windows) * len(forecasters), 0, dict[str, Track]()
    for name, forecaster in forecasters.items():
        outcomes = list[Prediction | str]()
        for window in windows:
            outcomes.append(_predict(forecaster, cut_series(series, window.origin), window.steps))
            done += 1
            if progress is not None:
                progress(done, total, name)
        tracks[name] = _track(series, windows, actuals, outcomes)
    return Backtest(windows=tuple(windows), actuals=actuals, tracks=tracks)


def _predict(forecaster: Forecaster, known: Series, steps: int) -> Prediction | str:
    """Return the prediction, or why there is none."""
    try:
        prediction = forecaster(known, steps)
    except TrainerError as exc:
        return exc.what
    except BaselineUnavailableError as exc:
        return str(exc)
    # The point of a Box-Cox prediction may be infinite: told, not warned of.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        point, spread = prediction.point, prediction.standard_error
    if point.shape != (steps,) or spread.shape != (steps,):
        return f"it has {point.size} steps instead of {steps}"
    if not (np.isfinite(point).all() and np.isfinite(spread).all() and (spread >= 0).all()):
        return "it has non-finite values"
    return prediction


def _track(
    series: Series,
    windows: Sequence[Window],
    actuals: Sequence[Floats],
    outcomes: Sequence[Prediction | str],
) -> Track:
    predictions = tuple(None if isinstance(outcome, str) else outcome for outcome in outcomes)
    trials = [
        Trial(actual=actual, prediction=prediction, train=series.values[: window.origin])
        for window, actual, prediction in zip(windows, actuals, predictions, strict=True)
        if prediction is not None
    ]
    is_scored = any(not np.isnan(trial.actual).all() for trial in trials)
    return Track(
        predictions=predictions,
        failures=tuple(
            Failure(window=window, reason=outcome)
            for window, outcome in zip(windows, outcomes, strict=True)
            if isinstance(outcome, str)
        ),
        scores=pool(trials, season=series.calendar.season) if is_scored else None,
        mae_by_step=_mae_by_step(trials, max(window.steps for window in windows)),
    )


def _mae_by_step(trials: Sequence[Trial], steps: int) -> tuple[float | None, ...]:
    sums, counts = np.zeros(steps), np.zeros(steps)
    for trial in trials:
        errors = np.abs(trial.actual - trial.prediction.point)
        known = np.flatnonzero(~np.isnan(errors))
        sums[known] += errors[known]
        counts[known] += 1
    return tuple(
        float(total / count) if count else None for total, count in zip(sums, counts, strict=True)
    )
