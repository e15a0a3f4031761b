"""Our default, as `trainer.combine.series.forecast_series` makes it."""

import numpy as np

from search.protocol import Reply, Task, serve
from trainer.combine.series import forecast_series


def fit(task: Task) -> Reply:
    """Fit and forecast, with the errors from the origins inside the series."""
    found = forecast_series(np.array(task.values), season=task.season, horizon=task.horizon)
    return Reply(name=task.name, cpu_s=0.0, forecast=tuple(found.prediction.point.tolist()))


if __name__ == "__main__":
    serve(fit)
