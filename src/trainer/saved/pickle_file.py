"""A model as the bytes of a joblib file that gives a library's object when loaded.

The file does not hold that object, which is megabytes and differs from run to run. It holds the
values that it is made of, and the calls that make it: `SARIMAX(series, ...).filter(parameters)`.
The object carries the text of the model's JSON as `saved_model`, for those who load it by
`trainer.load`: the library's own arithmetic differs from the kernel's in the last digits.
Loading needs statsmodels and pandas (pmdarima for a searched order), and nothing of this program.
`pickle_reader` opens exactly the forms that are written here: change both together.
"""

import io
from collections.abc import Callable
from functools import partial
from operator import methodcaller
from typing import Any

import joblib

from trainer.fit.fitting import Fitted, parameters
from trainer.fit.prediction import BoxCox
from trainer.interruption import held_back
from trainer.saved.library_object import Sample, model_keywords

_PROTOCOL = 4


class _Call:
    """Stands for the result of a call: the call is pickled, and made when the file is loaded.

    What is in `state` becomes attributes of the result.
    """

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:  # noqa: ANN401 - anything
        self._made_by = function, arguments
        self.state = dict[str, Any]()

    def __reduce__(self) -> tuple[Any, ...]:
        return (*self._made_by, self.state) if self.state else self._made_by


class _Made:
    """Stands for an object with this state, made without its initialiser."""

    def __init__(self, kind: type, state: dict[str, Any]) -> None:
        self._kind, self.state = kind, state

    def __reduce__(self) -> tuple[Any, tuple[type], dict[str, Any]]:
        return object.__new__, (self._kind,), self.state


def dump_results(sample: Sample, fitted: Fitted, saved: bytes = b"") -> bytes:
    """Return a file that gives statsmodels' SARIMAXResults: the same bytes for the same model.

    `saved` are the bytes of the model's JSON, here and below.
    """
    return _dumped(_carrying(_results(sample, fitted), saved))


def dump_search(
    sample: Sample, fitted: Fitted, box_cox: BoxCox | None, saved: bytes = b""
) -> bytes:
    """Return a file that gives pmdarima's ARIMA, as its own search does.

    With a Box-Cox power it is pmdarima's Pipeline of the transform and the ARIMA.
    """
    arima = _arima(sample, fitted)
    whole = arima if box_cox is None else _pipeline(sample, arima, box_cox)
    return _dumped(_carrying(whole, saved))


def dump_mixture(
    sample: Sample, members: tuple[tuple[float, Fitted], ...], saved: bytes = b""
) -> bytes:
    """Return a file that gives a list of pairs: a weight, and statsmodels' SARIMAXResults."""
    results = [_results(sample, fitted) for _, fitted in members]
    _carrying(results[0], saved)
    return _dumped([(weight, each) for (weight, _), each in zip(members, results, strict=True)])


def _carrying(made: "_Call | _Made", saved: bytes) -> "_Call | _Made":
    if saved:
        made.state["saved_model"] = saved.decode()
    return made


def _dumped(value: Any) -> bytes:  # noqa: ANN401 - anything
    target = io.BytesIO()
    joblib.dump(value, target, protocol=_PROTOCOL)
    return target.getvalue()


def _results(sample: Sample, fitted: Fitted) -> _Call:
    with held_back():
        import pandas as pd  # noqa: PLC0415 - half a second
        from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - takes two seconds

    dates = _Call(
        partial(pd.date_range, periods=len(sample.numbers), freq=sample.frequency),
        sample.first_date.isoformat(),
    )
    series = _Call(partial(pd.Series, name=sample.name), sample.numbers.tolist(), dates)
    keywords = model_keywords(fitted)
    if sample.columns.size:
        named = dict(zip(sample.column_names, sample.columns.tolist(), strict=True))
        table = _Call(pd.DataFrame, named, dates)
        sarimax = _Call(partial(SARIMAX, **keywords), series, table)
    else:
        sarimax = _Call(partial(SARIMAX, **keywords), series)
    return _Call(methodcaller("filter", list(parameters(fitted))), sarimax)


def _arima(sample: Sample, fitted: Fitted) -> _Made:
    """Return pmdarima's ARIMA as its `fit` leaves it, with our results in the place of its own."""
    with held_back():
        import pmdarima  # noqa: PLC0415 - takes seconds
        from pmdarima.arima import ARIMA  # noqa: PLC0415 - see above

    order = fitted.order
    arima = ARIMA(
        order=order.trio,
        seasonal_order=order.seasonal if order.season else (0, 0, 0, 0),
        with_intercept=order.has_constant,
        suppress_warnings=True,
    )
    state = {
        **vars(arima),
        "endog_index_": None,
        "arima_res_": _results(sample, fitted),
        "fit_with_exog_": bool(sample.columns.size),
        "nobs_": len(sample.numbers),
        "pkg_version_": pmdarima.__version__,
        "oob_": float("nan"),
        "oob_preds_": None,
    }
    return _Made(ARIMA, state)


def _pipeline(sample: Sample, arima: _Made, box_cox: BoxCox) -> _Made:
    with held_back():
        from pmdarima.pipeline import Pipeline  # noqa: PLC0415 - takes seconds
        from pmdarima.preprocessing import BoxCoxEndogTransformer  # noqa: PLC0415 - see above

    transformer = BoxCoxEndogTransformer(lmbda=box_cox.power, lmbda2=0)
    state = {**vars(transformer), "lam1_": box_cox.power, "lam2_": 0}
    steps = [("box_cox", _Made(BoxCoxEndogTransformer, state)), ("arima", arima)]
    return _Made(
        Pipeline,
        {
            "steps": steps,
            "steps_": steps,
            "x_feats_": list(sample.column_names) or None,
            "n_samples_": len(sample.numbers),
        },
    )
