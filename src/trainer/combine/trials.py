"""What each forecaster says from several origins inside a series, and how wrong it was.

Nothing here sees a value after an origin: the order of ARIMA, the form of exponential smoothing and
all starting values come from the rows before the first origin, and are fitted again at later ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, sqrt

import numpy as np

from trainer.combine.team import Forecast, joined
from trainer.errors import TrainerError
from trainer.fit.fitting import Data, Fitted, Likelihood, fit, predict, predict_means
from trainer.fit.order import Floats
from trainer.kernel.library import NO_COLUMNS
from trainer.members import kinds
from trainer.members.member import Member, MemberUnavailableError
from trainer.regressors.plan import LONGEST_ARIMA_SEASON
from trainer.search.find import find_model

ARIMA = "arima"
FEWEST_ORIGINS = 3
_ROUGH = 1e-3
_MOST_REFITS = 8
LONG = 24  # from this season on its positions are too many for ETS, and `cycles` joins
_REJECTED = 1.5  # times the error of the best member
# The same where the best one knows the longest season: of those that do not, and that do.
_BLIND_REJECTED, _SEEING_REJECTED = 1.1, 2.0
_SEEING = ("cycles", "long_seasonal_naive", "seasonal_mean")
_EQUAL = 3.0  # equal weights count as much as so many origins


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Forecasts of each name from each origin (None: it had none), and what came.

    `blind` are the names that do not know the longest season, where that is one of several and of
    24 steps or more, or longer than one that ARIMA has.
    """

    origins: tuple[int, ...]
    actuals: tuple[Floats, ...]
    forecasts: Mapping[str, tuple[Forecast | None, ...]]
    blind: frozenset[str] = frozenset()
    has_several: bool = False

    def head(self, count: int) -> "Trials":
        """Return the first origins alone."""
        return Trials(
            origins=self.origins[:count],
            actuals=self.actuals[:count],
            forecasts={name: each[:count] for name, each in self.forecasts.items()},
            blind=self.blind,
            has_several=self.has_several,
        )

    def error(self, name: str, *, is_squared: bool = False) -> float:
        """Return the mean absolute error of a name, or the root of the mean square.

        Infinite where it lacks a forecast.
        """
        return mean_error(self.actuals, self.forecasts[name], is_squared=is_squared)


def make_trials(  # noqa: PLR0913 - each is one thing that a caller may know
    values: Floats,
    season: int,
    origins: Sequence[int],
    steps: int,
    names: Sequence[str],
    *,
    seasons: Sequence[int] = (),
    columns: Floats = NO_COLUMNS,
) -> Trials:
    """Let each of the names (`arima`, or a kind of member) forecast from each origin.

    `seasons` are those of the members, the shortest first, where they are not `season` alone, which
    is that of ARIMA; `columns` are the regressors of ARIMA, of all rows.
    """
    heads = [values[:origin] for origin in origins]
    held = seasons or (season,)
    seeing = (*_SEEING, *(("seasonal_naive", "ces") if len(held) == 1 else ()))
    # ARIMA knows one season of up to 60 steps, and what its regressors stand for.
    is_long = held[-1] >= (LONG if len(held) > 1 else LONGEST_ARIMA_SEASON + 1) and not columns.size
    return Trials(
        origins=tuple(origins),
        actuals=tuple(values[origin : origin + steps] for origin in origins),
        forecasts={
            name: tuple(
                _arima(heads, season, steps, columns)
                if name == ARIMA
                else _member(name, heads, held, steps)
            )
            for name in names
        },
        blind=frozenset(names).difference(seeing) if is_long else frozenset(),
        has_several=len(held) > 1,
    )


def weigh(trials: Trials, names: Sequence[str]) -> dict[str, float]:
    """Return the weight of each name: by 1 / error², shrunk towards equal weights.

    With fewer than three origins all that forecast weigh the same. A member with an error of more
    than 1.5 times the best one's gets none. Where some do not know the longest season and the
    best one does, the limit is 1.1 for those that do not, and 2 for those that do, which weigh
    1 / error: a few windows hardly tell these apart. With several seasons and fewer than three
    origins only these are left. Members for intermittent demand, which forecast without ARIMA, are
    weighed by squares: where most values are 0, absolute errors prefer a forecast of 0.
    """
    errors = {name: trials.error(name, is_squared=ARIMA not in names) for name in names}
    usable = [name for name in names if errors[name] < np.inf]
    count = len(trials.origins)
    if count < FEWEST_ORIGINS or not usable:
        seeing = [n for n in names if n not in trials.blind or not trials.has_several] or names
        return {name: float(name in seeing) / len(seeing) for name in names}
    best = min(usable, key=lambda name: errors[name])
    least = max(errors[best], _smallest(trials))
    is_seeing = bool(trials.blind) and best not in trials.blind
    most = dict.fromkeys(usable, _SEEING_REJECTED if is_seeing else _REJECTED)
    most |= dict.fromkeys(trials.blind, _BLIND_REJECTED) if is_seeing else {}
    kept = [name for name in usable if errors[name] <= most[name] * least] or [best]
    shares = [(least / max(errors[name], least)) ** (1 if is_seeing else 2) for name in kept]
    total, equal = fsum(shares), _EQUAL / (_EQUAL + count)
    weights = dict.fromkeys(names, 0.0)
    for name, share in zip(kept, shares, strict=True):
        weights[name] = equal / len(kept) + (1 - equal) * share / total
    return weights


def combined(trials: Trials, names: Sequence[str]) -> tuple[Forecast | None, ...]:
    """Return the combination's forecast from each origin, its weights from the origins before."""
    found: list[Forecast | None] = []
    for place in range(len(trials.origins)):
        weights = weigh(trials.head(place), names)
        given = [
            (weight, forecast)
            for name, weight in weights.items()
            if weight > 0 and (forecast := trials.forecasts[name][place]) is not None
        ]
        total = fsum(weight for weight, _ in given)
        shares = [weight / total for weight, _ in given]
        found.append(joined(shares, [each for _, each in given]) if given else None)
    return tuple(found)


def mean_error(
    actuals: Sequence[Floats], forecasts: Sequence[Forecast | None], *, is_squared: bool = False
) -> float:
    """Return the mean absolute error, or the root of the mean square.

    Infinite where a forecast is missing or nothing is known.
    """
    found: list[float] = []
    for actual, forecast in zip(actuals, forecasts, strict=True):
        if forecast is None:
            return np.inf
        found += _known(np.abs(actual - forecast[0]))
    if not found:
        return np.inf
    if is_squared:
        return sqrt(fsum(error * error for error in found) / len(found))
    return fsum(found) / len(found)


def _arima(
    heads: Sequence[Floats], season: int, steps: int, columns: Floats
) -> Iterator[Forecast | None]:
    before: Fitted | None = None
    variances = np.zeros(0)
    for place, head in enumerate(heads):
        known, ahead = columns[:, : len(head)], columns[:, : len(head) + steps]
        if before is not None and not _is_refitted(place, len(heads)) and not np.isnan(head).any():
            yield _usable((predict_means(before, head, steps, ahead), variances))
            continue
        try:
            before = _arima_again(head, known, before) if before else _first(head, known, season)
        except TrainerError:
            before = None
            yield None
            continue
        means, variances = predict(before, head, steps, ahead)
        yield _usable((means, variances))


def _is_refitted(place: int, count: int) -> bool:
    """Return whether numbers are found again here: at eight origins at most, as that costs most."""
    return place % -(-count // _MOST_REFITS) == 0


def _first(head: Floats, columns: Floats, season: int) -> Fitted:
    return find_model(head, season=season, select="aicc", is_quick=True, columns=columns).best


def _arima_again(head: Floats, columns: Floats, before: Fitted) -> Fitted:
    likelihood = Likelihood(Data(head, columns), before.order)
    again = fit(likelihood, [("before", before.point)], tolerance=_ROUGH)
    return again if again.log_likelihood > -np.inf else before


def _member(
    kind: str, heads: Sequence[Floats], seasons: Sequence[int], steps: int
) -> Iterator[Forecast | None]:
    before: Member | None = None
    for place, head in enumerate(heads):
        try:
            if before is None:
                before = kinds.fit(kind, head, seasons[0], seasons[1:])
            elif _is_refitted(place, len(heads)):
                before = kinds.refit(before, head)
        except MemberUnavailableError:
            before = None
        if before is None:
            yield None
            continue
        ahead = kinds.run(before, head, steps)
        yield _usable((ahead.mean, ahead.standard_error * ahead.standard_error))


def _usable(forecast: Forecast) -> Forecast | None:
    return forecast if all(np.isfinite(numbers).all() for numbers in forecast) else None


def _known(numbers: Floats) -> list[float]:
    return [number for number in numbers.tolist() if number == number]  # noqa: PLR0124 - NaN


def _smallest(trials: Trials) -> float:
    """Return the rounding of the values: an error below it is none."""
    largest = max(
        (max(_known(np.abs(actual)), default=0.0) for actual in trials.actuals), default=0
    )
    return float(np.finfo(np.float64).eps) * largest or 1e-150
