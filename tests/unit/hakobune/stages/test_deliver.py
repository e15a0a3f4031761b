"""The order of the steps to Azure ML and back, and the rules between them."""

import json
from pathlib import Path

import pytest

from hakobune.errors import (
    HakobuneError,
    JobFailedError,
    LoginMissingError,
    RecordIncompleteError,
    ServiceUnavailableError,
)
from hakobune.stages.deliver import Delivery, Order, Step, bring, bring_model, deliver
from tests.cloud_samples import FakeCloud, make_wishes
from tests.delivery_samples import Ready, make_ready

LOST = "NodePreempted: the node was preempted"


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    return make_ready(tmp_path)


def delivered(ready: Ready, until: Step, *, retries: int = 0, experiment: str = "demo") -> Delivery:
    order = Order(
        wishes=make_wishes("--order", "2,0,2", is_compute_created=True, experiment=experiment),
        registry="",
        cwd=ready.project.root,
        until=until,
        retries=retries,
    )
    return deliver(ready.services, order, lambda _: None)


def test_each_step_adds_what_it_finds(ready: Ready) -> None:
    names = [set(delivered(ready, Step.SUBMIT).values())]
    for step in (Step.WATCH, Step.FETCH, Step.REGISTER):
        ready.cloud.statuses = iter(["Running", *["Completed"] * 9])
        names.append(set(delivered(ready, step).values()))
    job = {"job", "status", "is_over", "page", "environment", "compute"}
    fetched = job | {"folder", "files", "grade"}
    assert names == [job, job, fetched, fetched | {"model", "version"}]


def test_a_delivery_s_values_are_json_and_name_what_is_missing_as_null(ready: Ready) -> None:
    ready.cloud.statuses = iter(["Completed"] * 9)
    found = delivered(ready, Step.FETCH)
    folder = ready.project.root / "runs" / found.job
    values = json.loads(json.dumps(Delivery(job="j", folder=folder, files=found.files).values()))
    assert values == {
        "job": "j",
        "folder": str(folder),
        "files": {name: str(folder / name) for name in ("model.bin", "metric.json", "record.json")},
        "grade": None,
    }


@pytest.mark.parametrize(
    ("wrong", "name"),
    [("login", "login-missing"), ("plan", "name-invalid"), ("receipt", "receipt-missing")],
)
def test_what_is_wrong_is_found_before_anything_is_pushed(
    ready: Ready, wrong: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong == "login":

        def refused(_: FakeCloud) -> str:
            raise LoginMissingError("not logged in", remedy="")

        monkeypatch.setattr(FakeCloud, "registry", refused)
    elif wrong == "receipt":
        ready.receipt.unlink()
    with pytest.raises(HakobuneError) as caught:
        delivered(ready, Step.REGISTER, experiment="a b" if wrong == "plan" else "demo")
    assert caught.value.name() == name
    assert not ready.runner.called("docker", "push")
    assert ready.cloud.calls == []


def test_a_lost_node_is_retried_as_often_as_asked(ready: Ready) -> None:
    ready.cloud.why = LOST
    ready.cloud.statuses = iter(["Failed", "Failed", "Completed"])
    found = delivered(ready, Step.WATCH, retries=2)
    first, *others = ready.cloud.jobs
    assert others == [f"{first}-2", f"{first}-3"]
    assert (found.job, found.status) == (f"{first}-3", "Completed")
    assert [text.splitlines()[-1] for text in ready.reporter.said if "node was lost" in text] == [
        "the node was lost; resubmitting: attempt 2 of 3",
        "the node was lost; resubmitting: attempt 3 of 3",
    ]


@pytest.mark.parametrize(
    ("why", "retries", "jobs"), [(LOST, 0, 1), (LOST, 1, 2), ("UserError: exit code 43", 5, 1)]
)
def test_the_program_s_own_failure_is_not_retried_nor_a_node_too_often(
    ready: Ready, why: str, retries: int, jobs: int
) -> None:
    ready.cloud.why = why
    ready.cloud.statuses = iter(["Failed"] * 9)
    with pytest.raises(JobFailedError):
        delivered(ready, Step.REGISTER, retries=retries)
    assert len(ready.cloud.jobs) == jobs
    assert not ready.cloud.fetched


def submitted(ready: Ready) -> str:
    ready.cloud.statuses = iter(["Completed"] * 99)
    return delivered(ready, Step.WATCH).job


def test_a_fetch_grades_and_a_second_adds_the_model(ready: Ready) -> None:
    job = submitted(ready)
    fetched = bring(ready.services, job)
    assert fetched.grade == (
        "no local run of this image, data and arguments to compare with: hakobune train"
    )
    assert ready.cloud.models == []
    assert bring_model(ready.services, job).version == "1"
    assert bring_model(ready.services, job).version == "1", "registered once"


def test_one_output_alone_gets_no_grade_and_no_question(ready: Ready) -> None:
    job = submitted(ready)
    bring(ready.services, job)
    ready.cloud.jobs.clear()
    found = bring(ready.services, job, output="output")
    assert (found.grade, found.values()["grade"]) == (None, None)


def test_a_model_without_a_grade_is_not_registered(ready: Ready) -> None:
    job = submitted(ready)
    for path in ready.project.root.glob("runs/reference/image/*"):
        path.unlink()
    ready.project.lock_path.write_bytes(b"another")
    with pytest.raises(RecordIncompleteError):
        bring_model(ready.services, job)
    assert bring(ready.services, job).grade is None
    assert ready.cloud.models == []


def test_an_interrupted_delivery_continues_with_the_same_job(ready: Ready) -> None:
    ready.cloud.fails["job"] = ServiceUnavailableError("down", remedy="")
    with pytest.raises(ServiceUnavailableError):
        delivered(ready, Step.SUBMIT)
    found = delivered(ready, Step.SUBMIT)
    assert ready.cloud.calls == ["environment", "compute", f"job {found.job}", f"job {found.job}"]
    assert len(ready.runner.called("docker", "push")) == 1
