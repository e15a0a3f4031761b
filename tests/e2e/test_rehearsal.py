"""A submit with injected faults, which only drydock can do; test_cloud.py has none."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from drydock.output_mounts import reason_against
from hakobune.stages.build import image_tag
from tests.e2e.conftest import (
    ROOT,
    Drydock,
    Hakobune,
    Site,
    calling,
    command_line,
    environment,
    last_name,
)
from tests.renamed import rename
from tests.samples import PATIENCE_S, assert_failed

pytestmark = pytest.mark.e2e
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")
SUBMIT = ("submit", "--again", "--create-compute")


@pytest.mark.parametrize(
    ("fault", "name", "said"),
    [
        (("expired-secret", "*"), "login-expired", "AZURE_CLIENT_SECRET"),
        (("expired-token", "workspaces_get", 2), "login-expired", "az login"),
        (
            ("no-permission", "jobs_create_or_update"),
            "permission-missing",
            "AzureML Data Scientist",
        ),
        (("quota-exceeded", "*"), "quota-exceeded", "more quota"),
        (("image-pull-refused", "*"), "job-failed", "AcrPull"),
        (("preempted", "*"), "job-failed", "--retries"),
        (("out-of-memory", "*"), "job-failed", "more memory"),
        (("output-empty", "*"), "outputs-missing", "lacks"),
    ],
)
def test_what_cannot_be_waited_out_says_what_to_do_and_leaves_nothing_half(
    hakobune: Hakobune, drydock: Drydock, fault: tuple[Any, ...], name: str, said: str
) -> None:
    models = drydock.resources("models")
    drydock.inject(*fault)
    done = hakobune(*SUBMIT, "--register", *QUICK)
    assert_failed(done, name)
    assert said in done.stderr
    assert drydock.resources("models") == models


def test_a_submit_that_was_refused_goes_on_under_the_same_name(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    drydock.inject("no-permission", "jobs_create_or_update")
    assert_failed(hakobune(*SUBMIT, *QUICK), "permission-missing")
    name = last_name(project)
    again = hakobune("submit", "--create-compute", *QUICK)
    assert again.stdout.strip() == name, again.stderr
    assert hakobune("watch").returncode == 0


def test_a_job_whose_step_lost_its_login_is_watched_in_the_next_step(
    site: Site, drydock: Drydock, small: Path, tmp_path: Path
) -> None:
    """On a CI server: the first step's login ends, and the next one logs in anew."""
    project = tmp_path / "checkout"
    shutil.copytree(small, project)
    slow = project / "slow.txt"
    slow.write_text("wait a b", encoding="utf-8")  # see word_count
    words = command_line("submit", "--again", "--create-compute", "--watch", "--text", "slow.txt")
    with subprocess.Popen(
        words, cwd=project, env=site.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as first:
        assert first.stderr is not None
        for line in first.stderr:
            if ": Running (" in line:
                break
        else:
            pytest.fail("the job never ran")
        drydock.inject("expired-token", "jobs_get", 99)
        drydock.inject("expired-assertion", "login_token", 99)
        output, said = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 15, said
    assert "error[watch-ended]" in said
    assert "AADSTS700024" in said
    name = last_name(project)
    assert f"hakobune watch {name}" in said
    drydock.run("fault", "--clear")
    second = calling(site, project)("watch", name)
    assert second.returncode == 0, second.stderr
    assert "waited" in output + second.stdout
    assert calling(site, project)("fetch", name).returncode == 0


def test_a_serverless_job_is_rehearsed_from_the_push_to_the_model(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    computes = drydock.resources("computes")
    done = hakobune("submit", "--again", "--compute", "serverless", "--register", *QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("bit-identical to the local run")
    assert drydock.resources("computes") == computes
    (file,) = [path for path in drydock.resources("jobs") if last_name(project) == path.stem]
    held = json.loads(file.read_text(encoding="utf-8"))["value"]
    assert not held["given"].get("computeId")
    assert held["given"]["queueSettings"] == {"jobTier": "Standard"}


def test_a_preempted_job_is_submitted_again_on_request(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    drydock.inject("preempted")
    done = hakobune(*SUBMIT, "--fetch", "--retries", "1", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "the node was lost; resubmitting: attempt 2 of 2" in done.stderr
    pages = re.findall(r"^the job's page: (http://127\.0\.0\.1:\S+)$", done.stderr, re.MULTILINE)
    assert len(pages) == 2, done.stderr
    # Its address opens the page once: with a cookie, which this client sends back.
    browser = requests.Session()
    browser.trust_env = False
    page = browser.get(pages[-1], timeout=60)
    assert page.status_code == 200
    name = last_name(project)
    model = (project / "runs" / name / "models/arima_model.json").read_bytes()
    for shown in ("Completed", name, hashlib.sha256(model).hexdigest(), f">{len(model)}<"):
        assert shown in page.text
    assert requests.get(pages[-1], timeout=60, proxies={"http": ""}).status_code == 403


@pytest.mark.skipif(bool(reason_against()), reason=reason_against() or "-")
def test_a_mounted_output_is_bit_identical_whatever_becomes_of_renames(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    for fault in ("rename-refused", "copy-failed", "rename-corrupted"):
        drydock.inject(fault, times=2)  # the other two of the eight files are renamed
    done = hakobune(*SUBMIT, "--output-mode", "rw_mount", "--fetch", *QUICK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("bit-identical to the local run ")
    assert drydock.run("status").count("fault ") == 0
    assert not list((drydock.state / "mounts").iterdir())
    failed = hakobune(*SUBMIT, "--output-mode", "rw_mount", "--fetch", "--horizon", "0")
    assert_failed(failed, "job-failed")
    assert "its failure.json: horizon-invalid; exit code 2; " in failed.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (("no-permission", "mlflow_*", 50), "reach the server"),
        (("500", "mlflow_runs_log_batch", 50), "log parameters and metrics"),
        (("no-permission", "run_artifacts_*", 50), "log "),
    ],
)
def test_a_tracking_that_fails_is_told_and_never_fails_the_job(
    hakobune: Hakobune, drydock: Drydock, fault: tuple[Any, ...], said: str
) -> None:
    drydock.inject(*fault)
    done = hakobune(*SUBMIT, "--fetch", *QUICK)
    assert done.returncode == 0, done.stderr
    assert f"logging to MLflow was incomplete: {said}" in done.stdout


def test_a_tracking_that_stumbles_is_told_all(
    hakobune: Hakobune, drydock: Drydock, project: Path
) -> None:
    for route in ("mlflow_runs_get", "mlflow_runs_log_batch", "run_artifacts_batch_*"):
        for kind in ("429", "500"):
            drydock.inject(kind, route)
    done = hakobune(*SUBMIT, "--fetch", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "logging to MLflow was incomplete" not in done.stdout
    (file,) = [path for path in drydock.resources("tracking") if last_name(project) in path.name]
    told = json.loads(file.read_text("utf-8"))["value"]
    assert {"RMSE", "R2"} <= {metric["key"] for metric in told["metrics"]}
    assert drydock.run("status").count("fault ") == 0


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
            drydock.inject(kind, route)
    # An order of its own gives a model of its own, which is registered and not found.
    done = hakobune(
        *SUBMIT, "--register", "--ungraded", "--order", "0,0,1", "--backtest_windows", "0"
    )
    assert done.returncode == 0, done.stderr
    assert len(drydock.resources("jobs")) == len(jobs) + 1
    assert drydock.run("status").count("fault ") == 0


def test_a_bad_line_to_the_store_is_waited_out(
    hakobune: Hakobune, drydock: Drydock, tmp_path: Path
) -> None:
    csv = tmp_path / "another.csv"
    rows = [f"{2000 + n // 12}-{n % 12 + 1:02},{n % 5}" for n in range(60)]
    csv.write_text("\n".join(["month,value", *rows]), encoding="utf-8")
    # The SDK itself waits 15 s after the first upload that broke.
    for kind in ("dropped-upload", "dropped-download", "dropped-download", "slow-network"):
        drydock.inject(kind)
    done = hakobune(*SUBMIT, "--register", "--ungraded", *QUICK, "--input", str(csv))
    assert done.returncode == 0, done.stderr
    assert drydock.run("status").count("fault ") == 0


def test_a_dead_stand_in_never_means_azure(hakobune: Hakobune, drydock: Drydock) -> None:
    env = {"ARM_CLOUD_METADATA_URL": "https://127.0.0.1:1/metadata/endpoints"}
    for is_rehearsal in ("1", None):
        done = hakobune("submit", *QUICK, HAKOBUNE_REHEARSAL=is_rehearsal, **env)
        assert_failed(done, "cloud-unknown")
    half = hakobune("submit", *QUICK, HAKOBUNE_REHEARSAL=None, AZUREML_CURRENT_CLOUD="")
    assert_failed(half, "destination-incomplete")


def test_a_rehearsal_pushes_to_no_other_registry(hakobune: Hakobune, drydock: Drydock) -> None:
    for name in ("mine.azurecr.io", "127.0.0.1:1"):
        done = hakobune("push", "--registry", name)
        assert_failed(done, "cloud-unknown")
        assert not done.stdout
    done = hakobune("push", HAKOBUNE_REGISTRY="mine.azurecr.io")
    assert_failed(done, "cloud-unknown")
    assert not done.stdout
    assert "HAKOBUNE_REGISTRY" in done.stderr


def test_another_project_s_job_pulls_its_image_by_digest(
    hakobune: Hakobune, drydock: Drydock, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(ROOT / "tests/cases/word-count", project)
    tag = image_tag(rename(project, "word-count-pulled"))
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
    subprocess.run(["docker", "image", "rm", tag], check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", CREATE, str(project / "azureml")],
        env=environment(drydock),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    fetched = hakobune("fetch", done.stdout.split()[-1], cwd=project)
    assert fetched.returncode == 0, fetched.stderr
    listed, grade = fetched.stdout.splitlines()
    assert grade.startswith("no local run of this image")
    counts = json.loads(Path(listed.split()[-1]).read_text("utf-8"))
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
