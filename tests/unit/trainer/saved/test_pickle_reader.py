"""Pickles made by hand to run something, or to change something, when they are opened."""

import contextlib
import functools
import io
import operator
import os
import pickle
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
from pmdarima.arima import ARIMA
from statsmodels.tsa.statespace.sarimax import SARIMAX

import trainer
from tests.unit.trainer.saved.fitted import ORDERS, fitted, sample_of
from trainer.errors import PickleRefusedError
from trainer.fit.prediction import BoxCox
from trainer.saved import pickle_file
from trainer.saved.pickle_file import dump_mixture, dump_results, dump_search
from trainer.saved.pickle_reader import ForeignPickleError, read_pickle

pytestmark = pytest.mark.process  # pmdarima loads scikit-learn, which asks for the processor
MODEL = "models/arima_model.pkl"


class Call:
    """Pickled as a call, with a state for the result where there is one."""

    def __init__(self, function: Callable[..., Any], *arguments: object, state: Any = None) -> None:
        self.made_by = function, arguments, *([state] if state is not None else [])

    def __call__(self) -> None:
        """Be callable, for pickle wants the results of calls that are called to be."""

    def __reduce__(self) -> tuple[Any, ...]:
        return self.made_by


def _dates(periods: int = 4) -> Call:
    return Call(functools.partial(pd.date_range, periods=periods, freq="D"), "2024-01-01")


def _series(values: object = (1.0, 2.0, 1.5, 3.0), name: object = "y", dates: Any = None) -> Call:
    given = list(values) if isinstance(values, tuple) else values
    return Call(functools.partial(pd.Series, name=name), given, dates or _dates())


def _results(series: Any = None, *more: object, state: Any = None, **changes: object) -> Call:
    keywords = {
        "order": (1, 0, 0), "seasonal_order": (0, 0, 0, 0), "trend": "c",
        "initial_variance": 1.0, "tolerance": 0, **changes,
    }  # fmt: skip
    model = Call(functools.partial(SARIMAX, **keywords), series or _series(), *more)
    return Call(operator.methodcaller("filter", [0.1, 0.5, 1.0]), model, state=state)


def _arima(**state: object) -> Call:
    plain = vars(ARIMA(order=(1, 0, 0)))
    return Call(object.__new__, ARIMA, state={**plain, "arima_res_": _results(), **state})


def _opcodes(*parts: bytes) -> bytes:
    return b"\x80\x04" + b"".join(parts) + b"."


def _text(text: str) -> bytes:
    return b"\x8c" + bytes([len(text.encode())]) + text.encode()


def _name(module: str, name: str) -> bytes:
    return _text(module) + _text(name) + b"\x93"


def _mkdir(path: str) -> Call:
    return Call(os.mkdir, path)


# Each makes the folder or file `path` when `joblib.load` opens it.
PAYLOADS: dict[str, Callable[[str], object]] = {
    "os.mkdir": _mkdir,
    "exec": lambda path: Call(exec, f"import os; os.mkdir({path!r})"),
    "eval": lambda path: Call(eval, f"__import__('os').mkdir({path!r})"),
    "a process": lambda path: Call(subprocess.check_call, ["/bin/mkdir", path]),
    "partial of another function": lambda path: Call(functools.partial(os.mkdir, path)),
    "partial of partial": lambda path: Call(functools.partial(functools.partial(os.mkdir), path)),
    "another method": lambda path: Call(operator.methodcaller("mkdir"), Path(path)),
    "a method of the series": lambda path: Call(operator.methodcaller("to_csv", path), _series()),
    "a method of the results": lambda path: Call(operator.methodcaller("save", path), _results()),
    "filter of another object": lambda path: _results(Call(os.mkdir, path)),
    "getattr of a permitted class": lambda path: Call(
        Call(getattr, pd.Series, "to_csv"), _series(), path
    ),
    "a file of pandas": lambda path: Call(pd.read_pickle, _dump_to(path)),
    "a file of joblib": lambda path: Call(joblib.load, _dump_to(path)),
    "inside the values": lambda path: _results(_series([_mkdir(path), 1.0, 2.0, 3.0])),
    "as the series' name": lambda path: _results(_series(name=_mkdir(path))),
    "as the dates": lambda path: _results(_series(dates=_mkdir(path))),
    "as a regressor": lambda path: _results(
        None, Call(pd.DataFrame, {"x": [_mkdir(path), 1.0, 2.0, 3.0]}, _dates())
    ),
    "as a parameter": lambda path: Call(operator.methodcaller("filter", [_mkdir(path)]), 1),
    "as a keyword": lambda path: _results(trend=_mkdir(path)),
    "as another keyword": lambda path: _results(freq=_mkdir(path)),
    "as the state of the results": lambda path: _results(state={"saved_model": _mkdir(path)}),
    "as an attribute of the results": lambda path: _results(state={"x": _mkdir(path)}),
    "as an attribute of ARIMA": lambda path: _arima(maxiter=_mkdir(path)),
    "in a row of an attribute": lambda path: _arima(order=(1, 0, _mkdir(path))),
    "as the results of ARIMA": lambda path: _arima(arima_res_=_mkdir(path)),
    "as a weight": lambda path: [(_mkdir(path), _results())],
    "beside a pair": lambda path: [(1.0, _results()), _mkdir(path)],
    "as a key": lambda path: _results(state={Call(os.mkdir, path): 1}),
    "object.__new__ of another class": lambda path: Call(
        object.__new__, Keeper, state={"path": path}
    ),
}  # fmt: skip


class Keeper:
    """A class whose state does something."""

    def __setstate__(self, state: dict[str, str]) -> None:
        os.mkdir(state["path"])  # noqa: PTH102 - as the others


def _dump_to(path: str) -> str:
    file = f"{path}.pkl"
    joblib.dump(_mkdir(path), file)
    return file


@pytest.mark.parametrize("case", PAYLOADS)
def test_a_payload_does_not_run(tmp_path: Path, case: str) -> None:
    witness = tmp_path / "it ran"
    content = pickle.dumps(PAYLOADS[case](str(witness)), protocol=4)
    with pytest.raises(ForeignPickleError):
        read_pickle(content)
    assert not witness.exists()
    with contextlib.suppress(Exception):  # it may fail after the payload ran
        joblib.load(io.BytesIO(content))
    assert witness.exists(), "the payload would have run"


HOSTILE: dict[str, bytes] = {
    "text opcodes": b"cos\nsystem\n(S'true'\ntR.",
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": _opcodes(b"(", _name("os", "system"), _text("true"), b"o"),
    "NEWOBJ": _opcodes(_name("pathlib", "Path"), b")\x81"),
    "NEWOBJ_EX": _opcodes(_name("pathlib", "Path"), b")}\x92"),
    "an extension": _opcodes(b"\x82\x01"),
    "a persistent id": _opcodes(_text("x"), b"Q"),
    "a dotted name": _opcodes(_name("pandas", "io.common.os.system"), _text("true"), b"\x85R"),
    "a state for a class": _opcodes(_name("pandas", "Series"), b"N}", _text("x"), b"Ns\x86b"),
    "a state for a function": _opcodes(_name("pandas", "date_range"), b"}", _text("x"), b"Nsb"),
    "an item of a name": _opcodes(_name("os", "environ"), _text("x"), _text("y"), b"s"),
    "an appended name": _opcodes(_name("sys", "path"), _text("/x"), b"a"),
    "a large bytearray": _opcodes(b"\x96" + struct.pack("<Q", 1 << 40)),
    "a far memo": _opcodes(b"N", b"r" + struct.pack("<I", (1 << 32) - 1)),
    "a large text": _opcodes(b"\x8d" + struct.pack("<Q", 1 << 40)),
    "a large frame": b"\x80\x04\x95" + struct.pack("<Q", 1 << 62) + b"N.",
    "a list in itself": _opcodes(b"]\x94h\x00a"),
    "a key of tuples in tuples": _opcodes(b"}N", b"\x85" * 200_000, b"Ns"),
    "lists in lists": _opcodes(b"]", b"]" * 50_000, b"a" * 50_000),
    "a stack that is empty": _opcodes(b"R"),
    "no end": b"\x80\x04N",
    "another protocol": b"\x80\xff.",
    "no pickle": b"\x80",
    "another value": pickle.dumps({"a": 1}),
    "none": pickle.dumps(None),
    "no member": pickle.dumps([]),
    "pairs of others": pickle.dumps([(1, 2), [[]]]),
    "a numpy array": pickle.dumps(np.zeros(3)),
    "an array of joblib's": b"",  # made below: joblib writes no array into a pickle's own format
    "a whole object": pickle.dumps(pd.Series([1.0])),
    "a foreign order": pickle.dumps(_results(order=(1, 0, 10**9))),
    "a negative order": pickle.dumps(_results(order=(1, -1, 0))),
    "a long season": pickle.dumps(_results(seasonal_order=(1, 0, 1, 10**6))),
    "an order of texts": pickle.dumps(_results(order=("1", "0", "0"))),
    "another trend": pickle.dumps(_results(trend="ctt")),
    "no variance": pickle.dumps(_results(initial_variance=0.0)),
    "an infinite value": pickle.dumps(_results(_series((1.0, 2.0, float("inf"), 1.0)))),
    "a value that is text": pickle.dumps(_results(_series(("1", "2", "3", "4")))),
    "dates without end": pickle.dumps(_results(_series(dates=_dates(10**9)))),
    "a state twice": _opcodes(_name("x", "y"), b")R}b}b"),
    "an attribute that loads a file": pickle.dumps(_arima(tmp_pkl_="/tmp/x")),
    "a private attribute": pickle.dumps(_arima(__class__="x")),
    "attributes of the series": pickle.dumps(
        _results(Call(functools.partial(pd.Series, name="y"), [1.0], _dates(1), state={"x": 1}))
    ),
}


def _of_joblib() -> bytes:
    target = io.BytesIO()
    joblib.dump(np.array([_mkdir("/x")], dtype=object), target)
    return target.getvalue()


@pytest.mark.parametrize("case", HOSTILE)
def test_what_no_training_writes_is_not_opened(case: str) -> None:
    content = HOSTILE[case] or _of_joblib()
    before = vars(pd.Series).copy(), list(os.environ), sys.path.copy()
    with pytest.raises(ForeignPickleError) as caught:
        read_pickle(content)
    assert len(str(caught.value)) < 200
    assert (vars(pd.Series), list(os.environ), sys.path) == before


def _files() -> list[bytes]:
    found = fitted(ORDERS[3])
    sample = sample_of(found)
    return [
        dump_results(sample, found.best, b"{}"),
        dump_search(sample, found.best, None, b"{}"),
        dump_mixture(sample, ((0.25, found.best), (0.75, found.best)), b"{}"),
        dump_search(sample, found.best, BoxCox(power=0.5), b"{}"),
    ]


@pytest.mark.slow
def test_what_a_training_writes_opens_as_joblib_opens_it() -> None:
    for content in _files():
        ours, theirs = read_pickle(content), joblib.load(io.BytesIO(content))
        assert type(ours) is type(theirs)
        pairs = (
            zip(ours, theirs, strict=True) if isinstance(ours, list) else [((1, ours), (1, theirs))]
        )
        for (weight, mine), (other, library) in pairs:
            assert weight == other
            assert set(vars(mine)) == set(vars(library))
            ahead, expected = (
                np.asarray(one.predict(3) if hasattr(one, "get_params") else one.forecast(3))
                for one in (mine, library)
            )
            np.testing.assert_array_equal(ahead, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of numbers that are too large
def test_changed_bytes_give_a_model_or_an_error_of_a_known_kind() -> None:
    rng = np.random.default_rng(14)
    whole = _files()
    for _ in range(400):
        content = bytearray(whole[int(rng.integers(len(whole)))])
        for place in rng.integers(len(content), size=int(rng.integers(1, 4))):
            content[int(place)] = int(rng.integers(256))
        with contextlib.suppress(ForeignPickleError, ValueError, np.linalg.LinAlgError):
            read_pickle(bytes(content))


def test_load_tells_the_user_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    witness = tmp_path / "it ran"
    (tmp_path / MODEL).write_bytes(pickle.dumps(_mkdir(str(witness))))
    with pytest.raises(PickleRefusedError, match="no training writes such a pickle") as caught:
        trainer.load(tmp_path / MODEL, trust_pickle=True)
    assert str(tmp_path / MODEL) in caught.value.what
    assert not witness.exists()
    assert pickle_file._PROTOCOL == 4  # the reader knows its opcodes alone
