"""The models of series from which nothing can be estimated: their last value, line or season.

They are ARIMA models without a lag, so that all that is made of a model is made of them too: the
last value is (0,1,0), the line from the first to the last is that with drift, and the last season
is (0,0,0)(0,1,0)[m], with drift where each season has the same more than the one before.
"""

from math import fsum, log, pi

import numpy as np

from trainer.fit.fitting import Fitted
from trainer.fit.order import Floats, Order
from trainer.kernel.library import NO_COLUMNS
from trainer.members.member import filled
from trainer.search.found import Candidate, Found

FEWEST_TO_SEARCH = 8
_CONSTANT = 1e-10
_FEWEST_FOR_LINE = 3


def simplest_reason(values: Floats, season: int) -> str | None:
    """Return why nothing can be estimated from these values; None where something can."""
    known = int(np.count_nonzero(~np.isnan(values)))
    whole = filled(values)
    least = _CONSTANT * float(np.max(np.abs(whole)))
    if not _varies(whole, least):
        return f"every known value is {whole[0]:g}"
    if known < FEWEST_TO_SEARCH:
        return f"{known} values are too few to estimate a model from"
    if not _varies(whole[1:] - whole[:-1], least):
        return "the values are on a straight line"
    if 1 < season <= len(whole) // 2 and not _varies(whole[season:] - whole[:-season], least):
        rise = float(whole[season] - whole[0])
        more = f", each time {rise:+.4g}" if abs(rise) > least else ""
        return f"the values repeat themselves every {season} rows{more}"
    return None


def simplest(values: Floats, season: int, reason: str) -> Found:
    """Return the simplest model that fits the values; at least one is known."""
    whole = filled(values)
    order, slope = _order(whole, season)
    lag = order.season or 1
    errors = whole[lag:] - whole[:-lag] - slope
    size = float(np.max(np.abs(whole))) or 1.0
    rows = max(1, len(errors))
    # The kernel and statsmodels need some variance; this much is the values' own rounding.
    variance = max(fsum((errors * errors).tolist()) / rows, (_CONSTANT * max(size, 1e-100)) ** 2)
    height = -0.5 * rows * (log(2 * pi * variance) + 1)
    count = 1 + order.has_constant
    fitted = Fitted(
        order=order,
        point=np.zeros(0),
        mean=slope,
        beta=np.zeros(0),
        variance=variance,
        log_likelihood=height,
        aic=2 * count - 2 * height,
        aicc=2 * count - 2 * height,
        slope=0.0,
        is_at_boundary=False,
        starts=(),
    )
    member = Candidate(fitted=fitted, error=None, weight=1.0)
    return Found(
        select="combination",
        values=values,
        columns=NO_COLUMNS,
        box_cox=None,
        members=(member,),
        candidates=(),
        evidence=(f"no model was fitted: {reason}: {_title(order)} continues",),
        reason=f"{reason}: {_title(order)} continues",
        fits=0,
        is_simplest=True,
    )


def _order(whole: Floats, season: int) -> tuple[Order, float]:
    """Return the order, and the drift of a line, or what a season has more than the one before."""
    least = _CONSTANT * float(np.max(np.abs(whole)))
    steps = whole[1:] - whole[:-1]
    if len(whole) >= _FEWEST_FOR_LINE and _varies(whole, least) and not _varies(steps, least):
        slope = float(whole[-1] - whole[0]) / (len(whole) - 1)
        return Order(p=0, d=1, q=0, has_constant=True), slope
    is_season = 1 < season <= len(whole) // 2
    if is_season and _varies(whole, least):
        rises = whole[season:] - whole[:-season]
        if not _varies(rises, least):
            rise = float(rises[0])
            has_rise = abs(rise) > least
            order = Order(p=0, d=0, q=0, seasonal_d=1, season=season, has_constant=has_rise)
            return order, rise * has_rise
    return Order(p=0, d=1, q=0), 0.0


def _varies(values: Floats, least: float) -> bool:
    return bool(len(values)) and float(np.max(values)) - float(np.min(values)) > least


def _title(order: Order) -> str:
    if order.season:
        return "the last season"
    return "the line" if order.has_constant else "the last value"
