"""Which seasons a run has: those of `--season` or the calendar, of ARIMA and of other members."""

from dataclasses import replace

from trainer.input.data import Loaded, Series, Split
from trainer.input.frequency import FEWEST_REPEATS
from trainer.regressors.plan import LONGEST_ARIMA_SEASON, Plan, plan_seasons
from trainer.settings import Settings

_CHEAP_SEASON = 24


def with_seasons(settings: Settings, loaded: Loaded) -> Loaded:
    """Return the series with the seasons of `--season` in the place of the calendar's."""
    if settings.seasons is None:
        return loaded
    seasons = settings.seasons
    calendar = replace(loaded.series.calendar, season=(seasons or (1,))[0], seasons=seasons)
    return replace(loaded, series=replace(loaded.series, calendar=calendar))


def with_waves(
    settings: Settings, series: Series, split: Split
) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings with Fourier terms for seasons that a single ARIMA model cannot have.

    A combination has a member for them that costs a hundredth as much and forecasts better.
    """
    rows = len(split.train.values)
    held = [season for season in series.calendar.seasons if rows >= FEWEST_REPEATS * season]
    is_single = settings.select != "combination" or not are_seasons(settings)
    if settings.order is not None or settings.engine != "kernel" or not is_single:
        return settings, ()
    if settings.seasons is None and series.calendar.season <= _CHEAP_SEASON:
        held = held[:1]  # of hours the day, in the model: a week beside it costs four times as much
    plan = plan_seasons(settings.calendar, held)
    if plan == settings.calendar:
        return settings, ()
    pairs = ", ".join(f"{period:g} steps ({count} pairs)" for period, count in plan.fourier)
    return replace(settings, calendar=plan), (f"seasons by Fourier terms: {pairs}",)


def season_of_arima(settings: Settings, series: Series) -> int:
    """Return the shortest season, or 1 where it is too long for a combination's search."""
    season = series.calendar.season
    is_searched = settings.order is None and settings.select == "combination"
    return 1 if is_searched and season > LONGEST_ARIMA_SEASON else season


def are_seasons(settings: Settings) -> bool:
    """Return whether the regressors stand for seasons alone, which other members see too."""
    return settings.calendar == Plan(fourier=settings.calendar.fourier) and not settings.regressors
