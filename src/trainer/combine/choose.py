"""Which forecasters join the ARIMA model of a series, their weights, and how wide intervals are.

The kinds are those that earned a place on data (docs/explanation/selection.md). From three origins
inside the series on, their errors there weigh them; with fewer all weigh the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from trainer.combine.team import Team
from trainer.combine.trials import (
    ARIMA,
    FEWEST_ORIGINS,
    Trials,
    combined,
    make_trials,
    weigh,
)
from trainer.errors import ModelNotFittedError, SeriesConstantError
from trainer.fit.order import Floats
from trainer.fit.prediction import BoxCox
from trainer.members import kinds
from trainer.members.member import Member, MemberUnavailableError
from trainer.search.find import climb_on, find_model, is_intermittent, is_long
from trainer.search.found import Found
from trainer.search.simplest import simplest, simplest_reason

_KINDS = ("ets", "theta")
_TRIED_KINDS = ("seasonal_naive",)  # where their errors can be seen
_SPARSE_KINDS = ("tsb", "imapa", "sba")
_MOST_ORIGINS = 8
_LONGEST_SHARE = 4  # an origin forecasts at most a quarter of the rows
_PRIOR = 4.0  # what is usual counts as much as so many origins
_USUAL, _USUAL_OF_ROWS = 1.6, 16.0
_LEAST_WIDTH, _MOST_WIDTH = 0.5, 10.0
_TINY = 1e-150

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The team, its trials, the weight of each name, and sentences on weights and intervals."""

    team: Team
    trials: Trials
    weights: Mapping[str, float]
    reason: str
    intervals: str


def find_combination(  # noqa: PLR0913 - each is one thing that a caller may know
    values: Floats,
    *,
    season: int,
    horizon: int,
    box_cox: BoxCox | None = None,
    thorough: bool = False,
    progress: Progress | None = None,
) -> tuple[Found, Chosen | None]:
    """Return ARIMA by AICc with its team; of a series that allows none, the simplest model alone.

    `values` are already transformed, and one of them is known. `thorough` climbs from many starts.
    """
    reason = simplest_reason(values, season)
    if reason is None:
        try:
            found = find_model(
                values, season=season, select="aicc", box_cox=box_cox, progress=progress
            )
        except (ModelNotFittedError, SeriesConstantError) as failure:
            reason = failure.what
    if reason is not None:
        return replace(simplest(values, season, reason), box_cox=box_cox), None
    found = found if is_long(values, season) else climb_on(found, thorough=thorough)
    chosen = choose(found, season, horizon)
    told = replace(
        found,
        select="combination",
        team=chosen.team,
        reason=f"{chosen.reason}. ARIMA: {found.reason}",
        evidence=(*found.evidence, chosen.intervals),
    )
    return told, chosen


def choose(found: Found, season: int, horizon: int) -> Chosen:
    """Return who forecasts a series together with its ARIMA model, which has no regressors."""
    values = found.values
    steps = min(horizon, max(1, len(values) // _LONGEST_SHARE))
    is_sparse = is_intermittent(values)
    origins = origins_of(values, season, steps)
    wanted: tuple[str, ...] = _SPARSE_KINDS if is_sparse else _KINDS
    if season > 1 and len(origins) >= FEWEST_ORIGINS and not is_sparse:
        wanted += _TRIED_KINDS
    members, missing = _members(values, season, horizon, wanted)
    names = tuple(members) if is_sparse and members else (ARIMA, *members)
    trials = make_trials(values, season, origins, steps, names)
    weights = weigh(trials, names)
    team = Team(
        arima=weights.get(ARIMA, 0.0),
        others=tuple((weights[kind], members[kind]) for kind in members if weights[kind] > 0),
        widths=(1.0,),
    )
    widths, intervals = _widths(trials, names, values)
    return Chosen(
        team=replace(team, widths=widths),
        trials=trials,
        weights=weights,
        reason="; ".join([_told(weights, members, trials), *missing]),
        intervals=intervals,
    )


def refitted(team: Team, values: Floats) -> Team:
    """Return the same team for other rows; a member that these do not allow is left out.

    Where none is left, ARIMA has all the weight.
    """
    others = []
    for weight, member in team.others:
        try:
            others.append((weight, kinds.refit(member, values)))
        except MemberUnavailableError:
            continue
    total = fsum([team.arima, *(weight for weight, _ in others)])
    if not total > 0:
        return replace(team, arima=1.0, others=())
    return replace(
        team,
        arima=team.arima / total,
        others=tuple((weight / total, member) for weight, member in others),
    )


def origins_of(values: Floats, season: int, steps: int) -> list[int]:
    """Return from how many rows to forecast: up to eight, at least half a forecast apart.

    They are spread over the later half of the rows, so that the windows of a long series differ.
    """
    rows, known = len(values), int(np.count_nonzero(~np.isnan(values)))
    seasons = 3 * season if season > 1 else 0
    fewest = max(rows // 2, rows - known + seasons + 10)
    last = rows - steps
    step = max(1, steps // 2, (last - fewest) // (_MOST_ORIGINS - 1))
    return list(range(last, fewest - 1, -step))[:_MOST_ORIGINS][::-1]


def _members(
    values: Floats, season: int, horizon: int, names: tuple[str, ...]
) -> tuple[dict[str, Member], list[str]]:
    """Return the members that fit and forecast, and why the others do not."""
    members, missing = {}, []
    for kind in names:
        try:
            member = kinds.fit(kind, values, season)
        except MemberUnavailableError as exc:
            missing.append(f"without {kind}: {exc}")
            continue
        ahead = kinds.run(member, values, horizon)
        if np.isfinite(ahead.mean).all() and np.isfinite(ahead.standard_error).all():
            members[kind] = member
        else:
            missing.append(f"without {kind}: its forecast is not finite")
    return members, missing


def _told(weights: Mapping[str, float], members: Mapping[str, Member], trials: Trials) -> str:
    named = [
        f"{'ARIMA' if name == ARIMA else members[name].name} {100 * weight:.0f} %"
        for name, weight in weights.items()
    ]
    count = len(trials.origins)
    how = (
        f"by their errors from {count} origins inside the series"
        if count >= FEWEST_ORIGINS
        else "the same for all, as the series is too short for three origins"
    )
    return f"a combination, halfway from mean to median: {', '.join(named)}; weights {how}"


def _widths(
    trials: Trials, names: tuple[str, ...], values: Floats
) -> tuple[tuple[float, ...], str]:
    """Return the factors of the standard errors, and how they were found.

    From three origins on it is the root of the mean square of the errors there, in standard errors,
    drawn towards what is usual; with fewer it is what is usual. Models count the errors to come,
    and not that their numbers are estimated and their form is chosen.
    """
    usual = usual_width(values)
    scaled = [
        (actual - forecast[0]) / np.sqrt(np.maximum(forecast[1], _TINY))
        for actual, forecast in zip(trials.actuals, combined(trials, names), strict=True)
        if forecast is not None
    ]
    squares = [mean for one in scaled if (mean := _mean_square(one)) is not None]
    count = len(squares)
    if count < FEWEST_ORIGINS:
        return (usual,), (
            f"intervals are {usual:.2f} times those of the models, as their numbers are estimated"
            f" from {np.count_nonzero(~np.isnan(values))} values"
        )
    square = (_PRIOR * usual**2 + fsum(min(s, _MOST_WIDTH**2) for s in squares)) / (_PRIOR + count)
    width = min(max(float(np.sqrt(square)), _LEAST_WIDTH), _MOST_WIDTH)
    return (width,), (
        f"intervals are {width:.2f} times those of the models, by the errors from {count} origins"
    )


def usual_width(values: Floats) -> float:
    """Return by how much models' intervals are usually too narrow for so many values.

    The form and the two numbers are those that cover 95 % of the last rows of the training parts of
    400 M3 series, each of these rows left out: 1.6 from fifteen rows, 1.3 from a hundred.
    """
    return float(np.sqrt(_USUAL + _USUAL_OF_ROWS / int(np.count_nonzero(~np.isnan(values)))))


def _mean_square(numbers: Floats) -> float | None:
    known = [number * number for number in numbers.tolist() if number == number]  # noqa: PLR0124 - NaN
    return fsum(known) / len(known) if known else None
