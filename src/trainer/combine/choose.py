"""Which forecasters join the ARIMA model of a series, their weights, and how wide intervals are.

The kinds are those that earned a place on data (docs/explanation/selection.md). From three origins
inside the series on, their errors there weigh them; with fewer all weigh the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, fsum

import numpy as np

from trainer.combine.team import Team
from trainer.combine.trials import (
    ARIMA,
    FEWEST_ORIGINS,
    LONG,
    Trials,
    combined,
    make_trials,
    weigh,
)
from trainer.errors import ModelNotFittedError, SeriesConstantError
from trainer.fit.order import Floats
from trainer.fit.prediction import BoxCox
from trainer.kernel.library import NO_COLUMNS
from trainer.members import kinds
from trainer.members.member import Member, MemberUnavailableError
from trainer.search.find import climb_on, find_model, is_intermittent, is_long
from trainer.search.found import Found
from trainer.search.simplest import simplest, simplest_reason

_KINDS = ("ets", "theta")
_SPARSE_KINDS = ("tsb", "imapa", "mean", "recent_mean")
_TRIED_SPARSE = ("sba",)
_FEWEST_SEASONS = 3  # of a season that members may have
_MOST_ORIGINS = 24
_MANY_ORIGINS = 8  # CES helps long series and harms short ones: fewer errors do not show which
_LONGEST_SHARE = 4  # an origin forecasts at most a quarter of the rows
_PRIOR = 4.0  # what is usual counts as much as so many origins
_USUAL, _USUAL_OF_ROWS = 1.6, 16.0
_LEAST_WIDTH, _MOST_WIDTH = 0.5, 10.0
_ENOUGH = 19  # errors of a step: with fewer the largest one is not a 95 % quantile yet
_COVERED, _AT_95 = 0.95, 1.959963984540054
_NEIGHBOURS = 4
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
    seasons: Sequence[int] = (),
    columns: Floats = NO_COLUMNS,
    box_cox: BoxCox | None = None,
    thorough: bool = False,
    progress: Progress | None = None,
) -> tuple[Found, Chosen | None]:
    """Return ARIMA by AICc with its team; of a series that allows none, the simplest model alone.

    `values` are already transformed, and one of them is known. `seasons` are those of the other
    members, the shortest first, where they are not `season` alone; `columns` are regressors of
    ARIMA that stand for seasons. `thorough` climbs from many starts.
    """
    reason = None if columns.size else simplest_reason(values, season)
    if reason is None:
        try:
            found = find_model(
                values,
                season=season,
                select="aicc",
                columns=columns,
                box_cox=box_cox,
                progress=progress,
            )
        except (ModelNotFittedError, SeriesConstantError) as failure:
            if columns.size:  # the simplest models have no regressors
                raise
            reason = failure.what
    if reason is not None:
        return replace(simplest(values, season, reason), box_cox=box_cox), None
    found = found if is_long(values, season, columns) else climb_on(found, thorough=thorough)
    chosen = choose(found, season, horizon, seasons)
    told = replace(
        found,
        select="combination",
        team=chosen.team,
        reason=f"{chosen.reason}. ARIMA: {found.reason}",
        evidence=(*found.evidence, chosen.intervals),
    )
    return told, chosen


def choose(found: Found, season: int, horizon: int, seasons: Sequence[int] = ()) -> Chosen:
    """Return who forecasts a series together with its ARIMA model.

    `season` is that of ARIMA; `seasons` are those of the others, where they are more.
    """
    values = found.values
    held = tuple(s for s in seasons if len(values) >= _FEWEST_SEASONS * s) or (season,)
    steps = min(horizon, max(1, len(values) // _LONGEST_SHARE))
    is_sparse = is_intermittent(values, held)
    origins = origins_of(values, held, steps)
    wanted = _wanted(held, len(origins), is_sparse=is_sparse)
    members, missing = _members(values, held, horizon, wanted)
    names = tuple(members) if is_sparse and members else (ARIMA, *members)
    trials = make_trials(values, season, origins, steps, names, seasons=held, columns=found.columns)
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


def _wanted(held: Sequence[int], origins: int, *, is_sparse: bool) -> tuple[str, ...]:
    """Return the kinds beside ARIMA for these seasons; some only where their errors are seen."""
    is_tried = origins >= FEWEST_ORIGINS
    if is_sparse:
        return (*_SPARSE_KINDS, *(_TRIED_SPARSE if is_tried else ()))
    is_long_season, is_one = held[-1] >= LONG, len(held) == 1
    return (
        *_KINDS,
        *(("cycles",) if is_long_season else ()),
        *(("seasonal_mean",) if is_long_season and (is_tried or not is_one) else ()),
        *(("ces",) if origins >= _MANY_ORIGINS and is_one else ()),
        *(("seasonal_naive",) if is_tried and held[0] > 1 else ()),
        *(("long_seasonal_naive",) if is_tried and not is_one else ()),
    )


def origins_of(values: Floats, seasons: Sequence[int], steps: int) -> list[int]:
    """Return from how many rows to forecast: up to 24, at least half a forecast apart.

    Of several seasons half of the shortest apart where they are fewer than eight.

    They are spread over the later half of the rows, so that the windows of a long series differ.
    """
    rows, known = len(values), int(np.count_nonzero(~np.isnan(values)))
    learnt = max(_FEWEST_SEASONS * seasons[0] if seasons[0] > 1 else 0, 2 * seasons[-1])
    fewest = max(rows // 2, rows - known + learnt + 10)
    last = rows - steps
    apart = max(1, steps // 2)
    if len(seasons) > 1:  # half a day apart is enough: a forecast of a week has few windows
        apart = min(apart, max(seasons[0] // 2, (last - fewest) // (_MANY_ORIGINS - 1)))
    step = max(apart, (last - fewest) // (_MOST_ORIGINS - 1))
    return list(range(last, fewest - 1, -step))[:_MOST_ORIGINS][::-1]


def _members(
    values: Floats, seasons: Sequence[int], horizon: int, names: tuple[str, ...]
) -> tuple[dict[str, Member], list[str]]:
    """Return the members that fit and forecast, and why the others do not."""
    members, missing = {}, []
    for kind in names:
        try:
            member = kinds.fit(kind, values, seasons[0], seasons[1:])
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

    Models count the errors to come, and not that their numbers are estimated and their form is
    chosen. So from 19 origins on a factor of each step comes from the errors there; with fewer it
    is one for all, drawn towards what is usual, and below three what is usual alone.
    """
    usual = usual_width(values)
    scaled = [
        (actual - forecast[0]) / np.sqrt(np.maximum(forecast[1], _TINY))
        for actual, forecast in zip(trials.actuals, combined(trials, names), strict=True)
        if forecast is not None
    ]
    if len(scaled) >= FEWEST_ORIGINS + _ENOUGH:
        widths = _conformal(scaled[FEWEST_ORIGINS:])  # before, nothing is known of the weights
        return widths, (
            f"intervals are conformal by step, from the errors from {len(scaled)} origins:"
            f" {widths[0]:.2f} times those of the models at step 1, {widths[-1]:.2f} at the last"
        )
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
        " and what is usual: conformal ones by step need 22 origins"
    )


def _conformal(scaled: Sequence[Floats]) -> tuple[float, ...]:
    """Return for each step by how much its 95 % interval is to be widened (split conformal).

    A step's scores are the errors in standard errors, without sign, at this step and those within
    a quarter of it (Vovk et al. 2005; the neighbours steady what few origins tell of one step).
    """
    scores = np.abs(np.array(scaled))
    steps = scores.shape[1]
    found = list[float]()
    for step in range(steps):
        reach = (step + 1) // _NEIGHBOURS
        near = scores[:, max(0, step - reach) : step + reach + 1]
        known = np.sort(near[~np.isnan(near)])
        if not known.size:
            found.append(found[-1] if found else 1.0)
            continue
        origins = np.count_nonzero(~np.isnan(near).all(axis=1))
        share = min(1.0, _COVERED * (1 + 1 / origins))
        place = min(len(known) - 1, max(0, ceil(share * len(known)) - 1))
        found.append(min(max(float(known[place]) / _AT_95, _LEAST_WIDTH), _MOST_WIDTH))
    return tuple(found)


def usual_width(values: Floats) -> float:
    """Return by how much models' intervals are usually too narrow for so many values.

    The form and the two numbers are those that cover 95 % of the last rows of the training parts of
    400 M3 series, each of these rows left out: 1.6 from fifteen rows, 1.3 from a hundred.
    """
    return float(np.sqrt(_USUAL + _USUAL_OF_ROWS / int(np.count_nonzero(~np.isnan(values)))))


def _mean_square(numbers: Floats) -> float | None:
    known = [number * number for number in numbers.tolist() if number == number]  # noqa: PLR0124 - NaN
    return fsum(known) / len(known) if known else None
