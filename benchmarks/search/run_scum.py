"""One engine of SCUM by statsforecast, named by `--engine`; runs in .venv-bench.

SCUM is the median of four automatic engines (Petropoulos and Svetunkov 2020, International Journal
of Forecasting 36, 110-115): ARIMA, exponential smoothing, complex exponential smoothing and the
dynamic optimised Theta.
"""

import sys

import numpy as np
from statsforecast import models  # type: ignore[import-not-found]  # in .venv-bench only

from search.protocol import Reply, Task, serve

_ENGINE = getattr(models, sys.argv[sys.argv.index("--engine") + 1])


def fit(task: Task) -> Reply:
    """Fit by the engine's defaults and forecast."""
    values = np.array(task.values)
    ahead = _ENGINE(season_length=max(task.season, 1)).forecast(y=values, h=task.horizon)["mean"]
    return Reply(name=task.name, cpu_s=0.0, forecast=tuple(float(value) for value in ahead))


if __name__ == "__main__":
    serve(fit)
