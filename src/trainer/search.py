"""Find an order for a series: pmdarima's stepwise search, on the training part only."""

import numpy as np

from trainer.errors import ModelNotFittedError, SeriesConstantError
from trainer.likelihood import Floats, Order

ENGINE = "pmdarima.auto_arima (stepwise, AICc)"
_FEWEST_SEASONS = 3


def search_order(values: Floats, *, season: int) -> Order:
    """Return the order with the best AICc that the search meets; seasonal from three seasons on."""
    from pmdarima import auto_arima  # noqa: PLC0415 - takes seconds

    if float(values.min()) == float(values.max()):
        raise SeriesConstantError(
            f"every known value of the training part is {values[0]:g}",
            remedy="choose a column that varies",
        )
    is_seasonal = season > 1 and len(values) >= _FEWEST_SEASONS * season
    scale = float(values.std())
    try:
        found = auto_arima(
            values / scale,
            seasonal=is_seasonal,
            m=season if is_seasonal else 1,
            information_criterion="aicc",
            stepwise=True,
            suppress_warnings=True,
            error_action="ignore",
        )
    except (ValueError, IndexError, ArithmeticError, np.linalg.LinAlgError) as exc:
        raise ModelNotFittedError(
            f"the search for an order failed: {exc}",
            remedy="name an order, for example --order 1,1,1",
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
