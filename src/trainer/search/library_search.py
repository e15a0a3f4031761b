"""pmdarima's own stepwise search (`--engine pmdarima`): what the kernel's is measured against."""

import numpy as np

from trainer.errors import ModelNotFittedError
from trainer.fit.order import Floats, Order
from trainer.interruption import held_back

NAME = "pmdarima.auto_arima (stepwise, AICc)"


def search_by_library(values: Floats, *, season: int) -> Order:
    """Return the order with the best AICc that pmdarima meets; `season` 1 means none."""
    with held_back():
        from pmdarima import auto_arima  # noqa: PLC0415 - takes seconds

    scale = float(values.std())
    try:
        found = auto_arima(
            values / scale,
            seasonal=season > 1,
            m=season,
            information_criterion="aicc",
            stepwise=True,
            suppress_warnings=True,
            error_action="ignore",
        )
    except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError) as exc:
        raise ModelNotFittedError(
            f"the search for an order failed: {exc}",
            remedy="name an order, for example --order 1,1,1, or use --engine kernel",
        ) from exc
    p, d, q = found.order
    seasonal_p, seasonal_d, seasonal_q, period = found.seasonal_order
    has_season = seasonal_p + seasonal_d + seasonal_q > 0
    return Order(
        p=p,
        d=d,
        q=q,
        seasonal_p=seasonal_p,
        seasonal_d=seasonal_d,
        seasonal_q=seasonal_q,
        season=period if has_season else 0,
        has_constant=bool(found.with_intercept),
    )
