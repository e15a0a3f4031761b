"""`hakobune canary` and `hakobune doctor --cloud`, with a workspace in memory."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hakobune.transform.canary import ASSUMPTIONS
from tests.command_samples import FakeWiring, run
from tests.delivery_samples import Ready, make_ready

CHECKS = {one.name: [True, "works"] for one in ASSUMPTIONS[:-2]}
SUBNET = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Network/virtualNetworks/v/subnets/n"
Hakobune = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ready:
    monkeypatch.chdir(tmp_path)
    for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE"):
        monkeypatch.setenv(f"HAKOBUNE_{name}", "x")
    return make_ready(tmp_path)


@pytest.fixture
def hakobune(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ready: Ready
) -> Hakobune:
    return lambda *words: run(
        monkeypatch, capsys, *words, wiring=FakeWiring(ready, is_offline=False)
    )


def report(ready: Ready, **checks: object) -> None:
    text = json.dumps({"checks": {**CHECKS, **checks}, "facts": {"umask": "022"}}).encode()
    ready.cloud.statuses = iter(["Completed"] * 9)
    ready.cloud.logs = [b"hakobune-canary " + text + b"\n"]
    ready.cloud.outputs = {"canary.json": text}


@pytest.mark.parametrize(("name", "code"), [("rename", 5), ("user", 14), ("none", 0)], ids=str)
def test_the_exit_code_tells_whether_a_training_works(
    hakobune: Hakobune, ready: Ready, name: str, code: int
) -> None:
    report(ready, **({name: [False, "EIO"]} if code else {}))
    found, out, err = hakobune("canary", "--create-compute")
    assert found == code, err
    assert ("observed: EIO" in out) == bool(code)
    assert out.splitlines()[-1].split() == ["umask", "022"]


def test_the_options_of_a_job_are_the_canary_s(hakobune: Hakobune, ready: Ready) -> None:
    report(ready)
    words = (
        *("canary", "--create-compute", "--compute", "big", "--size", "Standard_D4s_v3"),
        *("--instances", "1", "--timeout", "10m", "--low-priority", "--registry", "own.azurecr.io"),
        *("--output-mode", "rw_mount", "--identity", "managed", "--input-mode", "download"),
        *("--subnet", SUBNET),
        *("--experiment", "mine", "--display-name", "seen", "--env", "A=1", "--tag", "b=2"),
        *("--subscription", "s", "--resource-group", "r", "--workspace", "w"),
    )
    code, out, err = hakobune(*words, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["facts"] == {"umask": "022"}
    assert Path(found["file"]).is_file()
    (compute,) = ready.cloud.computes.values()
    assert (compute.name, compute.size, compute.is_low_priority) == ("big", "Standard_D4s_v3", True)
    text = hakobune(*words, "--dry-run")[1]
    for said in (
        "timeout: 600",
        "experiment_name: mine",
        "display_name: seen",
        "mode: rw_mount",
        "A: '1'",
        "b: '2'",
    ):
        assert said in text


def test_a_dry_run_prints_the_job_and_submits_nothing(hakobune: Hakobune, ready: Ready) -> None:
    code, out, _ = hakobune("canary", "--dry-run")
    assert code == 0
    assert "canary:" in out
    assert ready.cloud.jobs == {}


def test_doctor_asks_the_cloud_only_where_it_is_told_to(
    hakobune: Hakobune, ready: Ready, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hakobune.cli.doctor.examine", lambda *_, **__: ())
    assert hakobune("doctor")[1] == ""
    code, out, err = hakobune("doctor", "--cloud")
    assert out.startswith("ok    cloud"), err
    assert "compute" in out
    assert code == 14  # there is no cluster yet
