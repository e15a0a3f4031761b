"""Opens the pickles that a training writes, and no others: nothing that a file names is called.

The unpickler gets an inert stand-in for every name, so that all it makes are plain values and notes
of calls. These are compared with the forms that `pickle_file` writes, and only then are the objects
made, here. A list of permitted callables would not do: `partial`, `methodcaller`, `getattr` and the
state of an object lead from each of them to all others.
"""

import io
import pickle
import pickletools
from datetime import datetime
from math import isfinite
from typing import Any, NoReturn

from trainer.interruption import held_back
from trainer.settings import LARGEST_ORDER, LARGEST_SEASONAL_ORDER

# Those that `pickle_file` writes. The others are not needed, and some take memory before any check.
_OPCODES = frozenset(
    (
        *("PROTO", "FRAME", "STOP", "MARK", "MEMOIZE", "BINGET", "LONG_BINGET", "STACK_GLOBAL"),
        *("NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "BINFLOAT"),
        *("SHORT_BINUNICODE", "BINUNICODE", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT"),
        *("SETITEM", "SETITEMS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"),
        *("REDUCE", "BUILD"),
    )
)
_SARIMAX = "statsmodels.tsa.statespace.sarimax.SARIMAX"
_ARIMA = "pmdarima.arima.arima.ARIMA"
_PIPELINE = "pmdarima.pipeline.Pipeline"
_BOX_COX = "pmdarima.preprocessing.endog.boxcox.BoxCoxEndogTransformer"
# A training writes a few for each model. Python's hash of tuples in tuples is recursive, in C.
_MOST_TUPLES = 5_000
_SCALARS = (str, int, float, bool, type(None))


class ForeignPickleError(Exception):
    """The pickle has a content that no training writes; nothing of it was called."""


class _Name:
    """Stands for what the file would import."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self, *arguments: object) -> "_Call":
        return _Call(self, arguments)

    def __setstate__(self, _state: object) -> NoReturn:
        raise ForeignPickleError(f"it changes {self.text}")


class _Call:
    """Stands for the result of a call, and what would become its attributes."""

    __slots__ = ("arguments", "function", "state")

    def __init__(self, function: "_Name | _Call", arguments: tuple[object, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.state: object = None

    def __call__(self, *arguments: object) -> "_Call":
        return _Call(self, arguments)

    def __setstate__(self, state: object) -> None:
        if self.state is not None:
            raise ForeignPickleError("it sets the state of an object twice")
        self.state = state


class _Unpickler(pickle.Unpickler):
    """Imports nothing."""

    def find_class(self, module_name: str, global_name: str) -> _Name:
        return _Name(f"{module_name}.{global_name}")


def read_pickle(content: bytes) -> Any:  # noqa: ANN401 - the libraries have no types
    """Return the library's object of a model's file.

    Raises ForeignPickleError where the file has any other content, and whatever the libraries raise
    where they are missing or are of another release.
    """
    tree = _parsed(content)
    if isinstance(tree, list) and tree:
        return [_weighted(pair, is_first=pair is tree[0]) for pair in tree]
    call = _call(tree)
    return _results(call) if _is_filter(call) else _object(call)


def _parsed(content: bytes) -> object:
    """Return the values and the notes of calls that the file's instructions make."""
    try:
        _check_opcodes(content)
        return _Unpickler(io.BytesIO(content)).load()
    except (ForeignPickleError, MemoryError):
        raise
    except Exception as exc:
        raise ForeignPickleError(f"it is incomplete or damaged ({type(exc).__name__})") from exc


def _check_opcodes(content: bytes) -> None:
    tuples = 0
    for opcode, argument, _ in pickletools.genops(content):
        tuples += opcode.name.startswith("TUPLE")
        if opcode.name not in _OPCODES or tuples > _MOST_TUPLES:
            told = "" if argument is None else f" {argument!r}"
            _refuse(f"it uses {opcode.name}{told:.60}")


def _weighted(pair: object, *, is_first: bool) -> tuple[float, Any]:
    """Return a member of a mixture. Only the first carries the text of the model's JSON."""
    weight, results = _tuple(pair, 2)
    (number,) = _numbers([weight])
    return number, _results(_call(results), has_state=is_first)


def _is_filter(call: _Call) -> bool:
    function = call.function
    return isinstance(function, _Call) and _text(function.function) == "operator.methodcaller"


def _results(call: _Call, *, has_state: bool = True) -> Any:  # noqa: ANN401 - as above
    """Return `SARIMAX(series, ...).filter(parameters)`."""
    method, given = _tuple(_called(call.function, "operator.methodcaller").arguments, 2)
    if method != "filter":
        raise ForeignPickleError("it calls another method than filter")
    parameters = _numbers(given)
    (model,) = _tuple(call.arguments, 1)
    keywords, parts = _partial(_call(model), _SARIMAX)
    _check_keywords(keywords)
    series, *tables = parts if len(parts) in {1, 2} else _refuse("SARIMAX gets other arguments")
    if not isinstance(series, _Call):
        _refuse("the series has another form")
    made, dates = _series(series)
    exogenous = _table(_call(tables[0]), dates) if tables else None
    with held_back():
        from statsmodels.tsa.statespace.sarimax import SARIMAX  # noqa: PLC0415 - takes two seconds

    results = SARIMAX(made, exog=exogenous, **keywords).filter(parameters)
    if call.state is not None and has_state:
        state = _dict(call.state, {"saved_model"})
        vars(results).update(_plain(state))
    elif call.state is not None:
        _refuse("it sets attributes of a result")
    return results


def _series(call: _Call) -> tuple[Any, Any]:
    """Return `pandas.Series(numbers, dates, name=...)`, and its dates."""
    keywords, (values, when) = _partial(call, "pandas.Series", arguments=2)
    name = _dict(keywords, {"name"})["name"]
    numbers = _numbers(values, gaps=True)
    keywords, (start,) = _partial(_call(when), "pandas.date_range", arguments=1)
    calendar = _dict(keywords, {"periods", "freq"})
    frequency = calendar["freq"]
    if calendar["periods"] != len(numbers) or not all(
        isinstance(text, str) for text in (name, start, frequency)
    ):
        _refuse("the series' dates are not those of its values")
    with held_back():
        import pandas as pd  # noqa: PLC0415 - half a second

    try:
        first = datetime.fromisoformat(str(start))
        dates = pd.date_range(first, periods=len(numbers), freq=str(frequency))
    except (ValueError, OverflowError) as exc:
        raise ForeignPickleError("the dates of the series are invalid") from exc
    return pd.Series(numbers, index=dates, name=name), dates


def _table(call: _Call, dates: Any) -> Any:  # noqa: ANN401 - as above
    """Return `pandas.DataFrame(columns, dates)`."""
    import pandas as pd  # noqa: PLC0415 - is loaded

    given, _when = _tuple(_named(call, "pandas.DataFrame").arguments, 2)
    if not isinstance(given, dict) or not all(isinstance(name, str) for name in given):
        _refuse("the regressors have no names")
    columns = {name: _numbers(values) for name, values in given.items()}
    if any(len(numbers) != len(dates) for numbers in columns.values()):
        _refuse("a regressor has another length than the series")
    return pd.DataFrame(columns, index=dates)


def _check_keywords(keywords: dict[str, object]) -> None:
    """Refuse what no training gives to SARIMAX."""
    names = {"order", "seasonal_order", "trend", "initial_variance", "tolerance"}
    given = _dict(keywords, names)
    for name, most in (("order", LARGEST_ORDER), ("seasonal_order", LARGEST_SEASONAL_ORDER)):
        counts = _tuple(given[name], len(most))
        if not all(
            type(count) is int and 0 <= count <= limit
            for count, limit in zip(counts, most, strict=True)
        ):
            _refuse(f"the {name} is invalid")
    (variance,) = _numbers([given["initial_variance"]])
    if given["trend"] not in ("c", "n") or given["tolerance"] != 0 or not variance > 0:
        _refuse("SARIMAX gets other options")


def _object(call: _Call) -> Any:  # noqa: ANN401 - as above
    """Return pmdarima's ARIMA, or its Pipeline of the Box-Cox transform and an ARIMA."""
    (kind,) = _tuple(call.arguments, 1)
    return _arima(call) if _text(kind) == _ARIMA else _pipeline(call)


def _arima(call: _Call) -> Any:  # noqa: ANN401 - as above
    state = _new_state(call, _ARIMA)
    results = _results(_call(state.pop("arima_res_", None)))
    with held_back():
        from pmdarima.arima import ARIMA  # noqa: PLC0415 - takes seconds

    known = {"endog_index_", "fit_with_exog_", "nobs_", "pkg_version_", "oob_", "oob_preds_"}
    known |= {*vars(ARIMA(order=(0, 0, 0))), "saved_model"}
    return _made(ARIMA, {**_plain(state, known), "arima_res_": results})


def _pipeline(call: _Call) -> Any:  # noqa: ANN401 - as above
    state = _new_state(call, _PIPELINE)
    steps = state.pop("steps", None)
    if not isinstance(steps, list) or state.pop("steps_", None) is not steps:
        _refuse("the pipeline has other steps")
    transform, model = (_tuple(step, 2) for step in _tuple(tuple(steps), 2))
    if (transform[0], model[0]) != ("box_cox", "arima"):
        _refuse("the pipeline has other steps")
    arima = _arima(_call(model[1]))
    with held_back():
        from pmdarima.pipeline import Pipeline  # noqa: PLC0415 - takes seconds
        from pmdarima.preprocessing import BoxCoxEndogTransformer  # noqa: PLC0415 - see above

    known = {*vars(BoxCoxEndogTransformer()), "lam1_", "lam2_"}
    power = _plain(_new_state(_call(transform[1]), _BOX_COX), known)
    made = [("box_cox", _made(BoxCoxEndogTransformer, power)), ("arima", arima)]
    rest = _plain(state, {"x_feats_", "n_samples_", "saved_model"})
    return _made(Pipeline, {**rest, "steps": made, "steps_": made})


def _new_state(call: _Call, name: str) -> dict[str, object]:
    """Return the state of an object that is made by `object.__new__(name)`."""
    maker = _called(call.function, "builtins.getattr")
    owner, method = _tuple(maker.arguments, 2)
    (kind,) = _tuple(call.arguments, 1)
    if (_text(owner), method, _text(kind)) != ("builtins.object", "__new__", name):
        _refuse("it makes another object")
    if not isinstance(call.state, dict):
        _refuse("an object has no state")
    return dict(call.state)


def _made(kind: type, state: dict[str, object]) -> Any:  # noqa: ANN401 - as above
    made: Any = object.__new__(kind)
    set_state = getattr(made, "__setstate__", vars(made).update)
    set_state(state)  # that of pmdarima's ARIMA warns of another release
    return made


def _partial(
    call: _Call, name: str, arguments: int | None = None
) -> tuple[dict[str, Any], tuple[object, ...]]:
    """Return keywords and arguments of the call `partial(name, **keywords)(*arguments)`."""
    maker = _called(call.function, "functools.partial", has_state=True)
    (first,) = _tuple(maker.arguments, 1)
    function, before, keywords, attributes = _tuple(maker.state, 4)
    if _text(first) != name or _text(function) != name or before != () or attributes is not None:
        _refuse("it calls something else")
    if not isinstance(keywords, dict) or (arguments and len(call.arguments) != arguments):
        _refuse(f"{name} gets other arguments")
    if call.state is not None and name != _SARIMAX:
        _refuse(f"it sets attributes of {name}")
    return keywords, call.arguments


def _called(value: object, name: str, *, has_state: bool = False) -> _Call:
    """Return a call of the name, without a state of its own unless it has to have one."""
    call = _named(_call(value), name)
    if (call.state is not None) != has_state:
        _refuse(f"it changes {name}")
    return call


def _named(call: _Call, name: str) -> _Call:
    return call if _text(call.function) == name else _refuse(f"it lacks a call of {name}")


def _call(value: object) -> _Call:
    return value if isinstance(value, _Call) else _refuse("it is not a model")


def _text(value: object) -> str | None:
    return value.text if isinstance(value, _Name) else None


def _tuple(value: object, length: int) -> tuple[Any, ...]:
    if not isinstance(value, tuple) or len(value) != length:
        _refuse("something has other parts")
    return value


def _dict(value: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != names:
        _refuse("something has other names")
    return value


def _numbers(values: object, *, gaps: bool = False) -> list[float]:
    """Return finite numbers, or NaN where gaps may be."""
    if not isinstance(values, list) or not all(type(v) in (int, float) for v in values):
        _refuse("a list holds more than numbers")
    numbers = [float(value) for value in values]
    if not all(isfinite(number) or (gaps and number != number) for number in numbers):  # noqa: PLR0124 - NaN
        _refuse("a number is not finite")
    return numbers


def _plain(state: dict[Any, object], known: set[str] | None = None) -> dict[str, object]:
    """Return attributes that are known, and are texts, numbers, or short rows of them."""
    for name, value in state.items():
        if not isinstance(name, str) or (known is not None and name not in known):
            _refuse("an object has other attributes")
        row = value if isinstance(value, list | tuple) else (value,)
        if value != {} and not all(type(part) in _SCALARS for part in row):
            _refuse(f"the attribute {name} is not plain")
    return state


def _refuse(what: str) -> NoReturn:
    raise ForeignPickleError(what)
