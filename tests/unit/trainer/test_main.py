import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from tests.unit.trainer.trained import exit_code_of
from trainer import training
from trainer.__main__ import BUG_EXIT_CODE

pytestmark = pytest.mark.process  # matplotlib asks fc-list for fonts when first imported
Run = Callable[..., int]
AR1 = ("--order", "1,0,0")
NAMES = {
    "models/arima_model.pkl", "models/arima_model.json", "metric.json", "forecast.csv", "res.png",
    "pred.png", "report.html", "record.json",
}  # fmt: skip


def _tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _json(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.slow
def test_a_run_writes_what_it_promises(
    run: Run, short_csv: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--input", str(short_csv), *AR1, "--horizon", "6", "--model_name", "mine") == 0
    out = tmp_path / "out"
    assert set(_tree(out)) == NAMES
    metric, record = _json(out / "metric.json"), _json(out / "record.json")
    assert (metric["run_id"], metric["model_name"]) == ("r1", "mine")
    assert metric["data_sha256"] == hashlib.sha256(short_csv.read_bytes()).hexdigest()
    assert (metric["train_rows"], metric["holdout_rows"], metric["scored_rows"]) == (36, 4, 4)
    assert metric["order"] == [1, 0, 0]
    assert metric["converged"] is True
    assert metric["split_date"] == "2024-02-06"
    assert (record["status"], record["run_id"]) == ("succeeded", "r1")
    assert set(record["manifest"]) == NAMES - {"record.json"}
    for name, entry in record["manifest"].items():
        content = (out / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    shown = capsys.readouterr()
    assert "RMSE" in shown.out
    assert "metric.json" in shown.out
    assert "Warning" not in shown.err
    assert [line.split()[0] for line in shown.err.splitlines() if not line.startswith("note")] == [
        "read", "fit", "backtest", "fit", "write",
    ]  # fmt: skip
    table = pd.read_csv(out / "forecast.csv")
    loaded = joblib.load(out / "models" / "arima_model.pkl").get_forecast(6)
    np.testing.assert_allclose(table["forecast"], loaded.predicted_mean, rtol=1e-8)
    np.testing.assert_allclose(
        table[["lower_80", "upper_80"]], loaded.conf_int(alpha=0.2), rtol=1e-6
    )
    assert table["date"].tolist()[0] == "2024-02-10"


@pytest.mark.slow
def test_two_runs_give_the_same_bytes_but_for_the_record(
    run: Run, short_csv: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        assert run("--input", str(short_csv), "--order", "1,0,1", "--output", name) == 0
    first, second = _tree(tmp_path / "a"), _tree(tmp_path / "b")
    for name in NAMES - {"record.json"}:
        assert first[name] == second[name], name


@pytest.mark.slow
def test_run_id_and_file_name_change_no_result(run: Run, short_csv: Path, tmp_path: Path) -> None:
    other = tmp_path / "other name.csv"
    other.write_bytes(short_csv.read_bytes())
    for path, name in ((short_csv, "a"), (other, "b")):
        place = ("--input", str(path), "--output", name, "--run_id", f"run-{name}")
        assert run(*place, "--order", "1,0,1") == 0
    first, second = _tree(tmp_path / "a"), _tree(tmp_path / "b")
    same = {name for name in NAMES if first[name] == second[name]}
    assert NAMES - same == {"metric.json", "report.html", "record.json"}
    figures = [json.loads(tree["metric.json"]) for tree in (first, second)]
    assert [f.pop("run_id") for f in figures] == ["run-a", "run-b"]
    assert [f.pop("run") for f in figures] == [{"input": str(path)} for path in (short_csv, other)]
    assert figures[0] == figures[1]


@pytest.mark.slow
def test_auto_order_on_a_yearly_series(run: Run, tmp_path: Path) -> None:
    steps = np.random.default_rng(5).normal(size=30)
    rows = [f"{1990 + place},{value:.4f}" for place, value in enumerate(20 + steps)]
    (tmp_path / "y.csv").write_text("year,level\n" + "\n".join(rows))
    assert run("--input", "y.csv") == 0
    metric = _json(tmp_path / "out" / "metric.json")
    assert metric["calendar"] == "YS-JAN"
    assert metric["engine"].startswith("search by combination")
    assert metric["seasonal_order"] == [0, 0, 0, 0]


BAD: dict[str, tuple[str | None, list[str], str]] = {
    "missing": (None, [], "input-missing"),
    "empty": ("", [], "input-empty"),
    "binary": ("date,y\n\0", [], "input-not-text"),
    "column": ("date,y\n2024-01-01,1\n", ["--value_column", "z"], "column-missing"),
    "ambiguous": ("date,y,z\n2024-01-01,1,2\n", [], "column-ambiguous"),
    "rows": ("date,y\n2024-01-01,1\n2024-01-02,x\n2024-01-03,3\n", [], "rows-invalid"),
    "irregular": (
        "date,y\n2024-01-01,1\n2024-01-02,2\n2024-03-09,3\n2025-01-01,4\n",
        [],
        "dates-irregular",
    ),
    "short": (
        "date,y\n" + "".join(f"2024-01-0{d},{d % 3}\n" for d in range(1, 7)),
        [],
        "series-too-short",
    ),
    "constant": (
        "date,y\n" + "".join(f"2024-01-{d},5\n" for d in range(10, 30)),
        [],
        "series-constant",
    ),
    "no values": ("date,y\n2024-01-01,\n2024-01-02,\n", [], "values-missing"),
    "order": ("", ["--order=x"], "order-invalid"),
    "holdout": ("", ["--holdout=0"], "holdout-invalid"),
    "horizon": ("", ["--horizon=0"], "horizon-invalid"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_its_name_and_a_failure_record(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    text, options, name = BAD[case]
    code = exit_code_of(name)
    if text is not None:
        (tmp_path / "x.csv").write_text(text)
    order = [] if name == "order-invalid" else ["--order", "2,0,0"]
    assert run("--input", "x.csv", *order, *options) == code
    assert set(_tree(tmp_path / "out")) == {"failure.json"}
    failure = _json(tmp_path / "out" / "failure.json")
    assert failure["status"] == "failed"
    assert failure["exit_code"] == code
    assert failure["error"] == name
    assert failure["remedy"]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"error[{name}]: {failure['what']}\n  fix: {failure['remedy']}\n" in shown.err
    assert "Traceback" not in shown.err


@pytest.mark.slow
def test_failure_leaves_an_earlier_run_and_the_next_run_removes_the_failure(
    run: Run, short_csv: Path, tmp_path: Path
) -> None:
    assert run("--input", str(short_csv), *AR1) == 0
    before = _tree(tmp_path / "out")
    assert run("--input", "nowhere.csv") == 2
    after = _tree(tmp_path / "out")
    assert after.pop("failure.json")
    assert after == before
    assert run("--input", str(short_csv), *AR1) == 0
    assert set(_tree(tmp_path / "out")) == NAMES


def test_bad_run_id_leaves_no_record_anywhere(run: Run, tmp_path: Path) -> None:
    assert run("--run_id", "../up") == 2
    assert not list(tmp_path.iterdir())


def test_unknown_exception_is_called_a_bug_with_its_traceback(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(*_arguments: object, **_named: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(training, "load", break_down)
    assert run() == BUG_EXIT_CODE
    shown = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in shown
    assert "this is a bug" in shown
    assert _json(tmp_path / "out" / "failure.json")["error"] == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("failure", "code"),
    [(MemoryError(), 13), (ModuleNotFoundError("No module named 'pandas'", name="pandas"), 5)],
)
def test_lack_of_memory_or_library_is_no_bug(
    run: Run, monkeypatch: pytest.MonkeyPatch, failure: Exception, code: int
) -> None:
    def break_down(*_arguments: object, **_named: object) -> None:
        raise failure

    monkeypatch.setattr(training, "load", break_down)
    assert run() == code


@pytest.mark.slow
def test_closed_stdout_does_not_undo_a_run_and_the_environment_is_put_back(
    run: Run, short_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed:
        def write(self, _text: str) -> int:
            raise BrokenPipeError

        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.delenv("HOME")
    before = dict(os.environ)
    monkeypatch.setattr(sys, "stdout", Closed())
    assert run("--input", str(short_csv), *AR1) == 0
    assert dict(os.environ) == before
    assert set(_tree(tmp_path / "out")) == NAMES
