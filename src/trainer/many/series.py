"""One series of a table: its rows to a result. Whatever is wrong with it is said in its result."""

import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from time import process_time
from typing import Any, Literal

import numpy as np

from trainer.combine.series import COMBINATION, SeriesForecast, forecast_series
from trainer.errors import TrainerError
from trainer.fit.order import Floats
from trainer.fit.prediction import Prediction
from trainer.input.frequency import calendar_of, find_grid, natural_seasons, seasoned
from trainer.input.grid import DAY_US, SECOND_US, Grid
from trainer.input.records import Places
from trainer.kernel.library import NO_COLUMNS
from trainer.record import versions
from trainer.regressors.plan import Plan
from trainer.saved.json_file import SavedModel, write_saved
from trainer.search.simplest import simplest

LEVELS = (0.80, 0.95)
_NUMBERS = 1 + 2 * len(LEVELS)
_STEPS_WITHOUT_SEASON = 6
_NO_REGRESSORS = asdict(Plan())
_SHORT = 8  # rows, of which the dates alone do not show the calendar: three weekdays are also days
_LATEST_US = 253_402_300_799_999_999  # 9999-12-31

DAILY = Grid(code="D", name="daily", unit="time", step=DAY_US)

Status = Literal["ok", "failed", "crashed", "unusable"]
STATUSES: tuple[Status, ...] = ("ok", "failed", "crashed", "unusable")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for every series of a table.

    `horizon` None means one season, or six steps where there is none. `usual` is the calendar of
    most series, for those that are too short to show their own. With `sums_days` rows are added up
    by day, from a series' first row to `last_day` (microseconds since 1970).
    """

    horizon: int | None
    has_floor: bool
    sums_days: bool
    last_day: int | None
    usual: Grid | None
    date_column: str
    value_column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The rows of a series by date: microseconds since 1970 and values, both of shape (rows,).

    `problem` says why they cannot be used; None if they can.
    """

    name: str
    dates: Places
    values: Floats
    problem: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a series.

    `status` is "ok"; "failed" or "crashed" where the simplest forecast stands in for that of the
    members; or "unusable" where the rows allow none. `dates` are microseconds, shape (steps,);
    `numbers` are mean, lo80, hi80, lo95 and hi95, shape (5, steps). `model` is the packed saved
    model, empty without one. Errors are those from the origins inside the series, as of a
    `SeriesForecast`; `errors` has those of the combination, its members and the baselines, and
    `demand` the scaled ones (RMSE, MAE, bias) of intermittent demand.
    """

    name: str
    status: Status
    reason: str
    dates: Places
    numbers: Floats
    model: bytes
    seconds: float
    members: Mapping[str, float] = field(default_factory=dict)
    origins: int = 0
    error: float | None = None
    best_baseline: str | None = None
    baseline_error: float | None = None
    skill: float | None = None
    rows: int = 0
    first: int | None = None
    last: int | None = None
    calendar: str | None = None
    season: int | None = None
    errors: Mapping[str, float] = field(default_factory=dict)
    demand: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def measure(self) -> str:
        """Return the short name of the measure that the errors are of."""
        return "RMSE" if self.demand else "MAE"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Even:
    """A series on its calendar, NaN where a value is missing; the first and the last are known."""

    grid: Grid
    season: int
    seasons: tuple[int, ...]
    places: Places
    values: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forecast:
    """A forecast and its model; without one, the reason. The fields are those of a result."""

    status: Status
    reason: str
    dates: Places = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    numbers: Floats = field(default_factory=lambda: np.zeros((_NUMBERS, 0)))
    model: SavedModel | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)


class _UnusableError(Exception):
    """The rows allow no forecast."""


def forecast_one(given: Given, rules: Rules, *, has_crashed: bool = False) -> Result:
    """Return the result of a series. Raises nothing that is the series' own fault.

    `has_crashed` says that its fit ended a process: it gets the simplest forecast.
    """
    started = process_time()
    try:
        even = _even(given, rules)
    except _UnusableError as exc:
        return _without_forecast(given, str(exc), process_time() - started)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = _forecast(even, rules, has_crashed=has_crashed)
        packed = b"" if found.model is None else _packed(found.model, given.name, even, rules)
    first, last = even.grid.dates(even.places[[0, -1]]).tolist()
    return Result(
        name=given.name,
        status=found.status,
        reason=found.reason,
        dates=found.dates,
        numbers=found.numbers,
        model=packed,
        seconds=process_time() - started,
        rows=len(even.values),
        first=first,
        last=last,
        calendar=even.grid.code,
        season=even.season,
        **found.figures,
    )


def rows_shown(given: Given, rules: Rules) -> tuple[Places, Floats]:
    """Return dates and values as they were worked, or as given where they cannot be used."""
    try:
        even = _even(given, rules)
    except _UnusableError:
        return given.dates, given.values
    return even.grid.dates(even.places), even.values


def _forecast(even: _Even, rules: Rules, *, has_crashed: bool) -> _Forecast:
    """Return the forecast of the combination, else of the simplest model, else of none."""
    steps = rules.horizon or (even.season if even.season > 1 else _STEPS_WITHOUT_SEASON)
    dates = even.grid.dates(int(even.places[-1]) + np.arange(1, steps + 1, dtype=np.int64))
    if dates[-1] > _LATEST_US:
        return _Forecast(status="failed", reason=f"{steps} steps lead past the year 9999")
    if has_crashed:
        return _stand_in(even, rules, dates, "crashed", "the process that fitted it ended")
    try:
        found = forecast_series(
            even.values,
            season=even.season,
            seasons=even.seasons,
            horizon=steps,
            has_floor=rules.has_floor,
        )
        return _Forecast(
            status="ok",
            reason=found.reason,
            dates=dates,
            numbers=_numbers(found.prediction),
            model=found.model,
            figures=_figures(found),
        )
    except Exception as exc:  # noqa: BLE001 - one series never stops the others
        what = exc.what if isinstance(exc, TrainerError) else f"{type(exc).__name__}: {exc}"
        return _stand_in(even, rules, dates, "failed", what)


def _even(given: Given, rules: Rules) -> _Even:
    """Return the series on its calendar. Raises _UnusableError."""
    if given.problem is not None:
        raise _UnusableError(given.problem)
    dates, values = given.dates, given.values
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        raise _UnusableError("the series has no value")
    dates, values = dates[known[0] : known[-1] + 1], values[known[0] : known[-1] + 1]
    grid = _grid(dates, rules)
    places = grid.places(dates)
    if places is None:
        raise _UnusableError("the series has one date, which is not on the other series' calendar")
    whole = np.full(int(places[-1] - places[0]) + 1, np.nan)
    whole[places - places[0]] = values
    calendar = seasoned(calendar_of(grid), len(whole))
    return _Even(
        grid=grid,
        season=calendar.season,
        seasons=natural_seasons(calendar) if calendar.season > 1 else (),
        places=np.arange(places[0], places[-1] + 1),
        values=whole,
    )


def _grid(dates: Places, rules: Rules) -> Grid:
    usual = rules.usual
    if rules.sums_days:
        return DAILY
    if usual is not None and len(dates) < _SHORT:
        places = usual.places(dates)
        if places is not None and len(dates) >= (int(places[-1] - places[0]) + 1) / 2:
            return usual
    found = find_grid(dates)
    if usual is not None and len(dates) == 1:
        is_time = usual.unit == "time"
        found = replace(usual, phase=int(dates[0]) % usual.step) if is_time else usual
    if found is None:
        raise _UnusableError(
            "the series has one date, and no other series shows the step of time"
            if len(dates) == 1
            else f"its {len(dates)} dates follow no calendar, or most of its dates are missing"
        )
    return found


def _numbers(prediction: Prediction) -> Floats:
    """Return mean, lo80, hi80, lo95 and hi95. Raises ArithmeticError where one is not finite."""
    bounds = [bound for level in LEVELS for bound in prediction.bounds(level)]
    numbers = np.stack([prediction.point, *bounds])
    if not np.isfinite(numbers).all():
        raise ArithmeticError("the forecast is not finite")
    return numbers


def _figures(found: SeriesForecast) -> dict[str, Any]:
    best = found.best_baseline
    return {
        "members": dict(found.weights),
        "origins": found.origins,
        "error": found.errors.get(COMBINATION),
        "best_baseline": best,
        "baseline_error": None if best is None else found.errors.get(best),
        "skill": found.skill,
        "errors": dict(found.errors),
        "demand": {name: list(each) for name, each in found.demand.items()},
    }


def _stand_in(even: _Even, rules: Rules, dates: Places, status: Status, why: str) -> _Forecast:
    """Return the simplest forecast, for a series whose own could not be made."""
    try:
        found = simplest(even.values, even.season, "instead")
        model = SavedModel(
            members=tuple((member.weight, member.fitted) for member in found.members),
            values=even.values,
            columns=NO_COLUMNS,
            box_cox=None,
            floor=0.0 if rules.has_floor and float(np.nanmin(even.values)) >= 0 else None,
            facts={},
        )
        numbers = _numbers(model.predict(len(dates)))
    except Exception as exc:  # noqa: BLE001 - the same
        return _Forecast(status=status, reason=f"{why}; nor by the simplest model: {exc}")
    reason = f"{why}; {found.reason}"
    return _Forecast(status=status, reason=reason, dates=dates, numbers=numbers, model=model)


def _packed(model: SavedModel, name: str, even: _Even, rules: Rules) -> bytes:
    """Return the saved model with what `predict` needs to know, sealed and packed."""
    first, last = even.grid.dates(even.places[[-len(model.values), -1]])
    facts = {
        "model_name": name,
        "value_column": rules.value_column,
        "date_column": rules.date_column,
        "calendar": even.grid.code,
        "season": even.season,
        "first_date": dated(first),
        "last_date": dated(last),
        "regressor_names": [],
        "given_regressors": [],
        "calendar_regressors": _NO_REGRESSORS,
        "versions": _versions(),
    }
    return zlib.compress(write_saved(replace(model, facts=facts)))


_VERSIONS = dict[str, str | None]()


def _versions() -> dict[str, str | None]:
    """Return the versions, which are looked up once a process: that reads many files."""
    if not _VERSIONS:
        _VERSIONS.update(versions())
    return _VERSIONS


def dated(date: int) -> str:
    """Return microseconds since 1970 as ISO 8601, without the time where it is midnight."""
    unit = "D" if date % DAY_US == 0 else "s" if date % SECOND_US == 0 else "us"
    return str(np.datetime64(int(date), "us").astype(f"datetime64[{unit}]"))


def _without_forecast(given: Given, why: str, seconds: float) -> Result:
    return Result(
        name=given.name,
        status="unusable",
        reason=why,
        dates=np.zeros(0, dtype=np.int64),
        numbers=np.zeros((_NUMBERS, 0)),
        model=b"",
        seconds=seconds,
        rows=len(given.values),
    )
