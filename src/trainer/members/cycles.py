"""Several seasons at once, or one that is long: exponential smoothing with errors that carry over.

A level, the positions of up to three seasons, and an autoregression of the errors (Taylor 2003,
"Short-term electricity demand forecasting using double seasonal exponential smoothing", and 2010).
The level moves slowly (kernel/cycles.c says why), so a forecast of a whole season stays where the
series usually is. The form names the seasons: 24+168.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.smoothing import cycles_fit, cycles_run
from trainer.members.member import (
    Ahead,
    Member,
    MemberUnavailableError,
    known_count,
    log_of_unit,
    mean_square,
    unit_of,
)

MOST_SEASONS, LONGEST = 3, 20_000
_SMOOTHING = 5
_TOLERANCE, _MOST = 1e-3, 200


def fit(values: Floats, seasons: Sequence[int]) -> Member:
    """Fit it to the seasons that the rows hold twice.

    Raises MemberUnavailableError where they hold none, or where the values never change.
    """
    held = [s for s in sorted(set(seasons)) if 1 < s <= min(LONGEST, len(values) // 2)]
    if not held:
        raise MemberUnavailableError("the rows hold no season twice")
    return _fitted(values, held[-MOST_SEASONS:])


def refit(member: Member, values: Floats) -> Member:
    """Fit it to other rows; a fit is as cheap as a climb from where the numbers are."""
    return fit(values, _seasons(member.form))


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run it through a series and on; a gap counts as its forecast.

    Where it diverges all is NaN.
    """
    series = np.ascontiguousarray(values, dtype=np.float64)
    passed = cycles_run(_seasons(member.form), series, np.array(member.numbers), horizon)
    if passed is None:
        nothing = np.full(horizon, np.nan)
        return Ahead(fitted=np.full(len(series), np.nan), mean=nothing, standard_error=nothing)
    return Ahead(
        fitted=passed.fitted,
        mean=passed.means,
        standard_error=np.sqrt(member.variance * passed.variances),
    )


def has(form: str, season: int, count: int) -> bool:
    """Return whether there is such a form of this season, with so many numbers."""
    parts = form.split("+")
    if len(parts) > MOST_SEASONS or not all(
        part.isascii() and part.isdecimal() and len(part) <= len(str(LONGEST)) for part in parts
    ):
        return False
    seasons = _seasons(form)
    is_ordered = seasons == sorted(set(seasons)) and form == "+".join(map(str, seasons))
    is_bounded = seasons[0] > 1 and seasons[-1] <= LONGEST and seasons[0] == season
    return is_ordered and is_bounded and count == _SMOOTHING + 1 + sum(seasons)


def _seasons(form: str) -> list[int]:
    return [int(part) for part in form.split("+")]


def _fitted(values: Floats, seasons: Sequence[int]) -> Member:
    unit, known = unit_of(values), known_count(values)
    series = np.ascontiguousarray(values / unit)
    numbers, value = cycles_fit(seasons, series, tolerance=_TOLERANCE, most=_MOST)
    if value == -np.inf:
        raise MemberUnavailableError("no start leads to a model")
    numbers[_SMOOTHING:] *= unit
    count = 2 + len(seasons)
    member = Member(
        kind="cycles",
        form="+".join(map(str, seasons)),
        season=seasons[0],
        numbers=tuple(numbers.tolist()),
        variance=0.0,
        count=count + 1,
        log_likelihood=value - known * log_of_unit(unit),
    )
    errors = values - run(member, values, 0).fitted
    return replace(member, variance=mean_square(errors, count))
