"""Forecasts that a model has to beat: four that need no model, ETS, and statsmodels' Theta.

Each sees known values alone and says how sure it is. None falls back to another one: what cannot
be computed for a series raises BaselineUnavailableError and is left out.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from trainer.fit.prediction import Floats, Forecaster, Prediction
from trainer.input.data import Series, fill_missing
from trainer.interruption import held_back
from trainer.members.kinds import fit, run
from trainer.members.member import MemberUnavailableError

_CONSTANT = 1e-14
_NEAR_ZERO = 0.01
_LIBRARY_FAILURES = (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError)


class BaselineUnavailableError(Exception):
    """A baseline cannot be computed for this series; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scaled:
    """The series without gaps, less `centre`, in units of `scale`; neither changes a forecast."""

    values: Floats
    centre: float
    scale: float

    def restored(self, mean: Floats, standard_error: Floats) -> Prediction:
        """Return the prediction in the data's unit."""
        if not (np.isfinite(mean).all() and np.isfinite(standard_error).all()):
            raise BaselineUnavailableError("the library produced non-finite forecasts")
        return Prediction(
            mean=mean * self.scale + self.centre, standard_error=standard_error * self.scale
        )


def naive(series: Series, steps: int) -> Prediction:
    """Repeat the last known value; its error grows like a random walk's."""
    return _random_walks(series.values, 1, steps)


def seasonal_naive(series: Series, steps: int) -> Prediction:
    """Repeat the last season; its error grows with the number of seasons."""
    season = series.calendar.season
    if season == 1:
        raise BaselineUnavailableError("the calendar has no season: it would be the naive forecast")
    return _random_walks(series.values, season, steps)


def long_seasonal_naive(series: Series, steps: int) -> Prediction:
    """Repeat the last of the longest natural season: of hours, the same hour last week."""
    seasons = series.calendar.seasons
    if len(seasons) < 2:  # noqa: PLR2004 - a longer one beside the season
        raise BaselineUnavailableError("the calendar has no second season")
    return _random_walks(series.values, seasons[-1], steps)


def season_mean(series: Series, steps: int) -> Prediction:
    """Return the mean at each position of the season (the weekday's mean; else of all values)."""
    values, season = series.values, series.calendar.season
    known = np.flatnonzero(~np.isnan(values))
    position = known % season
    counts = np.bincount(position, minlength=season)
    if not counts.all():
        raise BaselineUnavailableError("some position of the season has no known value")
    if len(known) == season:
        raise BaselineUnavailableError("the series is not longer than one season")
    means = np.bincount(position, weights=values[known], minlength=season) / counts
    errors = values[known] - means[position]
    variance = float(np.sum(errors**2)) / (len(known) - season)
    ahead = (len(values) + np.arange(steps)) % season
    return Prediction(mean=means[ahead], standard_error=np.sqrt(variance * (1 + 1 / counts[ahead])))


def ets(series: Series, steps: int) -> Prediction:
    """Return the forecast of the form of exponential smoothing that has the lowest AICc."""
    # A level without which nothing would multiply is taken out: beside it all changes are rounding.
    data = _scaled(series.values, is_centred=not _is_far_from_zero(series.values))
    try:
        member = fit("ets", data.values, series.calendar.season)
        ahead = run(member, data.values, steps)
    except MemberUnavailableError as exc:
        raise BaselineUnavailableError(str(exc)) from exc
    return data.restored(ahead.mean, ahead.standard_error)


def theta(series: Series, steps: int) -> Prediction:
    """Return the Theta forecast of two lines, seasonally adjusted where a test finds a season.

    The spread is that of its own errors one step ahead, and grows as simple exponential smoothing's
    does (Hyndman and Billah 2003). statsmodels' own takes the season for noise, and grows by
    1 + (1 - alpha)² a step where its model implies alpha².
    """
    with held_back():
        from statsmodels.tsa.forecasting.theta import ThetaModel  # noqa: PLC0415 - takes a second

    season = series.calendar.season
    data = _scaled(series.values, is_centred=not _is_far_from_zero(series.values))
    is_seasonal = 1 < season <= len(data.values) // 2
    with _quietly():
        try:
            period = season if is_seasonal else None
            found = ThetaModel(data.values, period=period, deseasonalize=is_seasonal).fit()
            point = np.asarray(found.forecast(steps), dtype=np.float64)
            pattern = found.forecast_components(max(steps, season)).seasonal.to_numpy()
        except _LIBRARY_FAILURES as exc:
            raise BaselineUnavailableError(f"statsmodels: {exc}") from exc
        is_multiplied = is_seasonal and found.model.method.startswith("mul")
        slope, alpha = (float(number) for number in found.params)
        past = pattern[np.arange(-len(data.values), 0) % season]
        adjusted = data.values / past if is_multiplied else data.values - past * is_seasonal
        errors = _theta_errors(adjusted, slope, alpha)
        spread = np.sqrt(np.mean(errors**2) * (1 + np.arange(steps) * alpha**2))
        return data.restored(point, spread * pattern[:steps] if is_multiplied else spread)


BASELINES: Mapping[str, Forecaster] = MappingProxyType(
    {
        "naive": naive,
        "seasonal_naive": seasonal_naive,
        "long_seasonal_naive": long_seasonal_naive,
        "season_mean": season_mean,
        "ets": ets,
        "theta": theta,
    }
)


def baselines_of(series: Series) -> dict[str, Forecaster]:
    """Return the baselines that the calendar of a series has, whatever its values allow."""
    has_two = len(series.calendar.seasons) > 1
    return {n: each for n, each in BASELINES.items() if has_two or n != "long_seasonal_naive"}


# How the baselines are called in sentences and tables.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "naive": "the naive forecast",
        "seasonal_naive": "the seasonal naive forecast",
        "long_seasonal_naive": "the seasonal naive forecast of the longest season",
        "season_mean": "the season mean",
        "ets": "ETS",
        "theta": "Theta",
    }
)


def _random_walks(values: Floats, period: int, steps: int) -> Prediction:
    """Predict each position of the period by its last known value.

    Between known values, and on from the last one, the variance grows by the same amount a period:
    a gap makes a forecast less sure, and is not filled.
    """
    last = np.full(period, -1)
    squares = []
    for place in np.flatnonzero(~np.isnan(values)):
        before = last[place % period]
        if before >= 0:
            squares.append((values[place] - values[before]) ** 2 * period / (place - before))
        last[place % period] = place
    if (last < 0).any():
        raise BaselineUnavailableError("some position of the season has no known value")
    if not squares:
        raise BaselineUnavailableError("fewer than two known values to estimate its error")
    ahead = len(values) + np.arange(steps)
    origin = last[ahead % period]
    return Prediction(
        mean=values[origin],
        standard_error=np.sqrt(np.mean(squares) * (ahead - origin) / period),
    )


def _scaled(values: Floats, *, is_centred: bool) -> _Scaled:
    """Return the filled values in units of their spread: the library's tolerances know no unit.

    The scale is the same with a centre and without, so criteria of both can be compared.
    """
    filled = fill_missing(values)
    spread = float(filled.std())
    if spread <= _CONSTANT * float(np.max(np.abs(filled))):
        raise BaselineUnavailableError("the series never changes")
    centre = float(filled.mean()) if is_centred else 0.0
    scale = float(2.0 ** np.round(np.log2(spread)))
    return _Scaled(values=(filled - centre) / scale, centre=centre, scale=scale)


def _is_far_from_zero(values: Floats) -> bool:
    """Say whether a season can multiply: all values are positive, and none nearly zero."""
    known = values[~np.isnan(values)]
    is_visible = float(known.std()) > _NEAR_ZERO * float(known.mean())
    return bool(known.min() > _NEAR_ZERO * abs(float(known.mean()))) and is_visible


def _theta_errors(adjusted: Floats, slope: float, alpha: float) -> Floats:
    """Return the errors one step ahead: simple exponential smoothing, and half the trend line."""
    errors = np.empty(len(adjusted) - 1)
    level = adjusted[0]
    for place, value in enumerate(adjusted[1:]):
        level += alpha * (adjusted[place] - level)
        reach = (1 - (1 - alpha) ** (place + 1)) / alpha if alpha > 0 else 0.0
        errors[place] = value - level - slope * reach / 2
    return errors


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what the libraries warn of from the terminal: a fit that fails is left out anyway."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
