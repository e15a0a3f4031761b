"""What each forecaster says from several origins inside a series, and how wrong it was.

Nothing here sees a value after an origin: the order of ARIMA, the form of exponential smoothing and
all starting values come from the rows before the first origin, and are fitted again at each one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum

import numpy as np

from trainer.combine.team import Forecast, joined
from trainer.errors import TrainerError
from trainer.fit.fitting import Data, Fitted, Likelihood, fit, predict
from trainer.fit.order import Floats
from trainer.members import kinds
from trainer.members.member import Member, MemberUnavailableError
from trainer.search.find import find_model

ARIMA = "arima"
FEWEST_ORIGINS = 3
_ROUGH = 1e-3
_REJECTED = 1.5  # times the error of the best member
_EQUAL = 3.0  # equal weights count as much as so many origins


@dataclass(frozen=True, slots=True, kw_only=True)
class Trials:
    """Forecasts of each name from each origin (None: it had none), and what came."""

    origins: tuple[int, ...]
    actuals: tuple[Floats, ...]
    forecasts: Mapping[str, tuple[Forecast | None, ...]]

    def head(self, count: int) -> "Trials":
        """Return the first origins alone."""
        return Trials(
            origins=self.origins[:count],
            actuals=self.actuals[:count],
            forecasts={name: each[:count] for name, each in self.forecasts.items()},
        )

    def error(self, name: str) -> float:
        """Return the mean absolute error of a name; infinite where it lacks a forecast."""
        return mean_error(self.actuals, self.forecasts[name])


def make_trials(
    values: Floats, season: int, origins: Sequence[int], steps: int, names: Sequence[str]
) -> Trials:
    """Let each of the names (`arima`, or a kind of member) forecast from each origin."""
    heads = [values[:origin] for origin in origins]
    return Trials(
        origins=tuple(origins),
        actuals=tuple(values[origin : origin + steps] for origin in origins),
        forecasts={
            name: tuple(
                _arima(heads, season, steps)
                if name == ARIMA
                else _member(name, heads, season, steps)
            )
            for name in names
        },
    )


def weigh(trials: Trials, names: Sequence[str]) -> dict[str, float]:
    """Return the weight of each name: by 1 / error², shrunk towards equal weights.

    With fewer than three origins all that forecast weigh the same. A member with an error of more
    than 1.5 times the best one's gets none.
    """
    errors = {name: trials.error(name) for name in names}
    usable = [name for name in names if errors[name] < np.inf]
    count = len(trials.origins)
    if count < FEWEST_ORIGINS or not usable:
        return {name: 1 / len(names) for name in names}
    least = max(min(errors[name] for name in usable), _smallest(trials))
    kept = [name for name in usable if errors[name] <= _REJECTED * least]
    kept = kept or [min(usable, key=lambda name: errors[name])]
    shares = [(least / max(errors[name], least)) ** 2 for name in kept]
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


def mean_error(actuals: Sequence[Floats], forecasts: Sequence[Forecast | None]) -> float:
    """Return the mean absolute error; infinite where a forecast is missing or nothing is known."""
    found: list[float] = []
    for actual, forecast in zip(actuals, forecasts, strict=True):
        if forecast is None:
            return np.inf
        found += _known(np.abs(actual - forecast[0]))
    return fsum(found) / len(found) if found else np.inf


def _arima(heads: Sequence[Floats], season: int, steps: int) -> Iterator[Forecast | None]:
    before: Fitted | None = None
    for head in heads:
        try:
            before = _arima_again(head, before) if before else _arima_first(head, season)
        except TrainerError:
            before = None
        yield None if before is None else _usable(predict(before, head, steps))


def _arima_first(head: Floats, season: int) -> Fitted:
    return find_model(head, season=season, select="aicc", is_quick=True).best


def _arima_again(head: Floats, before: Fitted) -> Fitted:
    likelihood = Likelihood(Data(head), before.order)
    again = fit(likelihood, [("before", before.point)], tolerance=_ROUGH)
    return again if again.log_likelihood > -np.inf else before


def _member(
    kind: str, heads: Sequence[Floats], season: int, steps: int
) -> Iterator[Forecast | None]:
    before: Member | None = None
    for head in heads:
        try:
            before = kinds.refit(before, head) if before else kinds.fit(kind, head, season)
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
