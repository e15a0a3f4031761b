"""Exponential smoothing: the form of the lowest AICc (Hyndman and Khandakar 2008).

Fifteen forms at most: errors add (A) or multiply (M), no trend, one, or a damped one (N, A, Ad), no
season, one that adds or one that multiplies (N, A, M). A season multiplies only beside errors
that do, and both only where every value is positive. Seasons of more than 24 steps are taken out
before (adjustment.py).
"""

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.smoothing import EtsForm, Passed
from trainer.members.adjustment import NONE, Adjustment, adjustment_of
from trainer.members.member import (
    Ahead,
    Member,
    MemberUnavailableError,
    aicc_of,
    filled,
    known_count,
    log_of_unit,
    mean_square,
    unit_of,
)

LONGEST = 24  # steps of a season whose positions are states
_TRENDS, _SEASONS = ("N", "A", "Ad"), ("N", "A", "M")
_FORMS = tuple(
    error + trend + seasonal
    for error in "AM"
    for trend in _TRENDS
    for seasonal in _SEASONS
    if error == "M" or seasonal != "M"
)
_ROUGH, _ROUGH_STARTS = 1e-4, 2
_FINE, _FINE_STARTS = 1e-7, 4
_REFINED = 3
_MOST = 1000
_STATES = slice(4, 6)


def fit(values: Floats, season: int) -> Member:
    """Fit all forms that the series allows, and return the one of the lowest AICc.

    Raises MemberUnavailableError where the values never change or are too few for the criterion.
    """
    adjustment = Adjustment(how=NONE)
    if season > LONGEST:
        adjustment = adjustment_of(values, season)
        season_of_states = 1
    else:
        season_of_states = season
    task = _Task(values, season, adjustment)
    forms = [form for form in _FORMS if task.allows(form, season_of_states)]
    rough = [task.fit(form, tolerance=_ROUGH, starts=_ROUGH_STARTS) for form in forms]
    best = sorted((member for member in rough if _criterion(member) < np.inf), key=_criterion)
    if not best:
        raise MemberUnavailableError("too few values for any form of exponential smoothing")
    fine = [
        task.fit(member.form.split("/")[0], tolerance=_FINE, starts=_FINE_STARTS)
        for member in best[:_REFINED]
    ]
    return min(fine, key=_criterion)


def refit(member: Member, values: Floats) -> Member:
    """Find the numbers of the same form for other rows, from where they are.

    Raises MemberUnavailableError where the form does not allow these rows.
    """
    form = member.form.split("/")[0]
    adjustment = Adjustment(how=NONE)
    if "/" in member.form:
        adjustment = adjustment_of(values, member.season)
    task = _Task(values, member.season, adjustment)
    if form[0] == "M" and not task.is_positive:
        raise MemberUnavailableError("errors multiply, and not all values are positive")
    warm = np.array(member.numbers[: _form(form, _states_of(form, member.season)).places])
    found = task.fit(form, tolerance=_ROUGH, starts=1, warm=warm)
    if found.log_likelihood == -np.inf:
        found = task.fit(form, tolerance=_ROUGH, starts=_ROUGH_STARTS)
    if found.log_likelihood == -np.inf:
        raise MemberUnavailableError("no start leads to a model")
    return found


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run it through a series and on. A gap moves no state.

    Where the series leaves what the form can have, all is NaN.
    """
    form = member.form.split("/")[0]
    places = _form(form, _states_of(form, member.season)).places
    numbers, indices = np.array(member.numbers[:places]), member.numbers[places:]
    adjustment = Adjustment(how=member.form[-1] if indices else NONE, indices=indices)
    passed = _pass(
        form, member.season, adjustment.removed(values), numbers, member.variance, horizon
    )
    rows = len(values)
    return Ahead(
        fitted=adjustment.restored(passed.fitted, 0),
        mean=adjustment.restored(passed.means, rows),
        standard_error=adjustment.spread(np.sqrt(passed.variances), rows),
    )


def has(form: str, season: int, count: int) -> bool:
    """Return whether there is such a form of this season, with so many numbers."""
    plain, _, how = form.partition("/")
    if plain not in _FORMS or form not in (plain, f"{plain}/A", f"{plain}/M"):
        return False
    if plain[-1] != "N" and (how or not 1 < season <= LONGEST):
        return False
    places = _form(plain, _states_of(plain, season)).places
    return count == places + (season if how else 0)


class _Task:
    """A series, seasonally adjusted and in units of its steps."""

    def __init__(self, values: Floats, season: int, adjustment: Adjustment) -> None:
        self._season = season
        self._adjustment = adjustment
        self._adjusted = np.ascontiguousarray(adjustment.removed(values), dtype=np.float64)
        self._unit = unit_of(self._adjusted)
        self._series = self._adjusted / self._unit
        self._filled = filled(self._series)
        self._known = known_count(values)
        self.is_positive = bool((self._filled > 0).all())

    def allows(self, form: str, season: int) -> bool:
        """Return whether there are values enough, and of the right sign."""
        if form[-1] != "N" and not 1 < season <= len(self._series) // 2:
            return False
        is_possible = self.is_positive or form[0] == "A"
        return is_possible and self._known > _count(form, self._season) + 1

    def fit(
        self, form: str, *, tolerance: float, starts: int, warm: Floats | None = None
    ) -> Member:
        """Fit one form; its log-likelihood is minus infinity where no start leads to a model."""
        kernel = _form(form, _states_of(form, self._season))
        if warm is not None:
            warm = self._in_units(form, warm, 1 / self._unit)
        series, whole = self._series, self._filled
        numbers, value = kernel.fit(
            series, whole, tolerance=tolerance, most=_MOST, starts=starts, warm=warm
        )
        numbers = self._in_units(form, numbers, self._unit)
        height = value - self._known * log_of_unit(self._unit)
        count = _count(form, self._season)
        variance = 0.0
        if value > -np.inf:
            fitted = _pass(form, self._season, self._adjusted, numbers, 1.0, 0).fitted
            errors = self._adjusted - fitted
            variance = mean_square(errors / fitted if form[0] == "M" else errors, count - 1)
        how = self._adjustment.how
        return Member(
            kind="ets",
            form=form if how == NONE else f"{form}/{how}",
            season=self._season,
            numbers=(*numbers.tolist(), *self._adjustment.indices),
            variance=variance,
            count=count,
            log_likelihood=height,
            aicc=aicc_of(height, count, self._known),
        )

    def _in_units(self, form: str, numbers: Floats, unit: float) -> Floats:
        numbers = numbers.copy()
        numbers[_STATES] *= unit
        if form[-1] == "A":
            numbers[_STATES.stop :] *= unit
        return numbers


def _pass(  # noqa: PLR0913, PLR0917 - a model is that many things
    form: str, season: int, values: Floats, numbers: Floats, variance: float, horizon: int
) -> Passed:
    series = np.ascontiguousarray(values, dtype=np.float64)
    kernel = _form(form, _states_of(form, season))
    passed = kernel.run(series, np.ascontiguousarray(numbers), variance, horizon)
    if passed is not None:
        return passed
    nothing = np.full(horizon, np.nan)
    return Passed(np.full(len(series), np.nan), nothing, nothing)


def _form(form: str, season: int) -> EtsForm:
    return EtsForm(
        "AM".index(form[0]) + 1, _TRENDS.index(form[1:-1]), _SEASONS.index(form[-1]), season
    )


def _states_of(form: str, season: int) -> int:
    return season if form[-1] != "N" else 1


def _count(form: str, season: int) -> int:
    """Return alpha, level and variance, and what trend, damping and season add."""
    seasonal = _states_of(form, season) if form[-1] != "N" else 0
    return 3 + {"N": 0, "A": 2, "Ad": 3}[form[1:-1]] + seasonal


def _criterion(member: Member) -> float:
    return np.inf if member.aicc is None else member.aicc
