import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from math import inf, isfinite
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from tests.unit.trainer.many.tables import usual_csv
from tests.unit.trainer.series_samples import csv_text, swinging
from trainer.__main__ import main
from trainer.evaluation.baselines import BASELINES
from trainer.interruption import InterruptedBySignal, raised_on_signals
from trainer.outcome import Outcome
from trainer.settings import Tracking, complete, parse_arguments, place_run, read_tracking
from trainer.tracking import track as tracking
from trainer.tracking.track import LONGEST_TEXT, NotTrackedError, metrics, track
from trainer.training import explore

ROOT = Path(__file__).resolve().parents[4]

# In place of mlflow, which takes seconds to load: it writes its calls down, and does what the
# address says instead of answering.
CLIENT = """
import json, os, time
from types import SimpleNamespace as Value

class MlflowClient:
    def __init__(self, uri):
        print("loud libraries print")
        self.way = uri.split("://")[0]

    def __getattr__(self, name):
        def call(*args, **named):
            with open(os.environ["CALLS"], "a") as calls:
                calls.write(json.dumps([name, args, named], default=vars) + "\\n")
            return self.answer(name)
        return call

    def answer(self, name):
        if self.way == "hangs":
            time.sleep(60)
        while self.way == "swallows":
            try:
                time.sleep(60)
            except BaseException:
                self.way = "hangs"
        if self.way == "dies":
            os._exit(7)
        if self.way == "refuses" and name == "log_batch":
            raise ValueError("no more\\nroom at http://me:word@there/x?sig=abc for you")
        if name == "get_experiment_by_name":
            return None
        if name == "create_experiment":
            return "12"
        return Value(info=Value(run_id="id1", run_name="theirs"))
"""
ENTITIES = """
from types import SimpleNamespace as Value
def Metric(key, value, timestamp, step): return Value(key=key, value=value, step=step)
def Param(key, value): return Value(key=key, value=value)
def RunTag(key, value): return Value(key=key, value=value)
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    folder = tmp_path_factory.mktemp("found")
    (folder / "short.csv").write_text(csv_text(swinging(40)))
    raw = parse_arguments(
        [
            *("--input", str(folder / "short.csv"), "--order", "1,0,0"),
            *("--backtest_windows", "2", "--output", str(folder / "out"), "--run_id", "r1"),
        ]
    )
    return explore(complete(raw, place_run(raw, {})))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    package = tmp_path / "library" / "mlflow"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "tracking.py").write_text(CLIENT)
    (package / "entities.py").write_text(ENTITIES)
    (package / "exceptions.py").write_text("class MlflowException(Exception): pass\n")
    return package.parent


@pytest.fixture
def told(library: Path, tmp_path: Path) -> Callable[..., Tracking]:
    """Return where the stand-in is told of a run, and how it behaves."""

    def make(uri: str = "works://there", **variables: str) -> Tracking:
        env = {"PYTHONPATH": str(library), "CALLS": str(tmp_path / "calls"), **variables}
        read = read_tracking({"MLFLOW_TRACKING_URI": uri, **env})
        assert read is not None
        return read

    return make


def _calls(tmp_path: Path) -> list[list[Any]]:
    return [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]


@pytest.mark.parametrize("environment", [{}, {"MLFLOW_TRACKING_URI": " "}])
def test_without_an_address_nobody_is_told(environment: dict[str, str]) -> None:
    assert read_tracking({**environment, "MLFLOW_RUN_ID": "x", "AZUREML_RUN_ID": "y"}) is None


@pytest.mark.parametrize(
    ("environment", "run_id"),
    [
        ({"MLFLOW_TRACKING_URI": "http://a"}, None),
        ({"MLFLOW_TRACKING_URI": "http://a", "MLFLOW_RUN_ID": "m", "AZUREML_RUN_ID": "z"}, "m"),
        ({"MLFLOW_TRACKING_URI": "azureml://a", "AZUREML_RUN_ID": "z"}, "z"),
        # The job's run is unknown to a server that is not Azure's.
        ({"MLFLOW_TRACKING_URI": "http://a", "AZUREML_RUN_ID": "z"}, None),
    ],
)
def test_a_run_that_the_environment_names_is_continued(
    environment: dict[str, str], run_id: str | None
) -> None:
    read = read_tracking(environment)
    assert read is not None
    assert read.run_id == run_id


def test_mlflow_waits_briefly_and_tells_its_makers_nothing_unless_the_user_says_otherwise() -> None:
    read = read_tracking({"MLFLOW_TRACKING_URI": "http://a", "DO_NOT_TRACK": "false"})
    assert read is not None
    assert read.variables["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert float(read.variables["MLFLOW_HTTP_REQUEST_TIMEOUT"]) <= tracking.STEP_S
    assert read.variables["DO_NOT_TRACK"] == "false"


def test_the_address_is_not_shown_by_accident() -> None:
    read = read_tracking({"MLFLOW_TRACKING_URI": "http://me:word@there"})
    assert "word" not in repr(read)


def test_figures_keep_within_what_azure_ml_takes(found: Outcome) -> None:
    told = metrics(found)
    names = {metric.name for metric in told}
    assert len(names) <= 50, "Azure ML takes no more"
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]{1,250}", name) for name in names)
    assert all(isfinite(metric.value) for metric in told)
    assert {"RMSE", "R2", "MAE", "skill", "backtest/MASE", "holdout/CRPS"} <= names
    # Every baseline could be computed, and two figures of each must still fit in.
    assert len(names) - sum(n.startswith("baseline/") for n in names) + 2 * len(BASELINES) <= 50


def test_an_undefined_figure_is_left_out(found: Outcome) -> None:
    odd = replace(found, scores=replace(found.scores, r2=None, rmse=inf), evaluated=None)
    names = {metric.name for metric in metrics(odd)}
    assert not names & {"R2", "RMSE", "skill"}
    assert "MAE" in names


def test_the_error_by_step_is_a_row_of_figures(found: Outcome) -> None:
    steps = [m.step for m in metrics(found) if m.name == "backtest/MAE_by_step"]
    assert steps == list(range(1, len(steps) + 1))
    assert len(steps) == 4


def test_parameters_are_short_texts(found: Outcome) -> None:
    names = tuple(f"column_{number}" for number in range(200))
    told = dict(tracking.parameters(replace(found, regressors=names)))
    assert len(told) <= 100
    assert max(map(len, told.values())) == len(told["regressors"]) == LONGEST_TEXT
    assert (told["order"], told["found_order"], told["found_constant"]) == (
        "1,0,0",
        "1,0,0",
        "True",
    )
    assert (told["train_rows"], told["holdout_rows"]) == ("36", "4")
    assert all(told.values())


def test_the_pages_are_of_no_older_mlflow_than_what_logs() -> None:
    versions = []
    for path in ("docker/mlflow/mlflow-env.lock", "environments/arima-env.lock"):
        packages = tomllib.loads((ROOT / path).read_text(encoding="utf-8"))["packages"]
        versions += [Version(p["version"]) for p in packages if p["name"] == "mlflow-skinny"]
    pages, logs = versions
    assert pages >= logs


@pytest.mark.process
def test_a_new_run_gets_everything_and_is_ended(
    found: Outcome, told: Callable[..., Tracking], tmp_path: Path
) -> None:
    shown = track(told("works://me:word@there"), found, ["a.png", "b.html"], started_s=5.0)
    assert shown == "run r1 at works://there"
    calls = _calls(tmp_path)
    assert [name for name, _, _ in calls if name != "log_batch"] == [
        "get_experiment_by_name", "create_experiment", "create_run",
        "log_artifact", "log_artifact", "set_terminated",
    ]  # fmt: skip
    (_, (experiment,), options) = next(call for call in calls if call[0] == "create_run")
    assert (experiment, options["run_name"], options["start_time"]) == ("12", "r1", 5000)
    batches = [options for name, _, options in calls if name == "log_batch"]
    logged = {entry["key"] for batch in batches for entry in batch.get("metrics", [])}
    assert logged == {metric.name for metric in metrics(found)}
    files = [Path(args[1]) for name, args, _ in calls if name == "log_artifact"]
    assert [path.name for path in files] == ["a.png", "b.html"]
    assert all(path.is_absolute() for path in files)


@pytest.mark.process
def test_a_named_run_is_neither_begun_nor_ended(
    found: Outcome, told: Callable[..., Tracking], tmp_path: Path
) -> None:
    assert track(told(MLFLOW_RUN_ID="id1"), found, [], started_s=0.0).startswith("run theirs at")
    names = {name for name, _, _ in _calls(tmp_path)}
    assert names == {"get_run", "log_batch"}


@pytest.mark.process
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("hangs://x", "reach the server: no answer within"),
        ("swallows://x", "reach the server: no answer within"),
        ("dies://x", "its process ended with code 7"),
        (
            "refuses://x",
            "log parameters and metrics: no more room at http://there/x for you",
        ),
    ],
)
def test_what_mlflow_does_becomes_one_sentence(
    found: Outcome,
    told: Callable[..., Tracking],
    monkeypatch: pytest.MonkeyPatch,
    uri: str,
    reason: str,
) -> None:
    monkeypatch.setattr(tracking, "STEP_S", 0.3)
    with pytest.raises(NotTrackedError, match=re.escape(reason)) as failure:
        track(told(uri), found, ["a"], started_s=0.0)
    assert "\n" not in str(failure.value)


@pytest.mark.process
def test_a_process_that_does_not_end_is_ended(
    found: Outcome, told: Callable[..., Tracking], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracking, "ALL_S", 0.5)
    with pytest.raises(NotTrackedError, match="not finished within"):
        track(told("hangs://x"), found, [], started_s=0.0)


@pytest.mark.process
def test_a_signal_ends_the_process_that_tells_and_goes_on(
    found: Outcome, told: Callable[..., Tracking], tmp_path: Path
) -> None:
    def stop() -> None:
        while not (tmp_path / "calls").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    sender = threading.Thread(target=stop)
    started = list[subprocess.Popen[bytes]]()
    end = tracking._end

    def ended(process: "subprocess.Popen[bytes]") -> None:
        started.append(process)
        end(process)

    with pytest.MonkeyPatch.context() as patch, raised_on_signals():
        patch.setattr(tracking, "_end", ended)
        sender.start()
        with pytest.raises(InterruptedBySignal):
            track(told("hangs://x"), found, [], started_s=0.0)
    sender.join()
    assert [process.poll() for process in started] == [-signal.SIGKILL]


@pytest.mark.process
def test_where_mlflow_does_not_load_that_is_said(
    found: Outcome, told: Callable[..., Tracking], library: Path
) -> None:
    (library / "mlflow" / "tracking.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(
        NotTrackedError, match="load mlflow: No module named 'nothing_of_this_name'"
    ):
        track(told(), found, [], started_s=0.0)


@pytest.mark.process
def test_no_secret_of_the_environment_is_told(
    found: Outcome, told: Callable[..., Tracking]
) -> None:
    secrets = {"MLFLOW_TRACKING_PASSWORD": "no more", "MY_TOKEN": ""}
    with pytest.raises(NotTrackedError, match=r"metrics: \*\*\* room"):
        track(told("refuses://x", **secrets), found, [], started_s=0.0)


@pytest.fixture
def train(
    run: Callable[..., int],
    told: Callable[..., Tracking],
    short_csv: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], int]:
    """Train with this address in the environment."""

    def call(uri: str) -> int:
        for name, value in {**told().variables, "MLFLOW_TRACKING_URI": uri}.items():
            monkeypatch.setenv(name, value)
        return run("--input", str(short_csv), "--order", "1,0,0", "--backtest_windows", "0")

    return call


@pytest.mark.process
def test_a_training_ends_well_with_one_note_when_mlflow_refuses(
    train: Callable[[str], int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("refuses://x") == 0
    out = tmp_path / "out"
    record = json.loads((out / "record.json").read_text())
    (note,) = [note for note in record["notes"] if "MLflow" in note]
    assert note.startswith("logging to MLflow was incomplete: log parameters and metrics: no more")
    shown = capsys.readouterr()
    assert shown.err.count(note) == 1
    assert "Traceback" not in shown.err
    assert "RMSE" in shown.out
    written = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert written == {*record["manifest"], "record.json"}


@pytest.mark.slow
@pytest.mark.process
def test_the_model_is_not_logged_a_second_time(train: Callable[[str], int], tmp_path: Path) -> None:
    assert train("works://x") == 0
    logged = {Path(args[1]).name for name, args, _ in _calls(tmp_path) if name == "log_artifact"}
    assert logged == {
        "metric.json", "forecast.csv", "res.png", "pred.png", "report.html", "record.json",
    }  # fmt: skip
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert not [note for note in record["notes"] if "MLflow" in note]


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize("address", [None, "file:///nowhere/at/all"])
def test_the_training_s_own_process_never_loads_mlflow(
    short_csv: Path, tmp_path: Path, address: str | None
) -> None:
    code = (
        "import sys\nfrom trainer.__main__ import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "print('loaded', *sorted(sys.modules))"
    )
    variables = {} if address is None else {"MLFLOW_TRACKING_URI": address}
    done = subprocess.run(
        [
            *(sys.executable, "-c", code, "--input", str(short_csv), "--order", "1,0,0"),
            *("--backtest_windows", "0", "--output", str(tmp_path / "o")),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin", **variables},
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "trainer.training" in loaded
    assert not {name for name in loaded if name.split(".")[0] in ("mlflow", "azure", "azureml")}
    assert ("trainer.tracking.track" in loaded) == (address is not None)


@pytest.mark.process
def test_many_series_are_one_run_with_their_totals(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    variables = {"PYTHONPATH": str(library), "CALLS": str(tmp_path / "calls")}
    for name, value in {**variables, "MLFLOW_TRACKING_URI": "works://there"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "t.csv").write_text(usual_csv(["a", "b"], 9))
    asked = ["many", "--input", "t.csv", "--processes", "1", "--output", "o", "--run_id", "r7"]
    assert main(asked) == 0
    calls = _calls(tmp_path)
    assert sum(name == "create_run" for name, _, _ in calls) == 1
    batches = [options for name, _, options in calls if name == "log_batch"]
    logged = {m["key"]: m["value"] for batch in batches for m in batch.get("metrics", [])}
    assert (logged["series"], logged["series_ok"], logged["series_failed"]) == (2, 2, 0)
    assert "cpu_seconds" in logged
    assert "mean_skill" not in logged  # no series has a backtest
    files = [Path(args[1]).name for name, args, _ in calls if name == "log_artifact"]
    assert files == ["report.html", "metric.json", "record.json"]


@pytest.mark.process
def test_many_series_are_whole_without_mlflow(
    library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    variables = {"PYTHONPATH": str(library), "CALLS": str(tmp_path / "calls")}
    for name, value in {**variables, "MLFLOW_TRACKING_URI": "dies://there"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "t.csv").write_text(usual_csv(["a"], 9))
    assert main(["many", "--input", "t.csv", "--processes", "1", "--output", "o"]) == 0
    assert "logging to MLflow was incomplete" in capsys.readouterr().err
    assert (tmp_path / "o" / "record.json").is_file()
