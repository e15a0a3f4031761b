"""The whole way to a workspace and back, one body for drydock and for Azure.

`pytest -m cloud` with a workspace in the environment goes to Azure; docs/how-to/submit.md.
"""

import hashlib
import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from hakobune.stages.project import open_project
from tests.e2e.conftest import (
    Hakobune,
    Site,
    attached,
    calling,
    command_line,
    forget,
    last_name,
    local,
    name_anew,
    word_count,
)
from tests.samples import PATIENCE_S, assert_failed
from trainer.errors import RowsInvalidError

# One process: each would make a site of its own.
pytestmark = [pytest.mark.cloud, pytest.mark.e2e]
QUICK = ("--order", "1,0,0", "--backtest_windows", "0")
SUBMIT = ("submit", "--again", "--create-compute")
COUNT = (*SUBMIT, "--text", "text.txt")


def test_one_command_brings_a_verified_model_and_a_second_doubles_nothing(
    hakobune: Hakobune, site: Site, project: Path
) -> None:
    done = hakobune(*SUBMIT, "--register", *QUICK)
    assert done.returncode == 0, done.stderr
    assert "RMSE" in done.stdout
    assert re.fullmatch(r"bit-identical to the local run .+", done.stdout.splitlines()[-1])
    run = project / "runs" / last_name(project)
    record = json.loads((run / "record.json").read_text("utf-8"))
    assert record["run_id"] == run.name
    for name, entry in record["manifest"].items():
        assert hashlib.sha256((run / name).read_bytes()).hexdigest() == entry["sha256"], name
    told = site.ask("tracked", run.name)
    metrics = json.loads((run / "metric.json").read_text("utf-8"))
    for name in ("RMSE", "R2", "MAE"):
        assert told["metrics"][name] == pytest.approx(metrics[name]), name
    assert {"pred.png", "res.png", "report.html"} <= set(told["files"])
    model = open_project(project).model
    assert model is not None
    models = site.ask("models", model.name)
    again = hakobune("register")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines() == [
        line for line in done.stdout.splitlines() if line.startswith(f"{model.name}:")
    ]
    assert site.ask("models", model.name) == models
    pushed = hakobune("push")
    assert "is there already" in pushed.stderr


def test_a_job_s_chain_holds_and_is_attached_to_its_image(
    hakobune: Hakobune, project: Path, tmp_path: Path
) -> None:
    fetched = hakobune(*SUBMIT, "--fetch", *QUICK)
    assert fetched.returncode == 0, fetched.stderr
    name = last_name(project)
    held = hakobune("verify", name)
    assert held.returncode == 0, held.stderr
    links = [line.split()[1] for line in held.stdout.splitlines() if line.startswith("ok ")]
    assert links[-2:] == ["job", "image"]

    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    first = hakobune("sign", name, "--key", str(key), "--attach")
    assert first.returncode == 0, first.stderr
    again = hakobune("sign", name, "--key", str(key), "--attach")
    assert again.stdout == first.stdout, "the same statement is attached once"
    record = json.loads((project / "runs" / name / "record.json").read_bytes())
    repository, _, digest = record["outside"]["reference"].partition("@")
    assert first.stdout.splitlines()[-1].startswith(f"{repository}@sha256:")
    raw = subprocess.run(
        ["docker", "buildx", "imagetools", "inspect", "--raw", f"{repository}@{digest}"],
        check=True,
        capture_output=True,
    ).stdout
    found = [
        item["digest"] for item in attached(repository, f"sha256:{hashlib.sha256(raw).hexdigest()}")
    ]
    assert found == [first.stdout.splitlines()[-1].partition("@")[2]]

    model = project / "runs" / name / "models" / "arima_model.json"
    content = model.read_bytes()
    model.write_bytes(content.replace(b"1", b"2", 1))
    broken = hakobune("verify", name)
    model.write_bytes(content)
    assert_failed(broken, "file-changed")
    assert "arima_model.json" in broken.stderr


def test_an_image_without_a_receipt_is_refused_before_anything_is_pushed(
    hakobune: Hakobune, project: Path
) -> None:
    receipts = project / ".hakobune/receipts"
    receipts.rename(receipts.with_name("aside"))
    before = sorted((project / ".hakobune/jobs").glob("*.json"))
    refused = hakobune(*SUBMIT, *QUICK)
    receipts.with_name("aside").rename(receipts)
    assert_failed(refused, "receipt-missing")
    assert "hakobune smoke" in refused.stderr
    assert sorted((project / ".hakobune/jobs").glob("*.json")) == before


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
    assert_failed(done, "job-failed")
    assert "'a' is not a number" in done.stdout
    assert f"status code {RowsInvalidError.exit_code}" in done.stderr
    assert "error[rows-invalid]: " in done.stdout
    assert_failed(hakobune("fetch"), "job-failed")
    watched = hakobune("watch")
    assert_failed(watched, "job-failed")
    assert "'a' is not a number" in watched.stdout


def test_ctrl_c_leaves_the_job_running_and_the_way_back_works(
    hakobune: Hakobune, site: Site, project: Path
) -> None:
    child = subprocess.Popen(
        command_line(*SUBMIT, "--watch", *QUICK),
        cwd=project,
        env=site.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert child.stderr is not None
    for line in child.stderr:
        if ": Preparing" in line or ": Running" in line:
            break
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=PATIENCE_S)
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
    assert_failed(hakobune("watch", name), "job-canceled")
    assert_failed(hakobune("fetch", name), "job-canceled")


@pytest.fixture(scope="module")
def counted(site: Site, small: Path) -> str:
    """A job of the small project that is fetched, and is what the smoke training made here."""
    done = calling(site, small)(*COUNT, "--fetch")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("bit-identical to the local run ")
    return last_name(small)


def test_a_fetched_job_is_fetched_again_by_looking_and_brought_again_where_it_is_gone(
    hakobune: Hakobune, small: Path, counted: str
) -> None:
    file = small / "runs" / counted / "counts.json"
    content = file.read_bytes()
    again = hakobune("fetch", counted, cwd=small)
    assert again.returncode == 0, again.stderr
    assert "is there already, verified" in again.stderr
    verified = hakobune("verify", counted, cwd=small)
    assert verified.returncode == 0, verified.stderr
    shutil.rmtree(file.parent)
    brought = hakobune("fetch", counted, cwd=small)
    assert brought.returncode == 0, brought.stderr
    assert file.read_bytes() == content


def test_the_same_model_is_registered_once(
    hakobune: Hakobune, site: Site, small: Path, counted: str
) -> None:
    model = open_project(small).model
    assert model is not None
    first = hakobune("register", counted, cwd=small)
    assert first.returncode == 0, first.stderr
    again = hakobune("register", counted, cwd=small)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert "is there already" in again.stderr
    assert len(site.ask("models", model.name)) == 1


def test_an_environment_of_another_image_is_never_used(
    hakobune: Hakobune, site: Site, tmp_path: Path
) -> None:
    project = word_count(tmp_path / "project")
    name_anew(project, site, "taken")
    try:
        local("smoke", "--text", "text.txt", cwd=project)
        assert hakobune("push", cwd=project).returncode == 0
        told = hakobune(*COUNT, "--dry-run", cwd=project)
        documents = yaml.safe_load_all("---\n" + told.stdout.partition("---\n")[2])
        wanted = next(one for one in documents if "image" in one)
        other = f"example.azurecr.io/other@sha256:{'0' * 64}"
        site.ask("environment", wanted["name"], wanted["version"], other)
        done = hakobune(*COUNT, cwd=project)
        assert_failed(done, "environment-conflict")
        assert other in done.stderr
        assert not list((project / ".hakobune/jobs").glob("*.json"))
    finally:
        forget(project, site)


@pytest.mark.parametrize(
    ("command", "name", "said"),
    [
        (("watch", "no-such-job"), "job-not-found", "no job no-such-job"),
        (("fetch", "no-such-job"), "job-not-found", "no job no-such-job"),
        (("cancel", "no-such-job"), "job-not-found", "no job no-such-job"),
        (("register", "no-such-job"), "job-not-found", "no job no-such-job"),
        (
            ("submit", "--text", "text.txt", "--compute", "no-such-one"),
            "compute-not-found",
            "--create-compute",
        ),
        (("submit", "--text", "gone.csv"), "input-not-found", "gone.csv"),
        (
            ("submit", "--workspace", "no-such-workspace", "--text", "text.txt"),
            "workspace-not-found",
            "config.json",
        ),
    ],
)
def test_what_is_not_there_is_told_with_a_code_of_its_own_and_nothing_is_submitted(
    hakobune: Hakobune, small: Path, command: tuple[str, ...], name: str, said: str
) -> None:
    before = sorted((small / ".hakobune/jobs").glob("*.json"))
    done = hakobune(*command, cwd=small)
    assert_failed(done, name)
    assert said in done.stderr
    assert sorted((small / ".hakobune/jobs").glob("*.json")) == before


def test_an_output_that_the_project_has_not_is_told_with_those_it_has(
    hakobune: Hakobune, small: Path, counted: str
) -> None:
    done = hakobune("fetch", counted, "--output", "model", cwd=small)
    assert_failed(done, "output-unknown")
    assert "it has: counts" in done.stderr
