from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.errors import (
    ComputeNotFoundError,
    ComputeUnusableError,
    EnvironmentConflictError,
    InputNotFoundError,
    JobNotFoundError,
    QuotaExceededError,
    ServiceRefusedError,
    ServiceUnavailableError,
    SubmitRunningError,
)
from hakobune.model.job import Job, JobPlan, Quota
from hakobune.stages.submit import (
    NOTES,
    last_job,
    next_attempt,
    notes,
    submit,
)
from tests.cloud_samples import PUSHED, FakeCloud, make_compute
from tests.delivery_samples import planned
from tests.samples import COMMIT, FakeReporter, write_project


def ready_cloud(**other: object) -> FakeCloud:
    return FakeCloud(computes={"cpu-cluster": make_compute()}, **other)  # type: ignore[arg-type] # by name


def test_everything_is_created_once(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), FakeCloud()
    submission = planned(project, is_compute_created=True)
    job = submit(project, submission, cloud, FakeReporter())
    assert cloud.calls == ["environment", "compute", f"job {job.name}"]
    assert cloud.environments == {f"demo:{'a1' * 8}": PUSHED.reference}
    again = planned(project, "--other", is_compute_created=True)
    submit(project, again, cloud, FakeReporter())
    assert cloud.calls[3:] == [f"job {again.job.name}"]


def test_the_job_s_page_is_printed_where_it_has_one(tmp_path: Path) -> None:
    class WithoutPage(FakeCloud):
        def create_job(self, plan: JobPlan, *, root: Path) -> Job:
            return replace(super().create_job(plan, root=root), page="")

    project = write_project(tmp_path)
    for cloud, said in (
        (FakeCloud(), ["in the studio: https://studio.example/demo-1"]),
        (WithoutPage(), []),
    ):
        reporter = FakeReporter()
        submit(project, planned(project, is_compute_created=True), cloud, reporter)
        assert reporter.said == said


def test_a_job_is_tagged_with_data_and_commit(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_bytes(b"abc")
    submission = planned(project, "--input", "data/x.csv")
    tags, (file,) = dict(submission.job.tags), submission.job.inputs
    assert (tags["git.commit"], tags["git.dirty"]) == (COMMIT, "false")
    assert tags["hakobune.data.input"] == files.sha256_of(tmp_path / "data" / "x.csv")
    assert (file.path, file.size_bytes) == ("data/x.csv", 3)


def test_a_file_from_elsewhere_keeps_its_whole_path(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    project = write_project(tmp_path / "project")
    (tmp_path / "x.csv").write_bytes(b"abc")
    (file,) = planned(project, "--input", "../x.csv").job.inputs
    assert file.path == str((tmp_path / "x.csv").resolve())


def test_a_missing_file_is_found_while_planning(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError):
        planned(write_project(tmp_path), "--input", "nowhere.csv")


def test_an_environment_with_another_image_stops_everything(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    cloud = ready_cloud(environments={f"demo:{'a1' * 8}": "registry.example/demo@sha256:other"})
    with pytest.raises(EnvironmentConflictError, match="sha256:other"):
        submit(project, planned(project), cloud, FakeReporter())
    assert cloud.calls == []
    assert notes(project) == ()


def test_a_compute_that_is_not_there_is_created_on_request_only(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), FakeCloud()
    with pytest.raises(ComputeNotFoundError) as caught:
        submit(project, planned(project), cloud, FakeReporter())
    assert "--create-compute" in caught.value.remedy
    assert "compute" not in cloud.calls


def test_a_job_that_could_never_start_is_not_submitted(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    broken = FakeCloud(computes={"cpu-cluster": make_compute(state="Failed")})
    with pytest.raises(ComputeUnusableError):
        submit(project, planned(project), broken, FakeReporter())
    full = ready_cloud(quota=(Quota(kind="k", per_node=2, used=23, allowed=24),))
    with pytest.raises(QuotaExceededError):
        submit(project, planned(project), full, FakeReporter())
    assert notes(project) == ()


def test_a_command_that_died_is_continued_under_the_same_name(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    cloud = ready_cloud(fails={"job": ServiceUnavailableError("down", remedy="")})
    first = planned(project)
    with pytest.raises(ServiceUnavailableError):
        submit(project, first, cloud, FakeReporter())
    job = submit(project, planned(project), cloud, FakeReporter())
    assert job.name == first.job.name
    assert [note.is_submitted for note in notes(project)] == [True]


def test_a_job_whose_answer_was_lost_is_not_submitted_twice(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    first = planned(project)

    class Lost(FakeCloud):
        def create_job(self, plan: JobPlan, *, root: Path) -> Job:
            super().create_job(plan, root=root)
            raise ServiceUnavailableError("the connection failed", remedy="")

    losing = Lost(computes=cloud.computes)
    with pytest.raises(ServiceUnavailableError):
        submit(project, first, losing, FakeReporter())
    job = submit(project, planned(project), losing, FakeReporter())
    assert list(losing.jobs) == [job.name] == [first.job.name]


def test_a_refusal_because_the_job_is_there_is_no_failure(tmp_path: Path) -> None:
    project = write_project(tmp_path)

    class There(FakeCloud):
        def create_job(self, plan: JobPlan, *, root: Path) -> Job:
            super().create_job(plan, root=root)
            raise ServiceRefusedError("the service answers 409", remedy="")

    cloud = There(computes={"cpu-cluster": make_compute()})
    assert submit(project, planned(project), cloud, FakeReporter()).name in cloud.jobs


def test_another_plan_gets_another_job(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    cloud = ready_cloud(fails={"job": ServiceUnavailableError("down", remedy="")})
    first = planned(project)
    with pytest.raises(ServiceUnavailableError):
        submit(project, first, cloud, FakeReporter())
    job = submit(project, planned(project, "--order", "1,0,0"), cloud, FakeReporter())
    assert job.name != first.job.name


def test_the_same_plan_again_is_a_new_job(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    names = {submit(project, planned(project), cloud, FakeReporter()).name for _ in range(2)}
    assert len(names) == 2


def test_two_submits_at_once_are_refused(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    with files.only_one(tmp_path / NOTES / ".lock"), pytest.raises(SubmitRunningError):
        submit(project, planned(project), cloud, FakeReporter())
    assert cloud.calls == []


def test_the_last_job_is_the_one_submitted_last(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    with pytest.raises(JobNotFoundError):
        last_job(project)
    job = submit(project, planned(project), cloud, FakeReporter())
    (tmp_path / NOTES / "odd.json").write_text("{", encoding="utf-8")
    assert last_job(project) == job.name


def test_another_attempt_is_the_same_job_under_another_name(tmp_path: Path) -> None:
    submission = planned(write_project(tmp_path))
    again = next_attempt(submission, 2)
    assert again.job.name == f"{submission.job.name}-2"
    assert replace(again, job=submission.job) == submission
