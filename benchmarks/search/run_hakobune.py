"""Our own search; `--select` and its name choose how: aicc, backtest, average or default.

It runs with this project's `src` on the path, and imports nothing that the search does not.
"""

import inspect
import sys
from typing import TYPE_CHECKING, cast

import numpy as np

from search.protocol import Reply, Task, serve
from trainer.fit.fitting import Fitted
from trainer.kernel.library import coefficients
from trainer.search.find import find_model

if TYPE_CHECKING:
    from trainer.search.found import Select

_NAMED = sys.argv[sys.argv.index("--select") + 1]
_DEFAULT = inspect.signature(find_model).parameters["select"].default
_SELECT = cast("Select", _DEFAULT if _NAMED == "default" else _NAMED)


def fit(task: Task) -> Reply:
    """Search and forecast; the model told is the member of the largest weight."""
    found = find_model(
        np.array(task.values),
        season=task.season,
        select=_SELECT,
        differencing=None if task.d is None else (task.d, task.seasonal_d or 0),
        horizon=task.horizon,
    )
    return reply_of(task, found.best, tuple(found.predict(task.horizon).point.tolist()))


def reply_of(task: Task, best: Fitted, forecast: tuple[float, ...]) -> Reply:
    """Return the reply that tells this model and forecast."""
    ar, ma, seasonal_ar, seasonal_ma = coefficients(best.order, best.point)
    return Reply(
        name=task.name,
        cpu_s=0.0,
        order=(*best.order.trio, *best.order.seasonal),
        ar=tuple(ar.tolist()),
        ma=tuple(ma.tolist()),
        seasonal_ar=tuple(seasonal_ar.tolist()),
        seasonal_ma=tuple(seasonal_ma.tolist()),
        mean=best.mean if best.order.has_constant else None,
        log_likelihood=best.log_likelihood,
        aicc=best.aicc,
        forecast=forecast,
    )


if __name__ == "__main__":
    serve(fit)
