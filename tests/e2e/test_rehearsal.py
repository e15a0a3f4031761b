"""The whole way to Azure ML and back: the real SDK, a real registry, a container that trains."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ROOT, Drydock, Hakobune, command_line, environment

pytestmark = pytest.mark.e2e
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")
SUBMIT = ("submit", "--create-compute")


def test_one_command_brings_a_verified_model_and_a_second_doubles_nothing(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    done = hakobune(*SUBMIT, "--register", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "RMSE" in done.stdout
    run = project / "runs" / last_name(project)
    record = json.loads((run / "record.json").read_text("utf-8"))
    assert record["run_id"] == run.name
    for name, entry in record["manifest"].items():
        assert hashlib.sha256((run / name).read_bytes()).hexdigest() == entry["sha256"], name
    models = drydock.resources("models")
    again = hakobune("register")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [
        line for line in done.stdout.splitlines() if "arima-model:" in line
    ]
    assert drydock.resources("models") == models
    pushed = hakobune("push")
    assert "is there already" in pushed.stderr


def last_name(project: Path) -> str:
    notes = [json.loads(p.read_text("utf-8")) for p in (project / "runs/.jobs").glob("*.json")]
    return str(max(notes, key=lambda note: (note["planned"], note["name"]))["name"])


def test_a_file_of_this_machine_is_what_the_job_reads(
    hakobune: Hakobune, project: Path, tmp_path: Path
) -> None:
    csv = tmp_path / "my series.csv"
    rows = [f"{2000 + n // 12}-{n % 12 + 1:02},{100 + n % 7 + n}" for n in range(60)]
    csv.write_text("\n".join(["month,value", *rows]), encoding="utf-8")
    done = hakobune(*SUBMIT, "--fetch", *QUICK, "--input", str(csv))
    assert done.returncode == 0, done.stderr
    metrics = json.loads((project / "runs" / last_name(project) / "metric.json").read_text("utf-8"))
    assert metrics["data_sha256"] == hashlib.sha256(csv.read_bytes()).hexdigest()


def test_a_failed_training_shows_its_log_and_is_not_fetched(
    hakobune: Hakobune, project: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("date,value\n2020-01-01,a\n", encoding="utf-8")
    done = hakobune(*SUBMIT, "--fetch", "--input", str(bad))
    assert done.returncode == 96
    assert "'a' is no number" in done.stdout
    assert "status code 46" in done.stderr
    assert hakobune("fetch").returncode == 96
    watched = hakobune("watch")
    assert watched.returncode == 96
    assert "'a' is no number" in watched.stdout


def test_ctrl_c_leaves_the_job_running_and_the_way_back_works(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    child = subprocess.Popen(
        command_line(*SUBMIT, "--watch", *QUICK),
        cwd=project,
        env=environment(drydock),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if ": Preparing" in line or ": Running" in line:
            break
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    name = last_name(project)
    assert f"hakobune watch {name}" in err
    watched = hakobune("watch", name)
    assert watched.returncode == 0, watched.stderr
    assert "RMSE" in watched.stdout


def test_a_canceled_job_ends_as_canceled(hakobune: Hakobune) -> None:
    # pmdarima's search takes long enough to be canceled in the midst of it.
    submitted = hakobune(*SUBMIT, "--engine", "pmdarima")
    name = submitted.stdout.strip()
    assert hakobune("cancel", name).returncode == 0
    assert hakobune("watch", name).returncode == 97
    assert hakobune("fetch", name).returncode == 97


@pytest.mark.parametrize(
    ("weather", "code", "said"),
    [
        (("expired-secret", "*"), 84, "AZURE_CLIENT_SECRET"),
        (("expired-token", "workspaces_get", 2), 84, "az login"),
        (("no-permission", "jobs_create_or_update"), 86, "AzureML Data Scientist"),
        (("quota-exceeded", "*"), 90, "more quota"),
        (("image-pull-refused", "*"), 96, "AcrPull"),
        (("preempted", "*"), 96, "--retries"),
        (("out-of-memory", "*"), 96, "more memory"),
        (("output-empty", "*"), 30, "lacks"),
    ],
)
def test_what_cannot_be_waited_out_says_what_to_do_and_leaves_nothing_half(
    hakobune: Hakobune, drydock: Drydock, weather: tuple[Any, ...], code: int, said: str
) -> None:
    models = drydock.resources("models")
    drydock.weather(*weather)
    done = hakobune(*SUBMIT, "--register", *QUICK)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert drydock.resources("models") == models


def test_a_submit_that_was_refused_goes_on_under_the_same_name(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    drydock.weather("no-permission", "jobs_create_or_update")
    assert hakobune(*SUBMIT, *QUICK).returncode == 86
    name = last_name(project)
    again = hakobune(*SUBMIT, *QUICK)
    assert again.stdout.strip() == name, again.stderr
    assert hakobune("watch").returncode == 0


def test_a_preempted_job_is_submitted_again_on_request(
    hakobune: Hakobune, drydock: Drydock
) -> None:
    drydock.weather("preempted")
    done = hakobune(*SUBMIT, "--fetch", "--retries", "1", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "that was the node's fault: attempt 2" in done.stderr


ROUTES = (
    "login_token",
    "workspaces_get",
    "environment_versions_get",
    "compute_get",
    "jobs_create_or_update",
    "jobs_get",
    "datastores_get",
    "datastores_list_secrets",
    "model_versions_list",
    "model_versions_create_or_update",
)


def test_a_service_that_stumbles_at_every_step_is_waited_out(
    hakobune: Hakobune, drydock: Drydock
) -> None:
    jobs = drydock.resources("jobs")
    for route in ROUTES:
        for kind in ("429", "500"):
            drydock.weather(kind, route)
    # An order of its own gives a model of its own, which is registered and not found.
    done = hakobune(*SUBMIT, "--register", "--order", "0,0,1", "--backtest_windows", "0")
    assert done.returncode == 0, done.stderr
    assert len(drydock.resources("jobs")) == len(jobs) + 1
    assert drydock.run("status").count("weather ") == 0


def test_a_bad_line_to_the_store_is_waited_out(
    hakobune: Hakobune, drydock: Drydock, tmp_path: Path
) -> None:
    csv = tmp_path / "another.csv"
    rows = [f"{2000 + n // 12}-{n % 12 + 1:02},{n % 5}" for n in range(60)]
    csv.write_text("\n".join(["month,value", *rows]), encoding="utf-8")
    # The SDK itself waits 15 s after the first upload that broke.
    for kind in ("dropped-upload", "dropped-download", "dropped-download", "slow-network"):
        drydock.weather(kind)
    done = hakobune(*SUBMIT, "--register", *QUICK, "--input", str(csv))
    assert done.returncode == 0, done.stderr
    assert drydock.run("status").count("weather ") == 0


def test_a_dead_stand_in_never_means_azure(hakobune: Hakobune, drydock: Drydock) -> None:
    env = {"ARM_CLOUD_METADATA_URL": "https://127.0.0.1:1/metadata/endpoints"}
    done = hakobune("submit", *QUICK, **env)
    assert done.returncode == 82, done.stderr
    half = hakobune("submit", *QUICK, AZUREML_CURRENT_CLOUD="")
    assert half.returncode == 80


def test_another_project_s_job_pulls_its_image_by_digest(
    hakobune: Hakobune, drydock: Drydock, tmp_path: Path
) -> None:
    project = tmp_path / "word-count"
    shutil.copytree(ROOT / "tests/cases/word-count", project)
    (project / "text.txt").write_text("a b a\n", encoding="utf-8")
    built = subprocess.run(
        command_line("build"),
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        check=False,
        capture_output=True,
    )
    assert built.returncode == 0, built.stderr
    assert hakobune("push", cwd=project).returncode == 0
    exported = hakobune("export", "--create-compute", "--text", "text.txt", cwd=project)
    assert exported.returncode == 0, exported.stderr
    # From here on only the registry has the image.
    subprocess.run(["docker", "image", "rm", "word-count:local"], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", CREATE, str(project / "azureml")],
        env=environment(drydock),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    fetched = hakobune("fetch", done.stdout.split()[-1], cwd=project)
    assert fetched.returncode == 0, fetched.stderr
    counts = json.loads(Path(fetched.stdout.split()[-1]).read_text("utf-8"))
    assert counts["words"] == {"a": 2, "b": 1}


# What `az ml environment create`, `az ml compute create` and `az ml job create` do with the files.
CREATE = """
import logging, os, sys
from pathlib import Path
logging.disable(logging.WARNING)
from azure.ai.ml import MLClient, load_compute, load_environment, load_job
from azure.identity import DefaultAzureCredential
folder = Path(sys.argv[1])
client = MLClient(
    DefaultAzureCredential(disable_instance_discovery=True),
    *(os.environ[f"HAKOBUNE_{name}"] for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE")),
)
client.environments.create_or_update(load_environment(folder / "environment.yml"))
client.compute.begin_create_or_update(load_compute(folder / "compute.yml")).result()
job = client.jobs.create_or_update(load_job(folder / "job.yml"))
client.jobs.stream(job.name)
print(job.name)
"""
