"""skforecast's Arima, its order left to its own search; runs in .venv-bench.

It takes no given differencing: a task that names one is refused.
"""

import numpy as np
from skforecast.stats import Arima  # type: ignore[import-not-found]  # in .venv-bench only

from search.protocol import Reply, Task, mean_of_differences, serve


def fit(task: Task) -> Reply:
    """Search by the engine's defaults and forecast."""
    if task.d is not None or task.seasonal_d is not None:
        raise ValueError("skforecast searches its own differencing")
    model = Arima(order=None, seasonal_order=None, m=max(task.season, 1))
    model.fit(np.array(task.values))
    forecast = model.predict(task.horizon)
    p, q, seasonal_p, seasonal_q, season, d, seasonal_d = (int(n) for n in model.arma_)
    numbers = dict(zip(model.coef_names_, (float(n) for n in model.coef_), strict=True))
    return Reply(
        name=task.name,
        cpu_s=0.0,
        order=(p, d, q, seasonal_p, seasonal_d, seasonal_q, season),
        ar=tuple(numbers[f"ar{i + 1}"] for i in range(p)),
        ma=tuple(numbers[f"ma{i + 1}"] for i in range(q)),
        seasonal_ar=tuple(numbers[f"sar{i + 1}"] for i in range(seasonal_p)),
        seasonal_ma=tuple(numbers[f"sma{i + 1}"] for i in range(seasonal_q)),
        mean=mean_of_differences(numbers, season if seasonal_d else 1),
        log_likelihood=float(model.loglik_),
        forecast=tuple(float(v) for v in forecast),
    )


if __name__ == "__main__":
    serve(fit)
