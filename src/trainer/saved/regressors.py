"""A saved model's regressors of the dates, made again by its plan."""

from typing import TYPE_CHECKING

import numpy as np

from trainer.errors import RegressorsInvalidError, SavedModelInvalidError
from trainer.fit.order import Floats
from trainer.regressors.design import design
from trainer.regressors.plan import find_code
from trainer.saved.origin import Origin

if TYPE_CHECKING:
    import pandas as pd

# What is made again may differ by this much from what the model knew: the library of holidays is
# exact, and so are the waves on every processor.
EXACT = 1e-9
_REMEDY = "use the image that trained it, or train again"


def remade(origin: Origin, dates: "pd.DatetimeIndex") -> Floats:
    """Return the regressors that the plan makes, shape (columns, dates).

    `dates` begin with the first that the model was trained on. Raises SavedModelInvalidError where
    the plan does not make them.
    """
    names = origin.regressors[: len(origin.regressors) - len(origin.given)]
    if not names:
        return np.zeros((0, len(dates)))
    try:
        if origin.plan.holidays is not None:
            find_code(origin.plan.holidays)
        made = design(origin.plan, dates, 0)
    except RegressorsInvalidError as exc:
        raise SavedModelInvalidError(f"the model's calendar: {exc.what}", remedy=_REMEDY) from exc
    absent = [name for name in names if name not in made.names]
    if absent:
        raise SavedModelInvalidError(
            f"this calendar does not compute {', '.join(absent)}",
            remedy=_REMEDY,
        )
    return made.matrix.T[[made.names.index(name) for name in names]]
