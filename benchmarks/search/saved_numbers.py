"""Saved models: their sizes beside pmdarima's, the same forecasts, and what loading one costs."""

import io
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from measure import timed
from search.daily import trend_and_week, without_season
from search.engines import environment
from search.simulate import Floats
from search.table import Row
from trainer.fit.fitting import Data, Fitted, Likelihood, predict
from trainer.fit.order import Order
from trainer.fit.starts import fit_from_many
from trainer.kernel.library import NO_COLUMNS
from trainer.saved.json_file import SavedModel, read_saved, write_saved
from trainer.saved.library_object import Sample, build_results
from trainer.saved.pickle_file import dump_results

TITLE = "saved models of 760 points: bytes, forecasts, loading"
_STEPS = 28
_JSON_LIMIT = 20_000
_CPU_LIMIT_S = 0.5
_PLAIN = Order(p=1, d=1, q=1)
_SEASONAL = Order(p=1, d=1, q=1, seasonal_p=1, seasonal_q=1, season=7)


def rows() -> Iterator[Row]:
    """Yield sizes and forecasts of both orders, then what loading costs."""
    yield from _sizes(_PLAIN, without_season(), 250_000)
    yield from _sizes(_SEASONAL, trend_and_week(), 2_000_000)
    yield from _loading(_SEASONAL, trend_and_week())


def _sizes(order: Order, values: Floats, limit: int) -> Iterator[Row]:
    fitted, sample = _fitted(order, values), _sample(values)
    text = write_saved(_saved(fitted, values))
    pickled = dump_results(sample, fitted, text)
    theirs = _size_of_pmdarima(order, values)
    for what, size, most in (("JSON", len(text), _JSON_LIMIT), ("pickle", len(pickled), limit)):
        yield Row(
            what=f"{order}: {what}",
            ours=f"{size / 1000:.1f} KB",
            reference=f"pmdarima {theirs / 1000:.0f} KB",
            ratio=f"{theirs / size:.0f}x",
            bound=f"<= {most / 1000:.0f} KB",
            is_met=size <= most,
        )
    unshrunk = build_results(sample, fitted).forecast(_STEPS).to_numpy()
    loaded = joblib.load(io.BytesIO(pickled)).forecast(_STEPS).to_numpy()
    yield _same(f"{order}: forecast of the pickle", loaded, "the unshrunk object's", unshrunk)
    mean, _ = predict(fitted, values, _STEPS)
    again = read_saved(text, "model.json").predict(_STEPS).mean
    yield _same(f"{order}: forecast of the JSON", again, "the search's own", mean)
    apart = float(np.max(np.abs(again - unshrunk) / np.abs(unshrunk)))
    yield Row(
        what=f"{order}: JSON beside pickle",
        ours=f"{apart:.0e}",
        reference="largest relative gap",
        bound="<= 1e-8",
        is_met=apart <= 1e-8,  # noqa: PLR2004 - the bound beside it
    )


def _same(what: str, ours: Floats, name: str, theirs: Floats) -> Row:
    equal = int(np.sum(ours == theirs))
    return Row(
        what=what,
        ours=f"{equal} of {len(ours)}",
        reference=name,
        bound="the same bits",
        is_met=equal == len(ours) == len(theirs),
    )


def _loading(order: Order, values: Floats) -> Iterator[Row]:
    """Load and forecast in a process of its own: its processor time, and what it loaded."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom trainer.saved.json_file import read_saved\n"
        "model = read_saved(Path(sys.argv[1]).read_bytes(), 'model.json')\n"
        f"model.predict({_STEPS}).point\nprint(*sys.modules)"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.json")
        path.write_bytes(write_saved(_saved(_fitted(order, values), values)))
        command = [sys.executable, "-c", code, str(path)]
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=True
        )
        _, cpu_s = min((timed(command, env=environment()) for _ in range(3)), key=lambda t: t[1])
    _, bare_s = timed([sys.executable, "-c", "import numpy"], env=environment())
    heavy = {"pmdarima", "statsmodels", "scipy", "pandas"} & set(done.stdout.split())
    yield Row(
        what="load the JSON and forecast, whole process",
        ours=f"{cpu_s:.2f} s",
        reference=f"import numpy {bare_s:.2f} s",
        bound=f"<= {_CPU_LIMIT_S} s",
        is_met=cpu_s <= _CPU_LIMIT_S,
    )
    yield Row(
        what="  heavy libraries loaded for it",
        ours=", ".join(sorted(heavy)) or "none",
        bound="no pmdarima, no statsmodels",
        is_met=not heavy & {"pmdarima", "statsmodels"},
    )


def _fitted(order: Order, values: Floats) -> Fitted:
    return fit_from_many(Likelihood(Data(values), order))


def _sample(values: Floats) -> Sample:
    return Sample(
        name="value", numbers=values, first_date=pd.Timestamp("2022-01-01"), frequency="D"
    )


def _saved(fitted: Fitted, values: Floats) -> SavedModel:
    return SavedModel(
        members=((1.0, fitted),), values=values, columns=NO_COLUMNS, box_cox=None, facts={}
    )


def _size_of_pmdarima(order: Order, values: Floats) -> int:
    from pmdarima.arima import ARIMA  # noqa: PLC0415 - takes seconds

    model = ARIMA(
        order=order.trio,
        seasonal_order=order.seasonal if order.season else (0, 0, 0, 0),
        with_intercept=False,
        suppress_warnings=True,
    )
    return len(pickle.dumps(model.fit(values)))
