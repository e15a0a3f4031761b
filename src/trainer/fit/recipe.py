"""From the values that are known to a model: the one way, for training, holdout and backtest.

Nothing here sees a value that follows those it is given: transform, differencing, order and
parameters are found anew for each set of known values.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from trainer.combine.choose import find_combination, refitted
from trainer.errors import (
    BoxCoxInvalidError,
    ModelNotFittedError,
    SeriesConstantError,
    SeriesTooShortError,
    ValuesTooSmallError,
)
from trainer.fit.fitting import Data, Fitted, Likelihood, fit, no_columns
from trainer.fit.order import Floats, Order
from trainer.fit.prediction import BoxCox
from trainer.fit.starts import fit_from_many
from trainer.interruption import held_back
from trainer.kernel.library import box_cox
from trainer.search.find import climb_on, estimate, find_model, is_long, refuse_unvaried, spread_of
from trainer.search.found import Candidate, Found, Select
from trainer.search.library_search import search_by_library
from trainer.search.simplest import FEWEST_TO_SEARCH, simplest

Engine = Literal["kernel", "pmdarima"]
Progress = Callable[[str, int], None]

SMALLEST_SPREAD = 1e-5
_FEWEST_SEASONS = 3
_FINE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a model is made of known values. `order` None means: search.

    `season` is that of ARIMA; `seasons` are all natural ones, the shortest first, for members that
    can have several. `is_mean`: a Box-Cox forecast is the mean. `has_floor`: where no known value
    is negative, no forecast is. `columns` are the regressors of all rows and of the steps to
    forecast, shape (columns, rows); `are_seasons`: they stand for seasons alone, which members
    without regressors see too.
    """

    order: Order | None
    engine: Engine
    select: Select
    power: float | Literal["auto"] | None
    season: int
    is_mean: bool = False
    has_floor: bool = False
    columns: Floats = field(default_factory=no_columns)
    seasons: tuple[int, ...] = ()
    are_seasons: bool = False


def find(  # noqa: PLR0913 - each is one thing that a caller may know
    recipe: Recipe,
    values: Floats,
    *,
    horizon: int,
    thorough: bool = True,
    earlier: Found | None = None,
    progress: Progress | None = None,
) -> Found:
    """Return the model of the known values (NaN: a gap). Raises TrainerError where there is none.

    `thorough` climbs from many starts; without it from a few, as a backtest can afford. `earlier`
    is the model of a part of the same values, from their first row on: of a long series its orders
    are kept, and its parameters are where the climb starts.
    """
    found = _find(
        recipe, values, horizon=horizon, thorough=thorough, earlier=earlier, progress=progress
    )
    if not recipe.has_floor or not np.nanmin(values) >= 0 or found.floor is not None:
        return found
    told = "no value is negative: nothing below 0 is forecast (--floor none allows it)"
    return replace(found, floor=0.0, evidence=(*found.evidence, told))


def _find(  # noqa: PLR0913 - as above
    recipe: Recipe,
    values: Floats,
    *,
    horizon: int,
    thorough: bool,
    earlier: Found | None,
    progress: Progress | None,
) -> Found:
    transform = _transform(recipe, values)
    known = values if transform is None else box_cox(values, transform.power)
    columns = recipe.columns[:, : len(values)]
    is_costly = is_long(known, recipe.season, columns)
    if earlier is not None and is_costly and earlier.box_cox == transform:
        again = estimate(replace(earlier, candidates=()), known, columns)
        return again if again.team is None else replace(again, team=refitted(again.team, known))
    if recipe.order is None and recipe.engine == "kernel" and recipe.select == "combination":
        if not columns.size or recipe.are_seasons:
            return find_combination(
                known,
                season=recipe.season,
                seasons=recipe.seasons,
                horizon=horizon,
                columns=columns,
                box_cox=transform,
                thorough=thorough,
                progress=progress,
            )[0]
        recipe = replace(recipe, select="backtest")  # other members take no regressors
    _refuse_constant(known)
    if recipe.order is None and np.count_nonzero(~np.isnan(known)) < FEWEST_TO_SEARCH:
        raise SeriesTooShortError(
            f"{np.count_nonzero(~np.isnan(known))} values are too few to search for an order: "
            f"it takes {FEWEST_TO_SEARCH}",
            remedy="give a longer series: tens of values at the least; or name an --order",
        )
    if recipe.order is None and recipe.engine == "kernel":
        found = find_model(
            known,
            season=recipe.season,
            select=recipe.select,
            horizon=horizon,
            columns=columns,
            box_cox=transform,
            progress=progress,
        )
        _refuse_small(known, found.order)
        return found if is_costly else climb_on(found, thorough=thorough)
    order = recipe.order or _order_by_library(known, recipe.season)
    require_length(int(np.count_nonzero(~np.isnan(known))), order, len(columns))
    _refuse_small(known, order)
    likelihood = Likelihood(Data(known, columns), order)
    fitted = fit_from_many(likelihood) if thorough else _fit_from_few(likelihood)
    if fitted.log_likelihood == -np.inf:
        raise ModelNotFittedError(
            f"no starting point gave a model of order {order}",
            remedy="try a smaller order, or --order auto",
        )
    how = "the order was given" if recipe.order else "the order that pmdarima's search found"
    return _single(recipe, known, columns, transform, fitted, how)


def find_again(found: Found, values: Floats, columns: Floats) -> Found:
    """Return the same model, its parameters found anew for other (mostly: more) values."""
    known = values if found.box_cox is None else box_cox(values, found.box_cox.power)
    if found.is_simplest:
        again = simplest(known, found.order.season, "")
        return replace(
            again,
            box_cox=found.box_cox,
            floor=_floor_again(found, values),
            reason=found.reason,
            evidence=found.evidence,
        )
    data = Data(known, columns)
    members = []
    for member in found.members:
        likelihood = Likelihood(data, member.fitted.order)
        if len(found.members) == 1 and not is_long(known, member.fitted.order.season, columns):
            fitted = fit_from_many(likelihood, warm=member.fitted.point)
        else:
            fitted = _fit_from_few(likelihood, warm=member.fitted.point)
        members.append(replace(member, fitted=fitted))
    return replace(
        found,
        values=known,
        columns=columns,
        members=tuple(members),
        team=None if found.team is None else refitted(found.team, known),
        floor=_floor_again(found, values),
    )


def _floor_again(found: Found, values: Floats) -> float | None:
    return found.floor if found.floor is not None and np.nanmin(values) >= 0 else None


def require_length(rows: int, order: Order, columns: int = 0) -> None:
    """Refuse a series that is too short for the order and the regressors."""
    count = order.coefficients + columns
    needed = order.lost + max(count + 3, 2 * count)
    if rows < needed:
        raise SeriesTooShortError(
            f"{rows} values to train on are too few for {order}: it needs {needed}",
            remedy="give a longer series, hold out fewer rows, or choose a smaller order",
        )


def _single(  # noqa: PLR0913, PLR0917 - one call for each way, alike in all
    recipe: Recipe,
    values: Floats,
    columns: Floats,
    transform: BoxCox | None,
    fitted: Fitted,
    reason: str,
) -> Found:
    member = Candidate(fitted=fitted, error=None, weight=1.0)
    return Found(
        select=recipe.select,
        values=values,
        columns=columns,
        box_cox=transform,
        members=(member,),
        candidates=(),
        evidence=(),
        reason=reason,
        fits=1,
    )


def _fit_from_few(likelihood: Likelihood, warm: Floats | None = None) -> Fitted:
    starts = [("warm", warm)] if warm is not None else []
    start = likelihood.start()
    named = [*starts, ("hannan_rissanen", start), ("white_noise", np.zeros(len(start)))]
    return fit(likelihood, named, tolerance=_FINE)


def _order_by_library(values: Floats, season: int) -> Order:
    known = np.flatnonzero(~np.isnan(values))
    filled = np.interp(np.arange(known[0], known[-1] + 1), known, values[known])
    has_season = season > 1 and len(filled) >= _FEWEST_SEASONS * season
    return search_by_library(filled, season=season if has_season else 1)


def _transform(recipe: Recipe, values: Floats) -> BoxCox | None:
    """Return the Box-Cox power that was asked for, or Guerrero's (1993)."""
    if recipe.power is None:
        return None
    known = values[~np.isnan(values)]
    if not (known > 0).all():
        raise BoxCoxInvalidError(
            f"a Box-Cox power needs positive values; the least is {known.min():g}",
            remedy="leave --box_cox out, or add a constant to the values",
        )
    if recipe.power != "auto":
        return BoxCox(power=recipe.power, is_mean=recipe.is_mean)
    with held_back():
        from statsmodels.base.transform import BoxCox as Library  # noqa: PLC0415 - takes a second

    window = max(recipe.season, 4)
    parts = known[len(known) % window :].reshape(-1, window)
    # Guerrero compares the spreads of the parts: where all are 0 there is nothing to compare.
    if len(parts) < 3 or not (parts.max(axis=1) > parts.min(axis=1)).any():  # noqa: PLR2004 - see above
        return BoxCox(power=1.0, is_mean=recipe.is_mean)
    _, power = Library().transform_boxcox(
        known, method="guerrero", window_length=window, bounds=(-1, 2)
    )
    # Two digits: what is left of it after the model, and so that no last bit decides anything.
    return BoxCox(power=round(float(power), 2) + 0.0, is_mean=recipe.is_mean)


def _refuse_constant(values: Floats) -> None:
    known = values[~np.isnan(values)]
    if float(known.max()) == float(known.min()):
        raise SeriesConstantError(
            f"every known value of the training part is {known[0]:g}",
            remedy="choose a column that varies",
        )


def _refuse_small(values: Floats, order: Order) -> None:
    """Refuse what never changes once differenced, and what statsmodels cannot compute with."""
    refuse_unvaried(values, order)
    spread = spread_of(values, order)
    if spread < SMALLEST_SPREAD:
        raise ValuesTooSmallError(
            f"the values vary by {spread:.1g}, too little for statsmodels to compute with",
            remedy=f"give them in a smaller unit, so that they vary by more than {SMALLEST_SPREAD}",
        )
