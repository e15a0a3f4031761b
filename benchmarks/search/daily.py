"""Simulated daily series: a weekly season, the level of a shop's sales, 14 days to hold out.

Four processes in equal shares, so that no one kind of engine is at home in all of them: a seasonal
ARIMA; fixed weekdays with a trend and short memory; a level and a weekday pattern that both wander;
and a stationary seasonal autoregression around a mean. Parameters are drawn from ranges, never from
what an engine did with them. After the draws there are only sums, products and quotients, whose
bits no processor or library changes.
"""

from collections.abc import Callable

import numpy as np

from search.simulate import Floats, arma, generator, pattern

WEEK = 7
POINTS, HELD_OUT = 200, 14
_SEED = 20261125
_LEVEL = (80.0, 150.0)


def daily_series(count: int = 200) -> Floats:
    """Return `count` series of 214 days, one a row; the first ones are the same for every count."""
    return np.array([_one_daily(number) for number in range(count)])


def trend_and_week(points: int = 760) -> Floats:
    """Return a daily series with trend, weekdays and errors that remember two days."""
    random = generator(_SEED, 1_000_001)
    errors = arma(random, points, ar=(0.45, 0.15), spread=18.0)
    weekdays = pattern(random, WEEK, 30.0)
    return _line(points, 400.0, 0.25) + np.resize(weekdays, points) + errors


def without_season(points: int = 760) -> Floats:
    """Return an ARIMA(2,1,1) of daily points."""
    random = generator(_SEED, 1_000_002)
    steps = arma(random, points, ar=(0.6, -0.3), ma=(-0.4,), spread=10.0)
    return np.asarray(1000.0 + np.cumsum(steps))


def _one_daily(number: int) -> Floats:
    """Return one series: the process by its place, all else by its own generator."""
    random = generator(_SEED, number)
    return _PROCESSES[number % len(_PROCESSES)](random)


def _seasonal_arima(random: np.random.Generator) -> Floats:
    """Return a (0,1,1)(0,1,1)[7]: days and weeks are both differenced."""
    theta, seasonal = random.uniform(-0.97, -0.8), random.uniform(-0.97, -0.85)
    length = POINTS + HELD_OUT
    shocks = random.standard_normal(length + WEEK + 1) * random.uniform(5.0, 9.0)
    # Shocks before the first value would have shaped the weeks before it, which are smooth here.
    shocks[: WEEK + 1] = 0.0
    week = random.uniform(*_LEVEL) + pattern(random, WEEK, random.uniform(6.0, 15.0))
    values = np.concatenate([week[-1:], week, np.zeros(length)])
    for t in range(WEEK + 1, len(values)):
        values[t] = (
            values[t - 1]
            + values[t - WEEK]
            - values[t - WEEK - 1]
            + shocks[t]
            + theta * shocks[t - 1]
            + seasonal * shocks[t - WEEK]
            + theta * seasonal * shocks[t - WEEK - 1]
        )
    return values[WEEK + 1 :]


def _fixed_weekdays(random: np.random.Generator) -> Floats:
    """Return weekdays that never change, a trend, and errors that remember a day."""
    length = POINTS + HELD_OUT
    line = _line(length, random.uniform(*_LEVEL), random.uniform(-0.1, 0.15))
    weekdays = np.resize(pattern(random, WEEK, random.uniform(6.0, 15.0)), length)
    memory, spread = random.uniform(0.0, 0.7), random.uniform(6.0, 12.0)
    return line + weekdays + arma(random, length, ar=(memory,), spread=spread)


def _wandering_weekdays(random: np.random.Generator) -> Floats:
    """Return a level and a weekday pattern, each on its own random walk, and noise on top."""
    length = POINTS + HELD_OUT
    level_step, pattern_step = random.uniform(0.2, 1.3), random.uniform(0.2, 1.3)
    noise = random.standard_normal(length) * random.uniform(5.0, 10.0)
    level = random.uniform(*_LEVEL) + np.cumsum(random.standard_normal(length) * level_step)
    weekdays = np.concatenate([pattern(random, WEEK, random.uniform(6.0, 15.0)), np.zeros(length)])
    steps = random.standard_normal(length) * pattern_step
    for t in range(length):
        # The newest week sums to zero but for one step: the textbook's seasonal component.
        weekdays[t + WEEK] = steps[t] - weekdays[t + 1 : t + WEEK].sum()
    return np.asarray(level + weekdays[WEEK:] + noise)


def _stationary_week(random: np.random.Generator) -> Floats:
    """Return a (1,0,0)(1,0,0)[7] with a mean."""
    memory, seasonal = random.uniform(0.1, 0.5), random.uniform(0.4, 0.9)
    lags = np.zeros(WEEK + 1)
    lags[0], lags[WEEK - 1], lags[WEEK] = memory, seasonal, -memory * seasonal
    spread = random.uniform(5.0, 9.0)
    errors = arma(random, POINTS + HELD_OUT, ar=lags, spread=spread)
    return np.asarray(random.uniform(*_LEVEL) + errors, dtype=np.float64)


_PROCESSES: tuple[Callable[[np.random.Generator], Floats], ...] = (
    _seasonal_arima,
    _fixed_weekdays,
    _wandering_weekdays,
    _stationary_week,
)


def _line(length: int, level: float, slope: float) -> Floats:
    return np.asarray(level + slope * np.arange(length), dtype=np.float64)
