"""The dynamic optimised Theta model (Fiorucci et al. 2016) of the seasonally adjusted series."""

from dataclasses import replace

import numpy as np

from trainer.fit.order import Floats
from trainer.kernel.smoothing import theta_fit, theta_run
from trainer.members.adjustment import Adjustment, adjustment_of
from trainer.members.member import (
    Ahead,
    Member,
    MemberUnavailableError,
    filled,
    known_count,
    mean_square,
    unit_of,
)

FEWEST = 5
_PARAMETERS = 3
_UNCOUNTED = 3  # errors while the line has no more values than numbers; theta.c leaves them out


def fit(values: Floats, season: int) -> Member:
    """Fit it. Raises MemberUnavailableError below five values, or where they never change."""
    unit = unit_of(values)
    if known_count(values) < FEWEST:
        raise MemberUnavailableError(f"fewer than {FEWEST} values")
    adjustment = adjustment_of(values, season)
    adjusted = adjustment.removed(filled(values)) / unit
    numbers, squares = theta_fit(adjusted)
    if not squares < np.inf:
        raise MemberUnavailableError("no smoothing gives finite errors")
    numbers[1] *= unit
    member = Member(
        kind="theta",
        form=f"/{adjustment.how}",
        season=season,
        numbers=(*numbers.tolist(), *adjustment.indices),
        variance=0.0,
        count=_PARAMETERS + 1 + max(0, len(adjustment.indices) - 1),
    )
    errors = adjustment.removed(values) - theta_run(adjusted * unit, numbers, 0).fitted
    return replace(member, variance=mean_square(errors[_UNCOUNTED:], _PARAMETERS))


def refit(member: Member, values: Floats) -> Member:
    """Fit it to other rows; one dimension is searched, so there is nothing to set out from."""
    return fit(values, member.season)


def run(member: Member, values: Floats, horizon: int) -> Ahead:
    """Run it through a series and on; a gap counts as the line between its neighbours.

    The variance grows as that of simple exponential smoothing, alpha² a step.
    """
    adjustment = Adjustment(how=member.form[-1], indices=member.numbers[_PARAMETERS:])
    numbers = np.array(member.numbers[:_PARAMETERS])
    passed = theta_run(adjustment.removed(filled(values)), numbers, horizon)
    rows = len(values)
    growth = 1 + np.arange(horizon) * float(numbers[0]) ** 2
    return Ahead(
        fitted=adjustment.restored(passed.fitted, 0),
        mean=adjustment.restored(passed.means, rows),
        standard_error=adjustment.spread(np.sqrt(member.variance * growth), rows),
    )


def has(form: str, season: int, count: int) -> bool:
    """Return whether there is such a form, with so many numbers."""
    return form in ("/N", "/A", "/M") and count == _PARAMETERS + (season if form != "/N" else 0)
