"""A model as the bytes of a joblib file that gives statsmodels' results object when loaded.

The file does not hold that object, which is megabytes and differs from run to run. It holds the
values that it is made of, and the calls that make it: `SARIMAX(series, ...).filter(parameters)`.
Loading needs statsmodels and pandas, and nothing of this program.
"""

import io
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any

import joblib
import pandas as pd

from trainer.model import Model, model_keywords

_PROTOCOL = 4


class _Call:
    """Stands for the result of a call: the call is pickled, and made when the file is loaded."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:  # noqa: ANN401 - anything
        self._made_by = function, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self._made_by


def dump_model(model: Model) -> bytes:
    """Return the file's bytes: the same ones for the same model."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - takes two seconds

    sample, count = model.sample, len(model.sample.numbers)
    first = sample.first_date.isoformat()
    dates = _Call(partial(pd.date_range, periods=count, freq=sample.frequency), first)
    series = _Call(partial(pd.Series, name=sample.name), sample.numbers.tolist(), dates)
    sarimax = _Call(partial(SARIMAX, **model_keywords(model)), series)
    results = _Call(methodcaller("filter", list(model.parameters)), sarimax)
    target = io.BytesIO()
    joblib.dump(results, target, protocol=_PROTOCOL)
    return target.getvalue()


def load_model(content: bytes) -> Any:  # noqa: ANN401 - statsmodels has no types
    """Return statsmodels' results object."""
    return joblib.load(io.BytesIO(content))
