"""Fifty mixed series: thirty simulated, twenty that ship inside pmdarima and statsmodels.

Only data sets inside the packages: those that a package would fetch are not here. Of the long ones
the last 300 to 400 points are used.
"""

import numpy as np

from search.protocol import Task
from search.simulate import Floats, arma, generator, multiplied, pattern, polynomial, summed

_SEED = 20261126
_HORIZON = 12
_EACH = 6
# Season, and the lengths that its series are drawn from.
_SHAPES = ((1, 60, 500), (4, 60, 240), (7, 80, 500), (12, 72, 360), (24, 150, 300))


def mixed_series() -> list[Task]:
    """Return the fifty, in an order in which any first part of them is mixed."""
    simulated, shipped = simulated_series(), shipped_series()
    ordered = []
    while simulated or shipped:
        ordered += simulated[:3] + shipped[:2]
        simulated, shipped = simulated[3:], shipped[2:]
    return ordered


def simulated_series() -> list[Task]:
    """Return six series of each season: five of random orders, one fixed season with a trend."""
    tasks: list[Task] = []
    for number in range(_EACH):
        for season, shortest, longest in _SHAPES:
            random = generator(_SEED, len(tasks))
            length = int(random.integers(shortest, longest + 1))
            last = number == _EACH - 1
            make = _fixed_season if last else _random_arima
            values = make(random, length, season)
            tasks.append(_task(f"simulated-{season}-{number + 1}", values, season))
    return tasks


def _random_arima(random: np.random.Generator, length: int, season: int) -> Floats:
    """Return a random order with random partial autocorrelations, summed up as often as it says."""
    p, q = int(random.integers(0, 3)), int(random.integers(0, 3))
    d = int(random.integers(0, 2))
    ar, ma = polynomial(random.uniform(-0.8, 0.8, p)), polynomial(random.uniform(-0.8, 0.8, q))
    seasonal_d = 0
    if season > 1:
        seasonal_p, seasonal_q = int(random.integers(0, 2)), int(random.integers(0, 2))
        seasonal_d = int(random.integers(0, 2))
        ar = multiplied(ar, random.uniform(0.2, 0.9, seasonal_p), season)
        ma = multiplied(ma, random.uniform(0.2, 0.9, seasonal_q), season)
    stationary = arma(random, length, ar=ar, ma=-ma, spread=10.0)
    return 1000.0 + summed(stationary, d, seasonal_d, season)


def _fixed_season(random: np.random.Generator, length: int, season: int) -> Floats:
    """Return a trend, a season that never changes, and errors that remember one step."""
    line = 1000.0 + random.uniform(-0.5, 0.5) * np.arange(length)
    places = np.resize(pattern(random, season, 15.0), length)
    return line + places + arma(random, length, ar=(random.uniform(0.0, 0.7),), spread=10.0)


def shipped_series() -> list[Task]:
    """Return the twenty series of pmdarima and statsmodels."""
    return _of_pmdarima() + _of_statsmodels()


def _of_pmdarima() -> list[Task]:
    from pmdarima import datasets  # noqa: PLC0415 - takes seconds, and engines do without

    close = datasets.load_msft()["Close"].to_numpy(dtype=np.float64)
    return [
        _task("airpassengers", datasets.load_airpassengers(), 12),
        _task("heartrate", datasets.load_heartrate(), 1),
        _task("ausbeer", datasets.load_ausbeer()[:-1], 4),  # its last value is missing
        _task("lynx", datasets.load_lynx(), 1),
        _task("wineind", datasets.load_wineind(), 12),
        _task("austres", datasets.load_austres(), 4),
        _task("woolyrnq", datasets.load_woolyrnq(), 4),
        _task("msft", close[-300:], 1),
        _task("sunspots-monthly", datasets.load_sunspots()[-360:], 12),
        _task("taylor-hourly", datasets.load_taylor()[::2][-300:], 24),
    ]


def _of_statsmodels() -> list[Task]:
    from statsmodels import datasets  # noqa: PLC0415 - takes seconds, and engines do without

    macro = datasets.macrodata.load_pandas().data
    money = datasets.interest_inflation.load_pandas().data
    months = datasets.elnino.load_pandas().data.drop(columns="YEAR").to_numpy().ravel()
    carbon = datasets.co2.load_pandas().data["co2"].resample("MS").mean()
    return [
        _task("nile", datasets.nile.load_pandas().data["volume"], 1),
        _task("real-gdp", macro["realgdp"], 4),
        _task("elnino", months[-360:], 12),
        _task("sunspots-yearly", datasets.sunspots.load_pandas().data["SUNACTIVITY"], 1),
        _task("unemployment", macro["unemp"], 4),
        _task("inflation", macro["infl"], 1),
        _task("co2", carbon.interpolate()[-300:], 12),
        _task("treasury-bills", macro["tbilrate"], 1),
        _task("german-prices", money["Dp"], 4),
        _task("german-rates", money["R"], 4),
    ]


def _task(name: str, values: object, season: int) -> Task:
    numbers = np.asarray(values, dtype=np.float64).tolist()
    return Task(name=name, values=tuple(numbers), season=season, horizon=_HORIZON)
