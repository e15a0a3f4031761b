"""Forecast one series by the default combination: values in, forecast and its reasons out.

It reads and writes no file, and shows nothing; `many` calls it once a series.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import NamedTuple

import numpy as np

from trainer.combine.choose import Chosen, find_combination
from trainer.combine.period import shown_period
from trainer.combine.team import Forecast
from trainer.combine.trials import ARIMA, Trials, combined, make_trials, mean_error
from trainer.errors import HorizonInvalidError, ValuesMissingError
from trainer.fit.order import Floats
from trainer.fit.prediction import Prediction
from trainer.members.simple import OF_LONGEST
from trainer.regressors.plan import LONGEST_ARIMA_SEASON
from trainer.saved.json_file import SavedModel
from trainer.search.found import Found

COMBINATION = "combination"
_STEPS_OF_A_DAY, _WEEK_DAYS = (24, 48, 96, 144, 288), 7
_PERIODS = (7, 12, 24, 48, 52, 96, 168, 336)  # that calendars have
_MOST_ROWS = 100_000  # more take minutes, and change no number that a forecast shows
_MOST_SEASONS = 10  # of the longest one, where these are more rows
BASELINES = ("naive", "seasonal_naive", "long_seasonal_naive", "mean", "drift")


class DemandErrors(NamedTuple):
    """Errors of a forecast of intermittent demand, each over the mean of the series' rows.

    The root of the mean square, the mean absolute error, and the mean of forecast less actual: a
    forecast of 0 often has the smallest absolute error, and a bias of -1.
    """

    rmse: float
    mae: float
    bias: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesForecast:
    """A forecast of the steps after a series, and how it came about.

    `prediction` has `point` and `bounds(level)`, each of shape (horizon,), in the data's unit.
    `weights` are those of the members by name, the heaviest first. `errors` are those from the
    origins inside the series, of the combination, its members and the baselines; empty where the
    series is too short for an origin. They are mean absolute ones; of intermittent demand, which
    has `demand`, they are roots of mean squares, as its best forecast is the mean. `skill` is
    1 - error / error of the best baseline, None without an origin or where that makes no error.
    `model` forecasts other horizons and is what `write_saved` writes.
    """

    prediction: Prediction
    weights: Mapping[str, float]
    errors: Mapping[str, float]
    demand: Mapping[str, "DemandErrors"]
    origins: int
    best_baseline: str | None
    skill: float | None
    reason: str
    intervals: str
    model: SavedModel


def forecast_series(
    values: Floats,
    *,
    season: int = 1,
    horizon: int,
    has_floor: bool = True,
    seasons: Sequence[int] = (),
) -> SeriesForecast:
    """Forecast `horizon` steps after `values`, shape (rows,), NaN for gaps; `season` 1: none known.

    `seasons` are all natural periods, the shortest (`season`) first: of hours (24, 168), which is
    also what 24 alone means, as do the steps of a day of 5, 10, 15 and 30 minutes. Those that the
    rows hold three times count, and the errors from the origins decide what each is worth. Where
    none is known, one that the steps of the values clearly show is tried; (1,) means none.

    Of more than 100,000 rows (or ten of the longest season) the last ones are used, and `reason`
    says so; `model` has the values of these alone.

    Nothing below 0 is forecast where no value is negative, unless `has_floor` is false. Every
    series with a value has a forecast: where nothing can be estimated, its last value, line or
    season goes on, and `reason` says why. Raises ValuesMissingError without a finite value, and
    HorizonInvalidError for a horizon below 1.
    """
    given = np.where(np.isfinite(values), np.asarray(values, dtype=np.float64), np.nan)
    series = given[-max(_MOST_ROWS, _MOST_SEASONS * max((season, *seasons))) :]
    if np.isnan(series).all():
        raise ValuesMissingError("the series has no value", remedy="leave it out")
    if horizon < 1:
        raise HorizonInvalidError(f"a horizon of {horizon} steps", remedy="give 1 or more")
    natural = tuple(seasons) or _natural(series, season)
    found, chosen = find_combination(
        series,
        season=natural[0] if natural[0] <= LONGEST_ARIMA_SEASON else 1,
        horizon=horizon,
        seasons=natural,
    )
    floor = 0.0 if has_floor and float(np.nanmin(series)) >= 0 else None
    model = SavedModel(
        members=tuple((member.weight, member.fitted) for member in found.members),
        values=found.values,
        columns=found.columns,
        box_cox=None,
        team=found.team,
        floor=floor,
        facts={},
    )
    prediction = model.predict(horizon)
    errors, demand = _errors(series, natural, chosen)
    best, skill = _skill(errors)
    return SeriesForecast(
        prediction=prediction,
        weights=_weights(found, chosen),
        errors=errors,
        demand=demand,
        origins=0 if chosen is None else len(chosen.trials.origins),
        best_baseline=best,
        skill=skill,
        reason=_told_rows(given, series) + found.reason,
        intervals="" if chosen is None else chosen.intervals,
        model=model,
    )


def _told_rows(given: Floats, series: Floats) -> str:
    is_whole = len(series) == len(given)
    return "" if is_whole else f"of {len(given):,} rows the last {len(series):,} are used; "


def _natural(series: Floats, season: int) -> tuple[int, ...]:
    """Return the seasons that one season means: a week beside a day, or a period that is shown."""
    if season == 1 and (shown := shown_period(series, _PERIODS)) is not None:
        return (shown,)
    return (season, _WEEK_DAYS * season) if season in _STEPS_OF_A_DAY else (season,)


def _errors(
    series: Floats, seasons: Sequence[int], chosen: Chosen | None
) -> tuple[dict[str, float], dict[str, DemandErrors]]:
    """Return the errors of the combination, its members and the baselines.

    Of intermittent demand, whose members forecast without ARIMA, also the other measures.
    """
    if chosen is None or not chosen.trials.origins:
        return {}, {}
    trials, names = chosen.trials, tuple(chosen.weights)
    baselines = _baselines(series, seasons, trials)
    whole = {COMBINATION: combined(trials, names), **trials.forecasts, **baselines.forecasts}
    is_demand = ARIMA not in names
    errors = {
        name: mean_error(trials.actuals, each, is_squared=is_demand) for name, each in whole.items()
    }
    errors = {name: error for name, error in errors.items() if error < np.inf}
    if not is_demand:
        return errors, {}
    known = series[~np.isnan(series)]
    size = fsum(known.tolist()) / len(known)
    compared = [name for name in (COMBINATION, *BASELINES) if name in errors]
    return errors, {
        name: DemandErrors(
            rmse=errors[name] / size,
            mae=mean_error(trials.actuals, whole[name]) / size,
            bias=_bias(trials.actuals, whole[name]) / size,
        )
        for name in compared
    }


def _bias(actuals: Sequence[Floats], forecasts: Sequence[Forecast | None]) -> float:
    """Return the mean of forecast less actual; NaN where nothing is known."""
    pairs = zip(actuals, forecasts, strict=True)
    errors = np.concatenate([each[0] - actual for actual, each in pairs if each is not None])
    known = errors[~np.isnan(errors)]
    return fsum(known.tolist()) / len(known) if len(known) else np.nan


def _baselines(series: Floats, seasons: Sequence[int], trials: Trials) -> Trials:
    steps = max(len(actual) for actual in trials.actuals)
    names = [name for name in BASELINES if name != OF_LONGEST or len(seasons) > 1]
    return make_trials(series, seasons[0], trials.origins, steps, names, seasons=seasons)


def _skill(errors: Mapping[str, float]) -> tuple[str | None, float | None]:
    ranked = [name for name in BASELINES if name in errors]
    best = min(ranked, key=lambda name: errors[name], default=None)
    if best is None or COMBINATION not in errors:
        return None, None
    if errors[best] == 0:
        return best, 0.0 if errors[COMBINATION] == 0 else None
    return best, 1 - errors[COMBINATION] / errors[best]


def _weights(found: Found, chosen: Chosen | None) -> dict[str, float]:
    if found.team is None or chosen is None:
        return {f"arima {found.order}": 1.0}
    named = {f"{ARIMA} {found.order}": found.team.arima}
    named |= {member.name: weight for weight, member in found.team.others}
    ordered = sorted(named.items(), key=lambda item: -item[1])
    return {name: weight for name, weight in ordered if weight > 0}
