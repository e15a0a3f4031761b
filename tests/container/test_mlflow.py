"""`docker compose up mlflow` over finished runs, and trainings whose server is away."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest
from docker.models.images import Image

from tests.container.conftest import ROOT, Run
from tests.samples import PATIENCE_S

pytestmark = pytest.mark.container

BOARD = ROOT / "docker" / "mlflow"
QUICK = ("--order", "1,1,0", "--backtest_windows", "2")
Compose = Callable[..., subprocess.CompletedProcess[str]]


def tool(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hakobune", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project that makes the image of MLflow's pages."""
    return Path(shutil.copytree(BOARD, tmp_path_factory.mktemp("board") / "mlflow"))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory, image: Image) -> Path:
    """A folder with only what compose needs; ./runs belongs to somebody else."""
    del image
    folder = tmp_path_factory.mktemp("mlflow-checkout")
    # The name of the folder would be that of the checkout's own containers.
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    name = re.sub("[^a-z0-9]", "", f"{folder.parent.name}{folder.name}")
    (folder / "docker-compose.yml").write_text(text.replace("name: hakobune", f"name: {name}"))
    for below in ("data", "runs", "runs/.incoming"):
        (folder / below).mkdir()
        if os.getuid() == 0:
            os.chown(folder / below, 12345, 12345)
    return folder


@pytest.fixture(scope="module")
def compose(checkout: Path) -> Iterator[Compose]:
    """Call compose there; the end takes away what it made."""

    def call(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        # Port 0: the engine chooses a free one.
        return subprocess.run(
            ["docker", "compose", "--profile", "mlflow", *arguments],
            cwd=checkout,
            env={**os.environ, "HAKOBUNE_MLFLOW_PORT": "0", **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    yield call
    call("down", "--timeout", "5", "--volumes")


@pytest.fixture(scope="module")
def board(compose: Compose, project: Path) -> str:
    """The address of MLflow's pages."""
    built = tool("build", cwd=project)
    assert built.returncode == 0, built.stderr
    up = compose("up", "--detach", "--wait", "--no-build", "mlflow")
    assert up.returncode == 0, up.stderr
    return compose("port", "mlflow", "5000").stdout.strip()


def ask(address: str, path: str, body: object = None, **headers: str) -> bytes:
    data = None if body is None else json.dumps(body).encode()
    request = Request(f"http://{address}{path}", data, {"Content-Type": "application/json"})
    for name, value in headers.items():
        request.add_header(name, value)
    with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE_S) as answer:
        content: bytes = answer.read()
    return content


def api(address: str, name: str, **body: Any) -> Any:
    return json.loads(ask(address, f"/api/2.0/mlflow/{name}", body))


def test_the_committed_lock_gives_the_committed_dockerfile_of_mlflow(project: Path) -> None:
    shutil.rmtree(project / "docker")
    assert tool("render", cwd=project).returncode == 0
    for name in ("Dockerfile", "Dockerfile.dockerignore"):
        assert (project / "docker" / name).read_bytes() == (BOARD / "docker" / name).read_bytes()
    assert tool("lock", "--check", cwd=project).returncode == 0


def imported(board: str, count: int) -> list[Any]:
    """Wait until so many runs are shown, and return them by name."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        experiments = api(board, "experiments/search", max_results=10)["experiments"]
        ids = [e["experiment_id"] for e in experiments]
        runs = api(board, "runs/search", experiment_ids=ids).get("runs", [])
        whole = [run for run in runs if run["info"]["status"] == "FINISHED"]
        if len(whole) >= count:
            return sorted(whole, key=lambda run: str(run["info"]["run_name"]))
        assert time.monotonic() < deadline, runs
        time.sleep(1)


def train(compose: Compose, checkout: Path, name: str) -> Path:
    """Train by plain compose, and move the run to `runs` as the next hakobune command does."""
    done = compose("run", "--rm", "-T", "train", *QUICK, "--run_id", name)
    assert done.returncode == 0, done.stderr
    return (checkout / "runs/.incoming" / name).rename(checkout / "runs" / name)


def test_a_finished_run_is_shown_with_its_figures_and_pictures(
    compose: Compose, board: str, checkout: Path
) -> None:
    metric = json.loads((train(compose, checkout, "shown") / "metric.json").read_text())
    # A copy that was changed is not imported, whenever it is looked at before the next one.
    changed = Path(shutil.copytree(checkout / "runs" / "shown", checkout / "runs" / "changed"))
    with (changed / "record.json").open("a") as record:
        record.write(" ")
    train(compose, checkout, "shown-too")
    run, other = imported(board, 2)
    assert other["info"]["run_name"] == "shown-too"
    assert (run["info"]["run_name"], run["info"]["status"]) == ("shown", "FINISHED")
    logged = {entry["key"]: entry["value"] for entry in run["data"]["metrics"]}
    assert {name: logged[name] for name in ("RMSE", "R2", "MAE", "skill")} == pytest.approx(
        {name: metric[name] for name in ("RMSE", "R2", "MAE", "skill")}
    )
    told = {entry["key"]: entry["value"] for entry in run["data"]["params"]}
    assert (told["order"], told["data_sha256"]) == ("1,1,0", metric["data_sha256"])
    tags = {entry["key"]: entry["value"] for entry in run["data"]["tags"]}
    content = (checkout / "runs" / "shown" / "record.json").read_bytes()
    assert tags["record_sha256"] == hashlib.sha256(content).hexdigest()
    for name in ("pred.png", "res.png", "report.html", "metric.json"):
        shown = ask(board, f"/get-artifact?path={name}&run_uuid={run['info']['run_id']}")
        assert shown == (checkout / "runs" / "shown" / name).read_bytes()
    owners = {path.stat().st_uid for path in (checkout / "runs" / "shown").rglob("*")}
    assert owners == {(checkout / "runs").stat().st_uid}


def test_mlflow_s_pages_are_for_this_machine_alone(board: str, compose: Compose) -> None:
    assert board.startswith("127.0.0.1:")
    service = json.loads(compose("config", "--format", "json").stdout)["services"]["mlflow"]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # A page of another site that has its name point here is refused.
    with pytest.raises(HTTPError, match="403"):
        ask(board, "/api/2.0/mlflow/experiments/search?max_results=1", Host="elsewhere.example")
    # MLflow's assistant runs commands where the server is.
    with pytest.raises(HTTPError, match="403"):
        ask(board, "/ajax-api/3.0/mlflow/assistant/message", {"message": "hello"})


def test_a_plain_compose_up_does_not_start_mlflow(compose: Compose) -> None:
    del compose
    shown = subprocess.run(
        ["docker", "compose", "config", "--services"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.split() == ["train"]


def test_a_training_has_no_way_to_the_store_and_the_pages_none_to_the_runs(
    compose: Compose,
) -> None:
    services = json.loads(compose("config", "--format", "json").stdout)["services"]
    assert "MLFLOW_TRACKING_URI" not in services["train"]["environment"]
    assert "store" not in json.dumps(services["train"]["volumes"])
    mounts = {mount["target"]: mount for mount in services["mlflow"]["volumes"]}
    assert mounts["/workspace/runs"]["read_only"] is True
    tried = compose("exec", "-T", "mlflow", "sh", "-c", "touch /workspace/runs/x")
    assert "Read-only file system" in tried.stderr


@pytest.mark.parametrize("is_deaf", [False, True], ids=["dead", "deaf"])
def test_a_server_that_is_away_costs_no_training(run: Run, *, is_deaf: bool) -> None:
    # The container has no network but its own; a deaf server takes connections and says nothing.
    listen = "s = socket.create_server(('127.0.0.1', 5000))\n" if is_deaf else ""
    code = f"import socket, sys\n{listen}from trainer.__main__ import main\nsys.exit(main())"
    code_of_exit, output = run(
        ["python", "-c", code, *QUICK, "--output", "/tmp/out"],
        environment={"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"},
    )
    assert code_of_exit == 0, output
    assert output.count("logging to MLflow was incomplete: reach the server: ") == 1
    assert "Traceback" not in output


def test_in_an_azure_ml_job_the_job_s_own_run_is_told_by_azure_s_plugin(
    run: Run, tmp_path: Path
) -> None:
    program = Path(__file__).with_name("azure_job.py")
    code, output = run(
        ["python", "/azure_job.py", "/told", *QUICK, "--output", "/told/out"],
        volumes=[f"{program}:/azure_job.py:ro", f"{tmp_path}:/told"],
        user=str(os.getuid()),
    )
    assert code == 0, output
    assert "logging to MLflow was incomplete" not in output
    requests = json.loads((tmp_path / "requests.json").read_text())
    called = [f"{method} {path.rsplit('/', 1)[1]}" for method, path, _ in requests]
    # The job's run is neither begun nor ended: the platform does that.
    assert not [call for call in called if call in ("POST create", "POST update")]
    batches = [json.loads(body) for _, path, body in requests if path.endswith("/log-batch")]
    assert {batch["run_id"] for batch in batches} == {"job_1"}
    metrics = {entry["key"]: entry["value"] for b in batches for entry in b.get("metrics", [])}
    metric = json.loads((tmp_path / "out" / "metric.json").read_text())
    assert (metrics["RMSE"], metrics["skill"]) == (metric["RMSE"], metric["skill"])
    assert len(metrics) <= 50
    texts = [entry["value"] for b in batches for entry in b.get("params", [])]
    assert 10 < len(texts) <= 100
    assert max(map(len, texts)) <= 500
    sizes = {Path(path).name: int(body) for method, path, body in requests if method == "PUT"}
    assert sizes == {
        path.name: path.stat().st_size for path in (tmp_path / "out").iterdir() if path.is_file()
    }
