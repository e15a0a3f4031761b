"""The commands that go to Azure ML, with a workspace in memory instead."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from hakobune.cli.options import Duration
from hakobune.cli.wiring import Wiring
from hakobune.errors import CloudUnknownError, DestinationIncompleteError
from hakobune.interruption import Interrupted
from hakobune.model.destination import Destination
from hakobune.stages.smoke import RECEIPTS
from hakobune.transform.write_record import sealed
from tests.cloud_samples import FakeClock, FakeCloud, make_job, run_files
from tests.command_samples import FakeWiring, run
from tests.delivery_samples import DIGEST, Ready, make_ready
from tests.samples import begins, write_project

Hakobune = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ready:
    monkeypatch.chdir(tmp_path)
    for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE"):
        monkeypatch.setenv(f"HAKOBUNE_{name}", "x")
    return make_ready(tmp_path)


@pytest.fixture
def cloud(ready: Ready) -> FakeCloud:
    return ready.cloud


@pytest.fixture
def hakobune(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ready: Ready
) -> Hakobune:
    return lambda *arguments: run(
        monkeypatch, capsys, *arguments, wiring=FakeWiring(ready, is_offline=False)
    )


def test_one_command_goes_all_the_way(hakobune: Hakobune, cloud: FakeCloud, tmp_path: Path) -> None:
    cloud.statuses = iter(["Running", "Completed", "Completed", "Completed"])
    cloud.logs = [b"fitting\n"]
    # The job is found completed only once it was created.
    words = ("submit", "--create-compute", "--register", "--order", "2,0,2")
    code, _, err = hakobune(*words)
    assert (code, "error[grade-missing]: " in err, cloud.calls) == (10, True, [])
    code, out, err = hakobune(*words, "--ungraded")
    assert code == 0, err
    assert out.startswith("fitting\ndemo-model:1\n")
    name = next(iter(cloud.jobs))
    assert out.splitlines()[3].split()[0] == "metric.json"
    assert out.splitlines()[-1].startswith("no local run of this image")
    assert (tmp_path / "runs" / name / "model.bin").read_bytes() == run_files()["model.bin"]
    assert cloud.calls == ["environment", "compute", f"job {name}", "model demo-model"]


def test_the_same_submit_has_the_same_job_and_again_another(
    hakobune: Hakobune, cloud: FakeCloud
) -> None:
    words = ("submit", "--create-compute")
    assert "--again submits another" not in hakobune(*words, "--dry-run")[1]
    names = [hakobune(*words, *more)[1].strip() for more in ((), (), ("--again",))]
    told = hakobune(*words, "--register", "--dry-run")[1]
    assert f"{names[2]} is this plan's job; --again submits another" in told
    assert "grade        a submit is refused: the model of the job cannot be compared" in told
    assert names[0] == names[1] != names[2]
    assert list(cloud.jobs) == [names[0], names[2]]
    cloud.statuses = iter(["Completed"] * 9)
    assert hakobune(*words)[1].strip() == names[2], "also of a job that is over"
    assert hakobune(*words, "--watch")[1] == ""
    assert hakobune(*words, "--ungraded")[0] == 2


def test_a_submit_alone_prints_the_job_s_name(hakobune: Hakobune, cloud: FakeCloud) -> None:
    code, out, _ = hakobune("submit", "--create-compute")
    assert (code, out.strip()) == (0, next(iter(cloud.jobs)))


def test_results_as_json_are_one_object_and_the_log_goes_aside(
    hakobune: Hakobune, cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.statuses = iter(["Running", *["Completed"] * 9])
    cloud.logs = [b"fitting\n"]
    code, out, err = hakobune("submit", "--create-compute", "--register", "--ungraded", "--json")
    assert code == 0, err
    assert "fitting\n" in err
    found = json.loads(out)
    name = next(iter(cloud.jobs))
    assert (found["job"], found["status"], found["is_over"]) == (name, "Completed", True)
    assert (found["model"], found["version"]) == ("demo-model", "1")
    assert found["files"]["model.bin"] == str(tmp_path / "runs" / name / "model.bin")
    fetched = json.loads(hakobune("fetch", name, "--json")[1])
    assert {part: fetched[part] for part in fetched} == {part: found[part] for part in fetched}
    assert set(fetched) == {"job", "folder", "files", "grade"}
    registered = json.loads(hakobune("register", name, "--ungraded", "--json")[1])
    assert registered == {**fetched, "model": "demo-model", "version": "1"}
    pushed = json.loads(hakobune("push", "--json")[1])
    assert pushed["image"] == f"own.azurecr.io/demo@{pushed['digest']}"


def test_a_submitted_job_as_json_is_not_over(hakobune: Hakobune, cloud: FakeCloud) -> None:
    found = json.loads(hakobune("submit", "--create-compute", "--json")[1])
    assert found["job"] == next(iter(cloud.jobs))
    assert found["is_over"] is False
    assert "folder" not in found


@pytest.mark.parametrize("command", ["push", "submit", "register"])
def test_a_dry_run_has_no_json(hakobune: Hakobune, command: str) -> None:
    for words in (("--dry-run", "--json"), ("--json", "--dry-run")):
        code, out, _ = hakobune(command, *words)
        assert (code, json.loads(out)["name"]) == (2, "usage")


def test_an_image_that_passed_no_smoke_test_goes_nowhere(
    hakobune: Hakobune, cloud: FakeCloud, tmp_path: Path
) -> None:
    (receipt,) = (tmp_path / RECEIPTS).iterdir()
    receipt.unlink()
    code, _, err = hakobune("submit", "--create-compute")
    assert code == 6
    assert "error[receipt-missing]: " in err
    assert "hakobune smoke" in err
    assert cloud.calls == []


def test_what_is_missing_is_found_before_the_image_is_tested(
    hakobune: Hakobune, ready: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (receipt,) = (tmp_path / RECEIPTS).iterdir()
    receipt.unlink()
    code, _, err = hakobune("submit", "--smoke")
    assert (code, "error[compute-not-found]: " in err) == (9, True)
    assert not ready.runner.called("docker", "run")
    monkeypatch.delenv("HAKOBUNE_WORKSPACE")
    code, _, err = hakobune("submit", "--register", "--input", "no.csv")
    assert code == 10
    assert err.startswith("error[submit-incomplete]: 3 things are missing for this job; nothing")
    assert "--workspace" in err
    assert "--input no.csv: there is no such file" in err


def test_an_image_is_tested_before_it_is_pushed(
    hakobune: Hakobune, ready: Ready, tmp_path: Path
) -> None:
    (receipt,) = (tmp_path / RECEIPTS).iterdir()
    receipt.unlink()
    ready.runner.answers = [begins("docker", "run", exit_code=1), *ready.runner.answers]
    code, _, err = hakobune("submit", "--smoke", "--create-compute")
    assert "error[smoke-failed]: " in err
    assert code == 6
    assert not ready.runner.called("docker", "push")
    assert ready.cloud.calls == []


def test_a_model_that_differs_from_the_local_one_is_not_registered(
    hakobune: Hakobune, cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.statuses = iter(["Completed"] * 4)
    assert hakobune("submit", "--create-compute", "--fetch")[0] == 0
    local = tmp_path / "runs" / next(iter(cloud.jobs))
    # The same run, but made here, and with another number.
    values = json.loads((local / "record.json").read_bytes())
    metric = b'{"RMSE": 13.5, "R2": 0.25, "name": "x"}'
    values["manifest"]["metric.json"] = {
        "sha256": hashlib.sha256(metric).hexdigest(),
        "bytes": len(metric),
    }
    values["outside"]["job"] = None
    (local / "metric.json").write_bytes(metric)
    (local / "record.json").write_bytes(sealed(values))
    local.rename(local.with_name("local"))

    cloud.statuses = iter(["Completed"] * 4)
    code, _, err = hakobune("submit", "--create-compute", "--register")
    assert code == 10
    assert "error[model-differs]: " in err
    assert "RMSE: 13.5, 12.5" in err
    assert not cloud.models
    # Nor by the next command.
    code, _, err = hakobune("register")
    assert (code, "error[model-differs]: " in err) == (10, True), err
    assert not cloud.models


def test_a_model_whose_record_stays_incomplete_is_not_registered(
    hakobune: Hakobune, cloud: FakeCloud, tmp_path: Path
) -> None:
    cloud.statuses = iter(["Completed"] * 8)
    assert hakobune("submit", "--create-compute", "--watch")[0] == 0
    shutil.rmtree(tmp_path / "runs/reference")
    (tmp_path / "environments/demo.lock").write_bytes(b"another")
    code, _, err = hakobune("register")
    assert (code, "error[record-incomplete]: " in err) == (10, True), err
    assert not cloud.models


def test_the_workspace_s_own_registry_is_used_where_none_is_named(hakobune: Hakobune) -> None:
    assert hakobune("push")[1] == f"own.azurecr.io/demo@{DIGEST}\n"
    assert hakobune("push", "--registry", "other.example")[1].startswith("other.example/demo@")


def test_a_dry_run_changes_nothing_and_needs_no_login(
    ready: Ready,
    cloud: FakeCloud,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hakobune(*arguments: str) -> tuple[int, str, str]:
        wiring = FakeWiring(ready, is_offline=True)
        return run(monkeypatch, capsys, *arguments, wiring=wiring)

    monkeypatch.delenv("HAKOBUNE_WORKSPACE")
    code, out, _ = hakobune("submit", "--dry-run", "--create-compute", "--order", "2,0,2")
    assert code == 0
    for text in ("at most      1 node-hours", "type: amlcompute", "--order 2,0,2 --output"):
        assert text in out
    assert hakobune("push", "--dry-run")[1].splitlines()[1].startswith("docker push ")
    assert hakobune("cancel", "--dry-run", "demo-1")[1] == "would cancel demo-1\n"
    assert "runs/demo-1/model.bin" in hakobune("register", "--dry-run", "demo-1")[1]
    assert cloud.calls == []


def test_a_job_s_fate_is_the_exit_code_and_the_name(hakobune: Hakobune, cloud: FakeCloud) -> None:
    cloud.jobs["demo-1"] = make_job()
    for status, expected in (("Failed", "job-failed"), ("Canceled", "job-canceled")):
        cloud.statuses = iter([status])
        code, _, err = hakobune("watch", "demo-1")
        assert (code, f"error[{expected}]: " in err) == (11, True)
    cloud.statuses = iter(["Completed"])
    assert hakobune("watch", "demo-1")[0] == 0
    for words, expected in (
        (("watch", "demo-2"), "job-not-found"),
        (
            ("fetch", "demo-1"),
            "job-unfinished",
        ),
    ):
        code, _, err = hakobune(*words)
        family = 15 if expected == "job-unfinished" else 9
        assert (code, f"error[{expected}]: " in err) == (family, True)
    assert hakobune("cancel", "demo-1")[1] == "CancelRequested\n"


def test_an_export_writes_what_az_takes(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hakobune.adapters.azure_ml.validate", lambda *_, **__: None)
    code, out, err = hakobune("export", "--registry", "other.example", "--create-compute")
    assert code == 0, err
    assert out.split() == ["azureml/environment.yml", "azureml/job.yml", "azureml/compute.yml"]
    text = (tmp_path / "azureml" / "environment.yml").read_text("utf-8")
    assert f"image: other.example/demo@{DIGEST}" in text


@pytest.mark.parametrize("arguments", [("--env", "A"), ("--tag", "A"), ("--timeout", "soon")])
def test_an_option_of_the_wrong_form_is_wrong_usage(
    hakobune: Hakobune, arguments: tuple[str, str]
) -> None:
    assert hakobune("submit", "--dry-run", *arguments)[0] == 2


def make_distributed(root: Path) -> None:
    text = (root / "pyproject.toml").read_text("utf-8")
    text = text.replace("[tool.hakobune]\n", "[tool.hakobune]\ndistributed = true\n", 1)
    (root / "pyproject.toml").write_text(text, encoding="utf-8")


def test_variables_tags_and_times_reach_the_job(hakobune: Hakobune) -> None:
    options = ("--env", "A=b=c", "--tag", "team=x", "--timeout", "90m")
    out = hakobune("submit", "--dry-run", *options)[1]
    for text in ("  A: b=c\n", "  team: x\n", "timeout: 5400\n"):
        assert text in out


@pytest.mark.parametrize(
    ("text", "seconds"), [("3600", 3600), ("45s", 45), ("30m", 1800), ("2h", 7200), ("1d", 86400)]
)
def test_a_time_may_have_a_unit(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5h", "2w", "h"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        Duration().convert(text, None, None)


def test_a_workspace_must_be_named_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HAKOBUNE", "AZURE"):
        monkeypatch.delenv(f"{name}_RESOURCE_GROUP", raising=False)
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    wiring = Wiring()
    partly = wiring.destination(Destination(subscription="s", workspace="w"))
    with pytest.raises(DestinationIncompleteError, match=r"missing --resource-group$"):
        wiring.cloud(partly)
    config = {"subscription_id": "s", "resource_group": "r", "workspace_name": "w"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = wiring.destination(Destination())
    assert found.resource_group == "r"
    wiring.cloud(found)


@pytest.mark.parametrize(
    "words",
    [
        *(("push",), ("push", "--dry-run"), ("submit",), ("submit", "--dry-run"), ("export",)),
        *((name, "demo-1") for name in ("watch", "fetch", "register", "cancel")),
    ],
)
def test_no_command_leaves_a_rehearsal_whose_variables_are_missing(
    hakobune: Hakobune,
    cloud: FakeCloud,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("HAKOBUNE_REHEARSAL", "1")
    monkeypatch.delenv("AZUREML_CURRENT_CLOUD", raising=False)
    code, out, err = hakobune(*words)
    assert (code, out) == (CloudUnknownError.exit_code, "")
    assert "HAKOBUNE_REHEARSAL=1" in err
    assert cloud.calls == []


@pytest.mark.parametrize(
    "command", ["push", "submit", "export", "watch", "fetch", "register", "cancel"]
)
def test_each_command_goes_to_the_workspace_that_its_options_name(
    ready: Ready,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    def asked(*options: str) -> tuple[str, str, str]:
        wiring = FakeWiring(ready, is_offline=False)
        job = () if command in ("push", "submit", "export") else ("no-such-job",)
        run(monkeypatch, capsys, command, *job, *options, wiring=wiring)
        return (
            wiring.asked[0].subscription,
            wiring.asked[0].resource_group,
            wiring.asked[0].workspace,
        )

    monkeypatch.setattr("hakobune.adapters.azure_ml.validate", lambda *_, **__: None)
    assert asked() == ("x", "x", "x")
    assert asked("--subscription", "mine") == ("mine", "x", "x")
    assert asked("--resource-group", "mine") == ("x", "mine", "x")
    assert asked("--workspace", "mine") == ("x", "x", "mine")


@pytest.mark.parametrize("command", ["submit", "export"])
def test_each_option_of_a_job_changes_what_goes_to_azure(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def documents(*options: str) -> str:
        if command == "submit":
            return hakobune("submit", "--dry-run", "--create-compute", *options)[1]
        code, _, err = hakobune("export", "--create-compute", *options)
        assert code == 0, err
        return "".join(p.read_text("utf-8") for p in sorted((tmp_path / "azureml").iterdir()))

    monkeypatch.setattr("hakobune.adapters.azure_ml.validate", lambda *_, **__: None)
    (tmp_path / "in.csv").write_text("1", encoding="utf-8")
    make_distributed(tmp_path)
    plain = documents()
    for option, text in (
        (("--compute", "big"), "compute: azureml:big\n"),
        (("--size", "Standard_D4s_v3"), "size: Standard_D4s_v3\n"),
        (("--low-priority",), "tier: low_priority\n"),
        (("--subnet", "/s/one"), "subnet: /s/one\nenable_node_public_ip: false\n"),
        (("--low-priority",), "    mode: rw_mount\n"),
        (("--instances", "2"), "instance_count: 2\n"),
        (("--instances", "2"), "    mode: rw_mount\n"),
        (
            ("--instances", "2"),
            "distribution:\n  type: pytorch\n  process_count_per_instance: 1\n",
        ),
        (("--output-mode", "rw_mount"), "    mode: rw_mount\n"),
        (("--timeout", "90m"), "timeout: 5400\n"),
        (("--experiment", "mine"), "experiment_name: mine\n"),
        (("--display-name", "mine"), "display_name: mine\n"),
        (("--identity", "user"), "identity:\n  type: user_identity\n"),
        (("--identity", "managed"), "identity:\n  type: managed\n"),
        (("--input-mode", "download", "--input", "in.csv"), "mode: download\n"),
        (("--env", "A=b=c"), "  A: b=c\n"),
        (("--tag", "team=x"), "  team: x\n"),
        (("--registry", "other.example"), f"image: other.example/demo@{DIGEST}\n"),
    ):
        assert text not in plain
        assert text in documents(*option), option
    chosen = documents("--low-priority", "--output-mode", "upload")
    assert "    mode: upload\n" in plain
    assert "    mode: upload\n" in chosen


@pytest.mark.parametrize("command", [("submit", "--dry-run"), ("export",)])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("upload", "one dedicated node")),
        (("--low-priority",), ("rw_mount", "low-priority node that is taken away")),
        (("--instances", "2"), ("rw_mount", "several nodes")),
        (("--output-mode", "upload"), ("upload", "--output-mode")),
    ],
)
def test_how_the_outputs_are_kept_is_said_with_the_reason(  # noqa: PLR0913, PLR0917 - its parameters
    hakobune: Hakobune,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    options: tuple[str, ...],
    words: tuple[str, str],
) -> None:
    monkeypatch.setattr("hakobune.adapters.azure_ml.validate", lambda *_, **__: None)
    make_distributed(tmp_path)
    _, out, err = hakobune(*command, *options)
    (line,) = (
        line for line in (out + err).splitlines() if line.startswith("outputs") and len(line) > 9
    )
    assert all(word in line for word in words)


@pytest.mark.parametrize("command", [("submit", "--dry-run"), ("export",)])
def test_several_nodes_always_mount_their_outputs(
    hakobune: Hakobune, tmp_path: Path, command: tuple[str, ...]
) -> None:
    make_distributed(tmp_path)
    code, _, err = hakobune(*command, "--instances", "2", "--output-mode", "upload")
    assert code == 2
    assert "--output-mode upload with --instances 2" in err


def test_a_dry_run_shows_the_shards_and_how_their_work_is_merged(
    hakobune: Hakobune, tmp_path: Path
) -> None:
    make_distributed(tmp_path)
    options = ("--create-compute", "--shards", "5", "--timeout", "1h")
    code, out, err = hakobune("submit", "--dry-run", *options)
    assert code == 0, err
    for text in (
        "5 jobs of one node",
        "6 node-hours (6 x 3600 s)",
        " --shard 0/5\n",
        "max_instances: 5\n",
        "instance_count: 1\n",
        "hakobune.shards: '5'\n",
        "kept",
    ):
        assert text in out, text
    assert "distribution" not in out
    folder = "path: azureml://datastores/workspaceblobstore/paths/hakobune/"
    assert len({line for line in out.splitlines() if folder in line}) == 1
    assert hakobune("submit", "--dry-run", "--shards", "2", "--queue-timeout", "1h")[0] == 2


@pytest.mark.parametrize("command", ["submit", "export"])
def test_a_serverless_job_has_no_cluster(
    hakobune: Hakobune, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("--compute", "serverless", "--size", "Standard_D4s_v3", "--low-priority")
    monkeypatch.setattr("hakobune.adapters.azure_ml.validate", lambda *_, **__: None)
    code, out, err = hakobune(command, *(["--dry-run"] if command == "submit" else []), *words)
    assert code == 0, err
    text = out if command == "submit" else (tmp_path / "azureml/job.yml").read_text("utf-8")
    assert "job_tier: spot\n" in text
    assert "instance_type: Standard_D4s_v3\n" in text
    assert "compute: azureml" not in text
    assert hakobune(command, *words, "--create-compute")[0] == 2


def test_a_serverless_job_is_submitted_without_a_look_at_clusters(
    hakobune: Hakobune, cloud: FakeCloud
) -> None:
    assert hakobune("submit", "--compute", "serverless")[0] == 0
    assert [call.split(" ")[0] for call in cloud.calls] == ["environment", "job"]


@pytest.mark.parametrize("command", ["submit", "watch"])
def test_a_job_that_waits_too_long_or_is_interrupted_is_canceled_on_request(
    hakobune: Hakobune, cloud: FakeCloud, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr("hakobune.adapters.patience.SystemClock.now", lambda _: clock.now())
    monkeypatch.setattr("hakobune.adapters.patience.SystemClock.sleep", lambda _, s: clock.sleep(s))
    name = hakobune("submit", "--create-compute")[1].strip()
    cloud.statuses = iter(["Queued"] * 999)
    words = ("submit", "--create-compute", "--watch") if command == "submit" else ("watch",)
    code, _, err = hakobune(*words, "--queue-timeout", "10m")
    assert (code, "error[queue-timeout]" in err) == (9, True), err
    assert cloud.calls[-1] == f"cancel {name}"
    cloud.calls.clear()

    def interrupt(_: str) -> str:
        raise Interrupted(2)

    monkeypatch.setattr(cloud, "why_waiting", interrupt)
    for more, calls in (((), []), (("--cancel-on-interrupt",), [f"cancel {name}"])):
        hakobune(*words, *more)
        assert cloud.calls == calls


def test_an_export_goes_to_the_folder_of_its_option(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hakobune.adapters.azure_ml.validate", lambda *_, **__: None)
    assert hakobune("export", "--to", "elsewhere")[0] == 0
    assert (tmp_path / "elsewhere/job.yml").is_file()
    assert not (tmp_path / "azureml").exists()


def test_a_signature_is_attached_in_the_registry_of_its_option(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hakobune.cli.sign.sign", lambda *_: "signed")
    monkeypatch.setattr("hakobune.cli.sign.attach", lambda _folder, place, *_: place)
    words = ("sign", "reference", "--key", str(tmp_path / "key.pem"), "--attach")
    places = [
        hakobune(*words, "--registry", name)[1].splitlines()[1]
        for name in ("one.example", "two.example")
    ]
    assert [place.partition("/")[0] for place in places] == ["one.example", "two.example"]
