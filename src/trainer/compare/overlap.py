"""Whether the data are of the series that a model was trained on: by the values that both have."""

import numpy as np

from trainer.errors import ComparisonImpossibleError
from trainer.fit.order import Floats

FEWEST_SHARED = 10
LARGEST_DIFFERENT_SHARE = 0.1
_EXACT = 1e-9


def count_different(theirs: Floats, data: Floats, *, what: str, role: str) -> int:
    """Return how many of the values that both have differ. Refuses too few of them, or too many.

    `what` names the values, such as "values of daily.csv".
    """
    is_shared = ~np.isnan(theirs) & ~np.isnan(data)
    shared = int(is_shared.sum())
    if shared < FEWEST_SHARED:
        raise ComparisonImpossibleError(
            f"only {shared} {what} overlap with the training data of the {role}: too few to check "
            "whether it is the same series",
            remedy=f"give --data that begins earlier: at least {FEWEST_SHARED} values before the "
            "last date of either model",
        )
    is_equal = np.isclose(theirs[is_shared], data[is_shared], rtol=_EXACT, atol=0)
    different = shared - int(is_equal.sum())
    if different > LARGEST_DIFFERENT_SHARE * shared:
        raise ComparisonImpossibleError(
            f"{different} of {shared} {what} differ from the training data of the {role}: it is "
            "another or a revised series",
            remedy="give --data of the series that both models were trained on, or train again",
        )
    return different
