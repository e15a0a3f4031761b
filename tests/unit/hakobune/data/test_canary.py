"""The program of the canary, in this process: each thing that fails is named, and nothing else."""

import errno
import importlib.util
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/canary.py"
Watch = Callable[[], tuple[dict[str, list[object]], dict[str, str]]]


@pytest.fixture
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("canary_program", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def observe(
    program: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Watch:
    """Run the program on an output and a working folder of its own; return what it reports."""
    output, here = tmp_path / "output", tmp_path / "here"
    output.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("AZUREML_RUN_ID", "job_1")
    monkeypatch.setenv("AZUREML_RUN_TOKEN", "a secret")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call() -> tuple[dict[str, list[object]], dict[str, str]]:
        program.main(str(output), str(os.getuid()), "1", "python3", "AZUREML_RUN_ID")
        line = capsys.readouterr().out.splitlines()[-1]
        found = json.loads(line.removeprefix("hakobune-canary "))
        assert line.startswith("hakobune-canary ")
        assert "a secret" not in line
        if found["checks"]["output"][0]:
            assert json.loads((output / "canary.json").read_bytes()) == found
            assert [path.name for path in output.iterdir()] == ["canary.json"]
        assert list(here.iterdir()) == []
        return found["checks"], found["facts"]

    return call


def wrong(checks: dict[str, list[object]]) -> list[str]:
    """The names of what does not hold, without the server that no test has."""
    return [name for name, (is_so, _) in checks.items() if not is_so and name != "mlflow"]


def test_all_holds_and_nothing_is_left(observe: Watch) -> None:
    checks, facts = observe()
    assert wrong(checks) == []
    assert checks["mlflow"] == [False, "MLFLOW_TRACKING_URI is not set"]
    assert facts["rename of a folder"] == "works"
    assert "AZUREML_RUN_TOKEN" in facts["variables"]


def failing(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, "Input/output error")


@pytest.mark.parametrize(
    ("name", "what", "function"),
    [
        ("rename", Path, "replace"),
        ("mkdir", Path, "mkdir"),
        ("fsync", os, "fsync"),
    ],
)
def test_an_operation_that_fails_is_named_alone(
    observe: Watch, monkeypatch: pytest.MonkeyPatch, name: str, what: object, function: str
) -> None:
    monkeypatch.setattr(what, function, failing)
    checks, _ = observe()
    assert wrong(checks) == [name]
    assert checks[name] == [False, "EIO: Input/output error"]


def test_a_missing_variable_is_named_alone(observe: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZUREML_RUN_ID")
    checks, _ = observe()
    assert wrong(checks) == ["env"]
    assert checks["env"][1] == "missing: AZUREML_RUN_ID"


def test_another_user_is_named_alone(observe: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", iter([uid - 1, uid, uid]).__next__)
    checks, _ = observe()
    assert wrong(checks) == ["user"]


def test_a_program_outside_the_path_is_named_alone(
    observe: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HAKOBUNE_CANARY_PATH", "/nowhere")
    checks, _ = observe()
    assert wrong(checks) == ["tools"]
    assert checks["tools"][1] == "python3 is not in /nowhere"


def test_an_output_that_cannot_be_written_to_leaves_the_rest_untried(
    observe: Watch, tmp_path: Path
) -> None:
    (tmp_path / "output").rmdir()
    checks, facts = observe()
    assert wrong(checks) == ["append", "fsync", "mkdir", "output", "rename"]
    assert [checks[name][0] for name in wrong(checks)] == [None, None, None, False, None]
    assert facts["rename of a folder"].startswith("ENOENT")
