"""statsforecast's AutoARIMA, default or with `--approximation`; runs in .venv-bench."""

import sys

import numpy as np
from statsforecast.models import (  # type: ignore[import-not-found]  # in .venv-bench only
    AutoARIMA,
)

from search.protocol import Reply, Task, mean_of_differences, serve


def fit(task: Task) -> Reply:
    """Search by the engine's defaults and forecast."""
    model = AutoARIMA(
        d=task.d,
        D=task.seasonal_d,
        season_length=max(task.season, 1),
        approximation="--approximation" in sys.argv,
    )
    model.fit(np.array(task.values))
    forecast = model.predict(task.horizon)["mean"]
    found = model.model_
    p, q, seasonal_p, seasonal_q, season, d, seasonal_d = (int(n) for n in found["arma"])
    numbers = {name: float(value) for name, value in found["coef"].items()}
    return Reply(
        name=task.name,
        cpu_s=0.0,
        order=(p, d, q, seasonal_p, seasonal_d, seasonal_q, season),
        ar=tuple(numbers[f"ar{i + 1}"] for i in range(p)),
        ma=tuple(numbers[f"ma{i + 1}"] for i in range(q)),
        seasonal_ar=tuple(numbers[f"sar{i + 1}"] for i in range(seasonal_p)),
        seasonal_ma=tuple(numbers[f"sma{i + 1}"] for i in range(seasonal_q)),
        mean=mean_of_differences(numbers, season if seasonal_d else 1),
        log_likelihood=float(found["loglik"]),
        aicc=float(found["aicc"]),
        forecast=tuple(float(v) for v in forecast),
    )


if __name__ == "__main__":
    serve(fit)
