"""`docker compose run --rm train` and `hakobune train`, as a user calls them."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from docker.models.images import Image

from tests.container.conftest import ROOT, RUN_TIMEOUT_S, read_json
from tests.samples import assert_failed
from trainer.errors import SavedModelChangedError

pytestmark = pytest.mark.container

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


def compose(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "compose", *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_TIMEOUT_S,
    )


@pytest.fixture
def checkout(tmp_path: Path, image: Image) -> Path:
    """A folder with only what compose needs, so that tests leave this checkout as it is."""
    del image
    (tmp_path / "docker-compose.yml").write_bytes((ROOT / "docker-compose.yml").read_bytes())
    (tmp_path / "runs").mkdir()
    (tmp_path / "data").mkdir()
    return tmp_path


def only_run(checkout: Path) -> Path:
    (run,) = (path for path in (checkout / "runs").iterdir() if path.name != "mlflow")
    return run


def test_compose_run_trains_and_its_files_belong_to_the_owner_of_runs(checkout: Path) -> None:
    owner = 12345 if os.getuid() == 0 else os.getuid()
    if os.getuid() == 0:
        os.chown(checkout / "runs", owner, owner)
    done = compose("run", "--rm", "-T", "train", "--order", "1,1,0", cwd=checkout)
    assert done.returncode == 0, done.stderr
    run = only_run(checkout)
    assert {p.stat().st_uid for p in [run, *run.rglob("*")]} == {owner}
    assert (run / "models/arima_model.pkl").stat().st_size > 0
    assert read_json(run / "metric.json")["run_id"] == run.name


def test_arguments_reach_the_program_word_for_word(checkout: Path) -> None:
    done = compose(
        *("run", "--rm", "-T", "train", "--model_name", "a b; echo $HOME", "--order", "1,1,0"),
        cwd=checkout,
    )
    assert done.returncode == 0, done.stderr
    run = only_run(checkout)
    assert read_json(run / "metric.json")["model_name"] == "a b; echo $HOME"


def test_a_file_in_data_is_read(checkout: Path) -> None:
    days = [f"2024-01-{day:02d},{day * 7 % 11}" for day in range(1, 32)]
    (checkout / "data/mine.csv").write_text("\n".join(["date,value", *days, ""]), encoding="utf-8")
    done = compose(
        *("run", "--rm", "-T", "train", "--order", "1,0,0", "--input", "data/mine.csv"),
        cwd=checkout,
    )
    assert done.returncode == 0, done.stderr


def test_a_kept_model_predicts_from_either_file_what_its_run_forecast(checkout: Path) -> None:
    owner = 12345 if os.getuid() == 0 else os.getuid()
    if os.getuid() == 0:
        os.chown(checkout / "runs", owner, owner)
    done = compose("run", "--rm", "-T", "train", "--order", "1,1,0", cwd=checkout)
    assert done.returncode == 0, done.stderr
    run = only_run(checkout)
    expected = (run / "forecast.csv").read_text()
    for file in ("arima_model.json", "arima_model.pkl"):
        model = ("--model", f"runs/{run.name}/models/{file}")
        done = compose("run", "--rm", "-T", "predict", *model, "--horizon", "15", cwd=checkout)
        assert (done.returncode, done.stdout) == (0, expected), done.stderr
        longer = ("--horizon", "40", "--output", "runs/ahead.csv")
        done = compose("run", "--rm", "-T", "predict", *model, *longer, cwd=checkout)
        assert done.returncode == 0, done.stderr
        written = checkout / "runs/ahead.csv"
        assert written.read_text().startswith(expected)
        assert written.stat().st_uid == owner
        written.unlink()
    (run / "models/arima_model.pkl").write_bytes(b"\x80\x04N.")
    done = compose("run", "--rm", "-T", "predict", *model, "--horizon", "15", cwd=checkout)
    assert (done.returncode, done.stdout) == (SavedModelChangedError.exit_code, "")
    assert "error[saved-model-changed]: " in done.stderr


@pytest.mark.parametrize("name", ["train", "predict"])
def test_the_program_s_container_is_shut_in(name: str) -> None:
    shown = compose("--profile", "predict", "config", "--format", "json").stdout
    service = json.loads(shown)["services"][name]
    assert service["read_only"] is True
    assert service["network_mode"] == "none"
    assert service["cap_drop"] == ["ALL"]
    assert sorted(service["cap_add"]) == ["SETGID", "SETPCAP", "SETUID"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert [volume.get("read_only", False) for volume in service["volumes"]] == [True, False]


def test_memory_and_processors_can_be_set() -> None:
    done = compose("config", "--format", "json", HAKOBUNE_MEMORY="1g", HAKOBUNE_CPUS="1.5")
    service = json.loads(done.stdout)["services"]["train"]
    assert (int(service["mem_limit"]), float(service["cpus"])) == (1 << 30, 1.5)


def test_a_program_without_capabilities_and_writable_root(checkout: Path) -> None:
    script = (
        "import os; print([l.split()[1] for l in open('/proc/self/status') if l[:3] == 'Cap'])\n"
        "try: open('/x', 'w')\nexcept OSError as e: print(e.strerror)"
    )
    # The same service with another program in the place of the trainer.
    volumes = [f"{checkout}/other:/app/trainer:ro"]
    more = {"services": {"train": {"volumes": volumes}}}
    (checkout / "more.yml").write_text(json.dumps(more), encoding="utf-8")
    (checkout / "other").mkdir()
    (checkout / "other/__main__.py").write_text(script, encoding="utf-8")
    done = compose(
        *("-f", "docker-compose.yml", "-f", "more.yml", "run", "--rm", "-T", "train"), cwd=checkout
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2, done.stdout
    caps, reason = done.stdout.splitlines()
    assert caps == str(["0" * 16] * 5)
    assert reason in ("Read-only file system", "Permission denied")


def test_hakobune_train_takes_a_file_from_anywhere_and_says_where_results_are(
    hakobune: Hakobune, image: Image, tmp_path: Path
) -> None:
    del image
    days = [f"2024-01-{day:02d},{day * 7 % 11}" for day in range(1, 32)]
    data = tmp_path / "mine.csv"
    data.write_text("\n".join(["date,value", *days, ""]), encoding="utf-8")
    done = hakobune("train", "--order", "1,0,0", "--input", str(data))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines() if str(ROOT / "runs") in line]
    assert {name for name, _ in lines} >= {"metric.json", "res.png", "pred.png"}
    for _, path in lines:
        assert Path(path).stat().st_size > 0
    folder = Path(lines[0][1]).parents[1]
    record = read_json(folder / "record.json")
    assert record["run_id"] == folder.name
    shutil.rmtree(folder)


def test_hakobune_train_names_the_program_s_exit_code(hakobune: Hakobune, image: Image) -> None:
    del image
    done = hakobune("train", "--order", "nonsense", "--output", "/tmp/x")
    assert_failed(done, "training-failed")
    assert "nonsense" in done.stderr
    assert re.search(r"ended with exit code [1-9]", done.stderr)
