"""Complex exponential smoothing (Svetunkov, Kourentzes and Ord 2022), by AICc of its four forms."""

from dataclasses import replace

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.smoothing import ces_fit, ces_run
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

_FORMS = ("none", "simple", "partial", "full")
_COUNTS = (3, 3, 4, 5)  # of the smoothing and the variance, as its authors' criterion counts
_SMOOTHING = 4
_TOLERANCE, _MOST = 1e-5, 500
_LONGEST = 2000


def fit(values: Floats, season: int) -> Member:
    """Fit the forms that the series allows, and return the one of the lowest AICc.

    Raises MemberUnavailableError where the values never change or are too few.
    """
    is_seasonal = 1 < season <= min(_LONGEST, len(values) // 2)
    found = [fit_form(form, values, season) for form in (_FORMS if is_seasonal else _FORMS[:1])]
    best = min(found, key=_criterion)
    if not _criterion(best) < np.inf:
        raise MemberUnavailableError("too few values for complex exponential smoothing")
    return best


def refit(member: Member, values: Floats) -> Member:
    """Find the numbers of the same form for other rows, from where they are."""
    found = fit_form(member.form, values, member.season, np.array(member.numbers))
    if found.log_likelihood == -np.inf:
        raise MemberUnavailableError("no start leads to a model")
    return found


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run it through a series and on. A gap moves no state. All is NaN where it diverges."""
    kind = _FORMS.index(member.form)
    series = np.ascontiguousarray(values, dtype=np.float64)
    numbers = np.array(member.numbers)
    passed = ces_run(kind, _season(kind, member.season), series, numbers, horizon)
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
    if form not in _FORMS or (form != "none" and not 1 < season <= _LONGEST):
        return False
    states = {"none": 2, "simple": 2 * season}.get(form, 2 + 2 * season)
    return count == _SMOOTHING + states


def fit_form(form: str, values: Floats, season: int, warm: Floats | None = None) -> Member:
    """Fit one form, from `warm` or the usual start; minus infinity where none leads to a model."""
    kind, unit, known = _FORMS.index(form), unit_of(values), known_count(values)
    series = np.ascontiguousarray(values / unit)
    if warm is not None:
        warm = np.concatenate([warm[:_SMOOTHING], warm[_SMOOTHING:] / unit])
    lag, whole = _season(kind, season), filled(series)
    numbers, value = ces_fit(kind, lag, series, whole, tolerance=_TOLERANCE, most=_MOST, warm=warm)
    height = value - known * log_of_unit(unit)
    numbers[_SMOOTHING:] *= unit
    member = Member(
        kind="ces",
        form=form,
        season=season,
        numbers=tuple(numbers.tolist()),
        variance=0.0,
        count=_COUNTS[kind],
        log_likelihood=height,
        aicc=aicc_of(height, _COUNTS[kind], known),
    )
    if value == -np.inf:
        return member
    errors = values - run(member, values, 0).fitted
    variance = mean_square(errors, _COUNTS[kind] - 1)
    return replace(member, variance=variance)


def _season(kind: int, season: int) -> int:
    return season if kind else 1


def _criterion(member: Member) -> float:
    return np.inf if member.aicc is None else member.aicc
