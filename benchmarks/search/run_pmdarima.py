"""pmdarima's auto_arima with its defaults."""

import numpy as np
import pmdarima

from search.protocol import Reply, Task, serve


def fit(task: Task) -> Reply:
    """Search by the engine's defaults and forecast; gaps are filled, because it knows none."""
    model = pmdarima.auto_arima(
        filled(np.array(task.values)),
        d=task.d,
        D=task.seasonal_d,
        seasonal=task.season > 1,
        m=max(task.season, 1),
        error_action="ignore",
        suppress_warnings=True,
    )
    forecast = model.predict(task.horizon)
    p, d, q = model.order
    seasonal_p, seasonal_d, seasonal_q, season = model.seasonal_order
    results = model.arima_res_
    numbers = dict(zip(results.param_names, (float(n) for n in results.params), strict=True))
    ar = tuple(numbers[f"ar.L{i + 1}"] for i in range(p))
    seasonal_ar = tuple(numbers[f"ar.S.L{season * (i + 1)}"] for i in range(seasonal_p))
    mean = numbers.get("intercept")
    if mean is not None:
        mean /= (1 - sum(ar)) * (1 - sum(seasonal_ar))
    return Reply(
        name=task.name,
        cpu_s=0.0,
        order=(p, d, q, seasonal_p, seasonal_d, seasonal_q, season),
        ar=ar,
        ma=tuple(numbers[f"ma.L{i + 1}"] for i in range(q)),
        seasonal_ar=seasonal_ar,
        seasonal_ma=tuple(numbers[f"ma.S.L{season * (i + 1)}"] for i in range(seasonal_q)),
        mean=mean,
        log_likelihood=float(results.llf),
        aicc=float(model.aicc()),
        forecast=tuple(float(v) for v in forecast),
    )


def filled(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Return the values with gaps on the straight line between their neighbours."""
    known = ~np.isnan(values)
    places = np.arange(len(values))
    return [float(v) for v in np.interp(places, places[known], values[known])]


if __name__ == "__main__":
    serve(fit)
