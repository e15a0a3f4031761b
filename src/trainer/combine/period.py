"""Whether the steps of a series show a period that nobody named."""

from collections.abc import Sequence
from math import fsum

import numpy as np

from trainer.fit.order import Floats
from trainer.members.member import filled

_FEWEST_ROWS, _FEWEST_PERIODS = 100, 3
_CLEAR = 0.25  # of the steps' autocorrelation: of noise it is below 0.1 with a hundred rows
_OUTERMOST = 50  # one step in so many is cut off at either end


def shown_period(values: Floats, periods: Sequence[int]) -> int | None:
    """Return which of the periods the steps repeat themselves after; None where that is not clear.

    Steps, because levels that drift are alike at every distance; the largest of them are cut off,
    so that one jump does not decide. `values` has shape (rows,), NaN for gaps.
    """
    known = np.flatnonzero(~np.isnan(values))
    if len(known) < _FEWEST_ROWS:
        return None
    size = float(np.max(np.abs(values[known]))) or 1.0
    steps = np.diff(filled(values[known[0] : known[-1] + 1] / size))
    ordered = np.sort(steps)
    place = len(steps) // _OUTERMOST
    steps = np.clip(steps, ordered[place], ordered[-1 - place])
    centred = steps - fsum(steps.tolist()) / len(steps)
    whole = fsum((centred * centred).tolist())
    if not whole > 0:
        return None
    held = [period for period in periods if len(values) >= _FEWEST_PERIODS * period]
    alike = [fsum((centred[at:] * centred[:-at]).tolist()) / whole for at in held]
    best = max(range(len(held)), key=lambda place: alike[place], default=None)
    return held[best] if best is not None and alike[best] >= _CLEAR else None
