"""The order of the steps to Azure ML and back, and the rules between them."""

import contextlib
import inspect
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.errors import (
    GradeMissingError,
    HakobuneError,
    JobFailedError,
    LoginMissingError,
    ModelDiffersError,
    RecordIncompleteError,
    ServiceUnavailableError,
)
from hakobune.model.cloud import Cloud
from hakobune.model.job import Job, JobPlan
from hakobune.stages.deliver import Delivery, Order, Step, bring, bring_model, deliver
from hakobune.stages.record import complete
from tests.cloud_samples import FakeCloud, make_compute, make_wishes, run_files
from tests.delivery_samples import DIGEST, Ready, make_ready
from tests.run_samples import circumstances, engine_of, image_of, write_run

LOST = "NodePreempted: the node was preempted"


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    return make_ready(tmp_path)


OWN = ["--order", "2,0,2"]


def trained(ready: Ready, *, order: str = OWN[1], rmse: bytes = b"12.5", data: str = "") -> None:
    """Let a local run lie there that the job's is compared with, of this order and RMSE."""
    job = json.loads(ready.cloud.outputs["record.json"])
    ready.cloud.outputs = run_files(image=job["image"], arguments=[*OWN, "--output", "/mnt"])
    built = replace(image_of(ready.project, DIGEST), base="")
    files = {
        name: data.replace(b"12.5", rmse)
        for name, data in run_files().items()
        if name != "record.json"
    }
    folder = ready.project.root / "runs/alike"
    arguments = ["--order", order, "--output", "runs/alike", *(("--input", data) if data else ())]
    write_run(folder, built, run_id="alike", files=files, arguments=arguments, inputs=[])
    complete(
        ready.project, folder, built, engine_of(built, b""), circumstances(ready.project, built)
    )


def delivered(  # noqa: PLR0913 - one for each part of an order
    ready: Ready,
    until: Step,
    *,
    retries: int = 0,
    experiment: str = "demo",
    is_again: bool = False,
    is_ungraded: bool = False,
) -> Delivery:
    order = Order(
        wishes=make_wishes("--order", "2,0,2", is_compute_created=True, experiment=experiment),
        registry="",
        cwd=ready.project.root,
        until=until,
        retries=retries,
        is_again=is_again,
        is_ungraded=is_ungraded,
    )
    return deliver(ready.services, order, lambda _: None)


def test_each_step_adds_what_it_finds(ready: Ready) -> None:
    trained(ready)
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


def test_a_job_of_many_nodes_goes_on_where_the_lost_one_had_its_outputs(ready: Ready) -> None:
    plans = []

    class Keeping(FakeCloud):
        def create_job(self, plan: JobPlan, *, root: Path) -> Job:
            plans.append(plan)
            return super().create_job(plan, root=root)

    cloud = Keeping(outputs=ready.cloud.outputs, why=LOST)
    cloud.statuses = iter(["Failed", "Failed", "Completed"])
    cloud.computes["cpu-cluster"] = make_compute(max_instances=3)
    project = replace(ready.project, distributed=True)
    services = replace(ready, project=project, cloud=cloud).services
    wishes = make_wishes("--order", "2,0,2", instances=3)
    order = Order(wishes=wishes, registry="", cwd=project.root, until=Step.WATCH, retries=2)
    deliver(services, order, lambda _: None)
    first = plans[0].name
    assert [plan.name for plan in plans] == [first, f"{first}-2", f"{first}-3"]
    assert {(plan.kept, plan.kept_at) for plan in plans} == {(("output",), first)}


def test_a_preempted_job_that_ends_as_canceled_is_submitted_again(ready: Ready) -> None:
    ready.cloud.computes["cpu-cluster"] = make_compute(is_low_priority=True)
    wishes = make_wishes("--order", "2,0,2", experiment="demo")
    order = Order(wishes=wishes, registry="", cwd=ready.project.root, until=Step.WATCH, retries=1)
    ready.cloud.statuses = iter(["Running", "Canceled", "Completed"])
    found = deliver(ready.services, order, lambda _: None)
    assert (found.status, len(ready.cloud.jobs)) == ("Completed", 2)


@pytest.mark.parametrize(
    ("why", "retries", "jobs"), [(LOST, 0, 1), (LOST, 1, 2), ("UserError: exit code 43", 5, 1)]
)
def test_the_program_s_own_failure_is_not_retried_nor_a_node_too_often(
    ready: Ready, why: str, retries: int, jobs: int
) -> None:
    trained(ready)
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
    trained(ready)
    job = submitted(ready)
    assert bring(ready.services, job).grade == "bit-identical to the local run alike"
    assert ready.cloud.models == []
    assert bring_model(ready.services, job).version == "1"
    assert bring_model(ready.services, job).version == "1", "registered once"
    assert "hakobune.grade" not in dict(ready.cloud.models[0][2])


def test_a_model_that_no_local_run_compares_with_is_refused_unless_it_is_allowed(
    ready: Ready,
) -> None:
    job = submitted(ready)
    assert bring(ready.services, job).grade == (
        "no local run of this image, data and arguments to compare the job with"
    )
    with pytest.raises(GradeMissingError, match=job) as caught:
        bring_model(ready.services, job)
    assert "--ungraded" in caught.value.remedy
    assert ready.cloud.models == []
    assert bring_model(ready.services, job, is_ungraded=True).version == "1"
    assert dict(ready.cloud.models[0][2])["hakobune.grade"] == "none"


def of_another_order(ready: Ready) -> None:
    trained(ready, order="1,0,0")


def of_other_data(ready: Ready) -> None:
    trained(ready, data="inputs/input/x.csv")


def of_a_changed_file(ready: Ready) -> None:
    trained(ready)
    (ready.project.root / "runs/alike/model.bin").write_bytes(b"other")


def of_another_image(ready: Ready) -> None:
    trained(ready)
    path = ready.project.root / "runs/alike/record.json"
    path.write_bytes(path.read_bytes().replace(DIGEST.encode(), b"sha256:" + b"9" * 64))


@pytest.mark.parametrize(
    "beside", [lambda _: None, of_another_order, of_other_data, of_a_changed_file, of_another_image]
)
def test_a_model_that_could_not_be_graded_is_refused_before_anything_is_pushed(
    ready: Ready, beside: Callable[[Ready], None]
) -> None:
    beside(ready)
    with pytest.raises(GradeMissingError):
        delivered(ready, Step.REGISTER)
    assert not ready.runner.called("docker", "push")
    assert ready.cloud.calls == []
    ready.cloud.statuses = iter(["Completed"] * 9)
    assert delivered(ready, Step.FETCH).grade
    assert delivered(ready, Step.REGISTER, is_ungraded=True).version == "1"


def test_a_different_model_is_not_registered_whatever_is_allowed(ready: Ready) -> None:
    trained(ready, rmse=b"13.5")
    ready.cloud.statuses = iter(["Completed"] * 9)
    with pytest.raises(ModelDiffersError):
        delivered(ready, Step.REGISTER, is_ungraded=True)
    assert ready.cloud.models == []


class DiedError(BaseException):
    """Ends the command at once, as SIGKILL does: nothing of ours catches it."""


@pytest.mark.parametrize("calls", range(24))
def test_a_delivery_killed_before_any_call_ends_with_one_job_and_one_model(
    ready: Ready, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(ready)
    ready.cloud.statuses = itertools.chain(["Running"], itertools.repeat("Completed"))
    left = calls

    def dying(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise DiedError
            return method(*values, **named)

        return call

    names = [name for name, _ in inspect.getmembers(Cloud, inspect.isfunction) if name[0] != "_"]
    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(ready.cloud, name, dying(getattr(ready.cloud, name)))
        with contextlib.suppress(DiedError):
            delivered(ready, Step.REGISTER)
    found = delivered(ready, Step.REGISTER)
    assert list(ready.cloud.jobs) == [found.job]
    assert [version for _, version, _ in ready.cloud.models] == [found.version]
    assert len(ready.runner.called("docker", "push")) == 1


def test_an_interrupted_resubmission_counts_on(ready: Ready) -> None:
    ready.cloud.why = LOST
    ready.cloud.statuses = iter(["Failed", *["Running"] * 3])
    ready.cloud.fails["job"] = ServiceUnavailableError("down", remedy="")
    with pytest.raises(ServiceUnavailableError):
        delivered(ready, Step.WATCH, retries=1)
    assert not ready.cloud.jobs
    ready.cloud.statuses = iter(["Failed"] * 9)
    with pytest.raises(JobFailedError):
        delivered(ready, Step.WATCH, retries=1)
    first, second = ready.cloud.jobs
    assert second == f"{first}-2"
    with pytest.raises(JobFailedError):
        delivered(ready, Step.WATCH, retries=1)
    assert len(ready.cloud.jobs) == 2
    with pytest.raises(JobFailedError, match=second) as caught:
        delivered(ready, Step.SUBMIT)
    assert "--again" in caught.value.remedy


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
