"""Find a model for a series: differencing, orders, and what a backtest inside the series supports.

`aicc` takes the best AICc at the differencing that the tests name. `backtest` lets several
differencings compete: each gives its best orders, all forecast from several origins inside the
series, and of the better half the one is taken whose forecast is nearest to the mean of all.
`average` is that mean itself. Of a long series the last rows choose, and all rows estimate.
docs/explanation/selection.md shows what each is worth on data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import fsum

import numpy as np

from trainer.errors import ModelNotFittedError, SeriesConstantError
from trainer.fit.fitting import (
    Data,
    Fitted,
    Likelihood,
    fit,
    predict_means,
)
from trainer.fit.order import Floats, Order, difference
from trainer.fit.prediction import BoxCox
from trainer.fit.starts import fit_from_many
from trainer.kernel.library import NO_COLUMNS
from trainer.search.candidates import Limits
from trainer.search.differencing import Differencing, find_differencing
from trainer.search.found import Candidate, Found, Select
from trainer.search.ranking import Ranking

_EACH = 6  # orders that a differencing sends to the backtest
_ORIGINS = 8
_FEWEST_SEASONS = 3
_ROUGH = 1e-2
_LAST = 1e-7
_FINE = 1e-9
_CONSTANT = 1e-10
_LONG = 25_000  # rows x states: beyond, a second is not enough for a hundred orders
_SEASONS_TO_SEARCH, _ROWS_A_COLUMN = 8, 20
_LEAST_ERROR = 1e-150  # its square is a number, and so is one through it

Progress = Callable[[str, int], None]


def find_model(  # noqa: PLR0913 - each is one thing that a caller may know
    values: Floats,
    *,
    season: int,
    select: Select = "backtest",
    differencing: tuple[int, int] | None = None,
    horizon: int | None = None,
    columns: Floats = NO_COLUMNS,
    box_cox: BoxCox | None = None,
    is_quick: bool = False,
    progress: Progress | None = None,
) -> Found:
    """Return the model of a series; NaN are gaps, `values` are already transformed.

    `season` 1 means none. `is_quick` searches step by step and not the whole grid. Raises
    ModelNotFittedError where no order can be fitted.
    """
    data = Data(values, columns)
    known = int(np.count_nonzero(~np.isnan(values)))
    season = season if season > 1 and known >= _FEWEST_SEASONS * season else 0
    first = _first_searched(data, season)
    if first:
        tail = find_model(
            values[first:],
            season=season,
            select=select,
            differencing=differencing,
            horizon=horizon and min(horizon, max(_steps(season), (len(values) - first) // 4)),
            columns=columns[:, first:],
            box_cox=box_cox,
            progress=progress,
        )
        seen = f"the orders were compared on the last {len(values) - first} of {len(values)} rows"
        return estimate(replace(tail, evidence=(*tail.evidence, seen)), values, columns)
    is_sparse = is_intermittent(values, (season,))
    origins = [] if select == "aicc" else _origins(known, len(values), season, horizon)
    # What the backtest compares is found in the rows before its first origin, and nothing after.
    ranked_on = data.head(origins[0]) if origins else data
    tested = _tested(ranked_on.series, 0 if is_sparse else season, differencing)
    pool = [(tested.d, tested.seasonal_d)]
    if select != "aicc" and differencing is None:
        pool += [pair for pair in _rivals(0 if is_sparse else season) if pair != pool[0]]
    ranked, fits = [], 0
    for d, seasonal_d in pool:
        empty = Order(p=0, d=d, q=0, seasonal_d=seasonal_d, season=season)
        step = None if progress is None else _Stage(progress, f"orders with d={d}, D={seasonal_d}")
        ranking = Ranking(ranked_on, empty, progress=step)
        ranked += ranking.rank(
            whole_grid=select == "aicc" and not is_quick, best=1 if is_quick else _EACH
        )
        fits += ranking.count
    if not ranked:
        d, seasonal_d = pool[0]
        refuse_unvaried(values, Order(p=0, d=d, q=0, seasonal_d=seasonal_d, season=season))
        raise ModelNotFittedError(
            f"no order can be fitted to {known} values",
            remedy="give a longer series, or name an order, for example --order 0,1,1",
        )
    common = _Common(select, values, columns, box_cox, tested, fits)
    if select == "aicc" or len(ranked) == 1 or not origins:
        why = "" if select == "aicc" or origins else "; the series is too short for a backtest"
        reason = f"the lowest AICc of {fits} orders at this differencing{why}"
        members = (Candidate(fitted=ranked[0], error=None, weight=1.0),)
        rest = tuple(Candidate(fitted=f, error=None, weight=0.0) for f in ranked[1:])
        return common.found(members, members + rest, reason)
    return _by_backtest(data, ranked, common, (origins, horizon or _steps(season)), progress)


def is_intermittent(values: Floats, seasons: Sequence[int] = ()) -> bool:
    """Return whether more than half of the known values are zero, and none is negative.

    Not where a season explains the zeros, as the nights of solar power: the season before is nearer
    than the mean (of demands without a season its squared error is twice as large).
    """
    known = values[~np.isnan(values)]
    is_sparse = bool(2 * np.count_nonzero(known == 0) > len(known) and (known >= 0).all())
    return is_sparse and not any(_repeats(values, season) for season in seasons)


def _repeats(values: Floats, season: int) -> bool:
    if not 1 < season <= len(values) // _FEWEST_SEASONS:
        return False
    scaled = values / (float(np.nanmax(values)) or 1.0)
    squares = np.stack([scaled[season:] - scaled[:-season], scaled[season:] - np.nanmean(scaled)])
    squares = squares[:, ~np.isnan(squares[0])] ** 2
    return fsum(squares[0].tolist()) < fsum(squares[1].tolist())


def climb_on(found: Found, *, thorough: bool) -> Found:
    """Return the same order from more starts; a mixture is left as it is."""
    data = Data(found.values, found.columns)
    if len(found.members) > 1 or not (thorough or data.has_gaps):
        return found
    member = found.members[0]
    likelihood, warm = Likelihood(data, member.fitted.order), member.fitted.point
    if thorough:
        better = replace(member, fitted=fit_from_many(likelihood, warm=warm))
    else:
        better = replace(member, fitted=fit(likelihood, [("search", warm)], tolerance=_FINE))
    others = (c for c in found.candidates if c.fitted.order != member.fitted.order)
    return replace(found, members=(better,), candidates=(better, *others))


def is_long(values: Floats, season: int, columns: Floats = NO_COLUMNS) -> bool:
    """Return whether a series is too long for each of its rows to take part in every comparison."""
    return _first_searched(Data(values, columns), season if season > 1 else 0) > 0


def estimate(found: Found, values: Floats, columns: Floats = NO_COLUMNS) -> Found:
    """Return the same orders, their parameters found for these values from where they are.

    `values` are transformed as those of `found`. A climb from a top nearby is cheap, which a search
    is not. Raises ModelNotFittedError where no member can be fitted.
    """
    data = Data(values, columns)
    # With gaps a climb to the end takes a hundred times as long: the rough one gives its height.
    tolerance = _ROUGH if data.has_gaps else _LAST

    def again(candidate: Candidate) -> Candidate:
        likelihood = Likelihood(data, candidate.fitted.order)
        starts = [("earlier", candidate.fitted.point)]
        return replace(candidate, fitted=fit(likelihood, starts, tolerance=tolerance))

    fitted = {id(candidate): again(candidate) for candidate in found.candidates or found.members}
    members = tuple(fitted.get(id(member)) or again(member) for member in found.members)
    if any(member.fitted.log_likelihood == -np.inf for member in members):
        raise ModelNotFittedError(
            f"the model {found.order} cannot be fitted to all {len(values)} values",
            remedy="name another order, for example --order 0,1,1",
        )
    candidates = tuple(fitted.values()) if found.candidates else ()
    return replace(found, values=values, columns=columns, members=members, candidates=candidates)


def spread_of(values: Floats, order: Order) -> float:
    """Return the standard deviation of the known values, differenced as the order says."""
    differenced = difference(values[~np.isnan(values)], order)
    return float(differenced.std()) if len(differenced) else 0.0


def refuse_unvaried(values: Floats, order: Order) -> None:
    """Refuse a series that never changes once differenced: there is nothing to learn."""
    if spread_of(values, order) > _CONSTANT * float(np.nanmax(np.abs(values))):
        return
    what = f"the values of the training part differ by less than {_CONSTANT:g} of their size"
    if order.lost:
        what = (
            "the training part is a straight line, or repeats itself exactly: "
            f"differenced for {order}, it never changes"
        )
    raise SeriesConstantError(
        what, remedy="choose a column that varies, or extend its line without a model"
    )


@dataclass(frozen=True, slots=True)
class _Stage:
    progress: Progress
    name: str

    def __call__(self, count: int) -> None:
        self.progress(self.name, count)


@dataclass(frozen=True, slots=True)
class _Common:
    select: Select
    values: Floats
    columns: Floats
    box_cox: BoxCox | None
    tested: Differencing
    fits: int

    def found(
        self, members: tuple[Candidate, ...], candidates: tuple[Candidate, ...], reason: str
    ) -> Found:
        order = max(members, key=lambda member: member.weight).fitted.order
        evidence = self.tested.evidence
        if (order.d, order.seasonal_d) != (self.tested.d, self.tested.seasonal_d):
            tests = f"d={self.tested.d}, D={self.tested.seasonal_d}"
            told = f"d={order.d}, D={order.seasonal_d}"
            evidence += (f"the backtest chose {told}, and not {tests} as these tests do",)
        return Found(
            select=self.select,
            values=self.values,
            columns=self.columns,
            box_cox=self.box_cox,
            members=members,
            candidates=candidates,
            evidence=evidence,
            reason=reason,
            fits=self.fits,
        )


def _first_searched(data: Data, season: int) -> int:
    """Return the row from which on a search looks at a series: 0, or a later one of a long one."""
    largest, columns = Limits(), len(data.columns)
    states = 1 + largest.lags + largest.seasonal_lags * season
    rows = max(
        _LONG // (states * (1 + columns // 4)),
        _SEASONS_TO_SEARCH * season,
        _ROWS_A_COLUMN * columns,
    )
    known = np.flatnonzero(~np.isnan(data.series))
    return int(known[-rows]) if len(known) > rows else 0


def _tested(values: Floats, season: int, given: tuple[int, int] | None) -> Differencing:
    if given is not None:
        return Differencing(d=given[0], seasonal_d=given[1], evidence=("differencing was given",))
    known = np.flatnonzero(~np.isnan(values))
    filled = np.interp(np.arange(known[0], known[-1] + 1), known, values[known])
    return find_differencing(filled, max(season, 1))


def _rivals(season: int) -> list[tuple[int, int]]:
    return [(0, 0), (1, 0), (0, 1), (1, 1)] if season else [(0, 0), (1, 0)]


def _steps(season: int) -> int:
    return max(2 * season, 8)


def _origins(known: int, rows: int, season: int, horizon: int | None) -> list[int]:
    """Return from how many rows to forecast: the later ones, half a horizon apart."""
    steps = horizon or _steps(season)
    fewest = max(rows // 2, rows - known + 3 * season + 10)
    last = rows - steps
    return list(range(last, fewest - 1, -max(1, steps // 2)))[:_ORIGINS][::-1]


def _by_backtest(
    data: Data,
    ranked: Sequence[Fitted],
    common: _Common,
    plan: tuple[list[int], int],
    progress: Progress | None,
) -> Found:
    origins, steps = plan
    errors, whole = [], []
    for place, fitted in enumerate(ranked):
        error, last = _backtest_error(data, fitted, origins, steps)
        again = fit(Likelihood(data, fitted.order), [("end", last.point)], tolerance=_LAST)
        if again.log_likelihood > -np.inf:
            errors.append(error)
            whole.append(again)
        if progress is not None:
            progress(f"backtest of {len(ranked)} orders", place + 1)
    if not whole:
        raise ModelNotFittedError(
            "none of the orders of the backtest can be fitted to the whole series",
            remedy="give a longer series, or name an order, for example --order 0,1,1",
        )
    ranked = whole
    ends = [predict_means_at_end(data, fitted, steps) for fitted in ranked]
    is_usable = [bool(np.isfinite(end).all()) for end in ends]
    errors = [error if usable else np.inf for error, usable in zip(errors, is_usable, strict=True)]
    weights = _weights(errors, data.series)
    mean = _weighted(weights, ends)
    distances = [fsum(np.abs(end - mean).tolist()) for end in ends]
    by_error = sorted(range(len(ranked)), key=lambda k: (errors[k], k))
    better = by_error[: max(1, (len(ranked) + 1) // 2)]
    chosen = min(better, key=lambda k: (distances[k], errors[k], k))
    is_average = common.select == "average"
    candidates = tuple(
        Candidate(
            fitted=ranked[k],
            error=errors[k],
            weight=weights[k] if is_average else float(k == chosen),
        )
        for k in sorted(by_error, key=lambda k: k != chosen and not is_average)
    )
    members = tuple(c for c in candidates if c.weight > 0)
    what = f"{len(ranked)} orders forecast from {len(origins)} origins inside the series"
    reason = (
        f"{what}; the forecast is their mean, each weighted by its error"
        if is_average
        else f"{what}; of the better half this one forecasts nearest to the mean of all"
    )
    return common.found(members, candidates, reason)


def _weights(errors: Sequence[float], series: Floats) -> list[float]:
    """Return weights in proportion to 1 / error²; the same one for all where none has an error.

    An error below the rounding of the values is none: of a constant or straight end every order
    that sees it makes such an error, and the smallest of them is no better than the others.
    """
    least = float(np.finfo(np.float64).eps) * float(np.nanmax(np.abs(series)))
    shares = [1 / max(error, least, _LEAST_ERROR) ** 2 for error in errors]
    total = fsum(shares)
    return [share / total if total > 0 else 1 / len(errors) for share in shares]


def _backtest_error(
    data: Data, fitted: Fitted, origins: list[int], steps: int
) -> tuple[float, Fitted]:
    """Return the mean absolute error over the origins, and the model of the last one.

    The parameters are found anew at each, from those of the one before.
    """
    distances: list[float] = []
    for origin in origins:
        head = data.head(origin)
        again = fit(Likelihood(head, fitted.order), [("before", fitted.point)], tolerance=_ROUGH)
        if again.log_likelihood == -np.inf:
            return np.inf, fitted
        fitted = again
        columns = data.columns[:, : origin + steps]
        means = predict_means(fitted, head.series, steps, columns)
        actual = data.series[origin : origin + steps]
        distances += [d for d in np.abs(actual - means).tolist() if d == d]  # noqa: PLR0124 - NaN
    return fsum(distances) / len(distances) if distances else np.inf, fitted


def predict_means_at_end(data: Data, fitted: Fitted, steps: int) -> Floats:
    """Return the forecast after the series, with the regressors' part as in the last row."""
    columns = data.columns
    if columns.size:
        columns = np.hstack([columns, np.repeat(columns[:, -1:], steps, axis=1)])
    return predict_means(fitted, data.series, steps, columns)


def _weighted(weights: Sequence[float], parts: Sequence[Floats]) -> Floats:
    """Return the weighted sum, in the order given: the same bits everywhere."""
    total = np.zeros(len(parts[0]))
    for weight, part in zip(weights, parts, strict=True):
        if weight > 0:  # what has no weight may be no number
            total = total + weight * part
    return total
