"""A fitted model as the object of a library that users know, and its errors over the known rows.

The kernel's numbers go into statsmodels' SARIMAX by filtering: nothing is fitted again.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from trainer.fit.fitting import Data, Fitted, Likelihood, no_columns, parameters
from trainer.fit.order import Floats, Order
from trainer.interruption import held_back
from trainer.search.found import Found

if TYPE_CHECKING:
    import pandas as pd

# What a level before the first value may vary by, in variances of the innovations.
DIFFUSE = 1e8
MOST_TO_OPEN = 500_000_000  # bytes
_AGREEMENT = 0.01
# Bytes for each row and pair of states that statsmodels' filter keeps: 7.4 to 7.6 matrices of
# doubles, measured with statsmodels 0.15 on 49, 55 and 103 states.
_BYTES_OF_A_PAIR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a model was fitted to: the numbers (NaN: a gap) on their calendar, and their name.

    `numbers` are as the model takes them, transformed if it transforms.
    """

    name: str
    numbers: Floats
    first_date: "pd.Timestamp"
    frequency: str
    columns: Floats = field(default_factory=no_columns)
    column_names: tuple[str, ...] = ()


def build_results(sample: Sample, fitted: Fitted) -> Any:  # noqa: ANN401 - statsmodels has no types
    """Return statsmodels' results object of a model; fits nothing, and takes `bytes_to_open`."""
    return _library_model(sample, fitted).filter(list(parameters(fitted)))


def _library_model(sample: Sample, fitted: Fitted) -> Any:  # noqa: ANN401 - statsmodels has no types
    with held_back():
        import pandas as pd  # noqa: PLC0415 - half a second
        from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - takes two seconds

    index = pd.date_range(sample.first_date, periods=len(sample.numbers), freq=sample.frequency)
    series = pd.Series(sample.numbers, index=index, name=sample.name)
    table = None
    if sample.columns.size:
        table = pd.DataFrame(sample.columns.T, index=index, columns=list(sample.column_names))
    return SARIMAX(series, exog=table, **model_keywords(fitted))


def model_keywords(fitted: Fitted) -> dict[str, Any]:
    """Return the arguments that SARIMAX needs besides the series and the regressors."""
    order = fitted.order
    return {
        "order": order.trio,
        "seasonal_order": order.seasonal if order.season else (0, 0, 0, 0),
        "trend": "c" if order.has_constant else "n",
        "initial_variance": DIFFUSE * fitted.variance,
        "tolerance": 0,  # else the filter takes small variances for none
    }


def residuals(found: Found) -> Floats:
    """Return the best member's errors one step ahead; NaN where differencing or a gap leaves none.

    They are on the model's scale, and each is brought to the spread of the late ones: the first
    ones, of which less was known, are larger as they come.
    """
    fitted, values = found.best, found.values  # noqa: PD011 - no pandas series
    errors = Likelihood(Data(values, found.columns), fitted.order).innovations(fitted.point)
    if len(errors) == len(values):  # with gaps: the levels' filter tells 0 where there is none
        whole = np.where(np.isnan(values) | (errors == 0), np.nan, errors)
    else:
        whole = np.concatenate([np.full(len(values) - len(errors), np.nan), errors])
    return whole


def bytes_to_open(order: Order, rows: int) -> int:
    """Return the memory that statsmodels' object of a model takes, apart from the libraries."""
    lags = max(
        order.p + order.season * order.seasonal_p, order.q + order.season * order.seasonal_q + 1
    )
    states = order.d + order.season * order.seasonal_d + lags
    return _BYTES_OF_A_PAIR * rows * states**2


def too_large_to_open(order: Order, rows: int) -> str | None:
    """Return why a model is not written as the library's object; None where it is."""
    needed = bytes_to_open(order, rows)
    if needed <= MOST_TO_OPEN:
        return None
    return (
        f"no models/arima_model.pkl: opening {order} of {rows} rows in statsmodels would take "
        f"about {needed / 1e9:.1f} GB of memory (limit {MOST_TO_OPEN / 1e9:g} GB); "
        "use models/arima_model.json"
    )


def disagreement(sample: Sample, fitted: Fitted) -> str | None:
    """Return a note where statsmodels computes another likelihood for the same numbers.

    Its filter keeps none of the states of the rows for that. With gaps the two count the first
    rows differently, and nothing is compared.
    """
    if np.isnan(sample.numbers).any():
        return None
    theirs = float(_library_model(sample, fitted).loglike(list(parameters(fitted))))
    ours = fitted.log_likelihood
    if abs(theirs - ours) <= _AGREEMENT:
        return None
    return f"statsmodels computes log-likelihood {theirs:.3f} for the same model, not {ours:.3f}"
