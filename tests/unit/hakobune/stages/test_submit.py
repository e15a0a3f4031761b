from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters import files
from hakobune.errors import (
    ComputeNotFoundError,
    ComputeUnusableError,
    DataChangedError,
    EnvironmentConflictError,
    InputNotFoundError,
    InputUnusableError,
    JobNotFoundError,
    NameInvalidError,
    QuotaExceededError,
    ServiceRefusedError,
    ServiceUnavailableError,
    SubmitRunningError,
)
from hakobune.model.job import Job, JobPlan, Quota
from hakobune.stages.inputs import digest_of_input
from hakobune.stages.job_notes import NOTES, attempt_of, last_job, notes
from hakobune.stages.submit import alone_with, plan_submit, submit, submit_after
from tests.cloud_samples import ENVIRONMENT, PUSHED, FakeCloud, make_compute, make_wishes
from tests.delivery_samples import planned
from tests.samples import COMMIT, HEAD, FakeReporter, FakeRunner, on, write_project


def ready_cloud(**other: object) -> FakeCloud:
    return FakeCloud(computes={"cpu-cluster": make_compute()}, **other)  # type: ignore[arg-type] # by name


def test_everything_is_created_once(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), FakeCloud()
    submission = planned(project, is_compute_created=True)
    job = submit(project, submission, cloud, FakeReporter())
    assert cloud.calls == ["environment", "compute", f"job {job.name}"]
    assert cloud.environments == {ENVIRONMENT.reference: PUSHED.reference}
    again = planned(project, "--other", is_compute_created=True)
    submit(project, again, cloud, FakeReporter())
    assert cloud.calls[3:] == [f"job {again.job.name}"]


def test_the_job_s_page_is_printed_where_it_has_one(tmp_path: Path) -> None:
    class WithoutPage(FakeCloud):
        def create_job(self, plan: JobPlan, *, root: Path) -> Job:
            return replace(super().create_job(plan, root=root), page="")

    project = write_project(tmp_path)
    for cloud, said in (
        (FakeCloud(), ["the job's page: https://studio.example/demo-1"]),
        (WithoutPage(), []),
    ):
        reporter = FakeReporter()
        submit(project, planned(project, is_compute_created=True), cloud, reporter)
        assert reporter.said[2:] == said


def test_the_roles_of_a_new_cluster_s_identity_are_printed_as_commands(tmp_path: Path) -> None:
    project, reporter = write_project(tmp_path), FakeReporter()
    submit(project, planned(project, is_compute_created=True), FakeCloud(), reporter)
    assert "the identity of cpu-cluster needs these roles" in reporter.said[0]
    assert '--role "Storage Blob Data Contributor" --scope /subscriptions/s/st' in reporter.said[1]
    assert "--assignee-object-id 11111111-2222-3333-4444-555555555555 " in reporter.said[1]


@pytest.mark.parametrize(
    ("is_keyless", "identity", "is_refused"),
    [(True, "", True), (True, "user", False), (False, "", False), (False, "managed", True)],
)
def test_a_cluster_without_the_identity_that_the_job_needs_is_refused(
    tmp_path: Path, *, is_keyless: bool, identity: str, is_refused: bool
) -> None:
    project = write_project(tmp_path)
    cloud = FakeCloud(computes={"cpu-cluster": make_compute()}, keyless=is_keyless)
    wanted = planned(project, identity=identity)
    if is_refused:
        with pytest.raises(ComputeUnusableError, match="cpu-cluster has no identity") as caught:
            submit(project, wanted, cloud, FakeReporter())
        assert "--identity-type SystemAssigned" in caught.value.remedy
        cloud.computes["cpu-cluster"] = make_compute(identity="user_assigned")
    submit(project, wanted, cloud, FakeReporter())


def test_a_job_is_tagged_with_data_and_commit(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_bytes(b"abc")
    submission = planned(project, "--input", "data/x.csv")
    tags, (file,) = dict(submission.job.tags), submission.job.inputs
    assert (tags["git.commit"], tags["git.dirty"]) == (COMMIT, "false")
    assert tags["hakobune.data.input"] == files.sha256_of(tmp_path / "data" / "x.csv")
    assert (file.path, file.size_bytes) == ("data/x.csv", 3)


def test_a_folder_is_uploaded_whole_or_not_at_all(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_bytes(b"abc")
    submission = planned(project, "--input", "data")
    (folder,) = submission.job.inputs
    assert (folder.path, folder.size_bytes, folder.is_folder) == ("data/", 3, True)
    tags = dict(submission.job.tags)
    assert tags["hakobune.data.input"] == digest_of_input(tmp_path / "data")
    (tmp_path / "data" / ".amlignore").write_bytes(b"x.csv")
    with pytest.raises(InputUnusableError, match=r"\.amlignore"):
        planned(project, "--input", "data")


@pytest.mark.parametrize("name", ["data", "data/x.csv"])
@pytest.mark.parametrize("is_changed", [False, True])
def test_data_that_changes_before_it_is_uploaded_cancels_the_job(
    tmp_path: Path, name: str, *, is_changed: bool
) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.csv").write_bytes(b"abc")
    submission = planned(project, "--input", name)
    if not is_changed:
        submit(project, submission, cloud, FakeReporter())
        return
    (tmp_path / "data" / "x.csv").write_bytes(b"other")
    with pytest.raises(DataChangedError, match="was changed while it was uploaded"):
        submit(project, submission, cloud, FakeReporter())
    assert cloud.calls[-1] == f"cancel {submission.job.name}"


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
    cloud = ready_cloud(environments={ENVIRONMENT.reference: "registry.example/demo@sha256:other"})
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


def test_uploads_on_a_cluster_of_low_priority_are_warned_of(tmp_path: Path) -> None:
    project, reporter = write_project(tmp_path), FakeReporter()
    low = FakeCloud(computes={"cpu-cluster": make_compute(is_low_priority=True)})
    submit(project, planned(project), low, reporter)
    assert any("--output-mode rw_mount" in line for line in reporter.said)
    reporter.said.clear()
    submit(project, planned(project, "--other"), ready_cloud(), reporter)
    assert not any("--output-mode" in line for line in reporter.said)


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


class DiedError(BaseException):
    """Ends the command at once, as SIGKILL does: nothing of ours catches it."""


@pytest.mark.parametrize("step", ["environment", "compute", "note", "job", "job made", "note kept"])
def test_a_command_killed_at_any_step_is_continued_with_one_job(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path)
    kept: list[bool] = []

    class Dying(FakeCloud):
        def _call(self, what: str) -> None:
            if what.startswith(step):
                raise DiedError
            super()._call(what)

        def create_job(self, plan: JobPlan, *, root: Path) -> Job:
            assert kept, "the name is on the disk before the request"
            job = super().create_job(plan, root=root)
            if step == "job made":
                raise DiedError
            return job

    def keep(path: Path, content: bytes) -> None:
        if step == "note" and not kept:
            raise DiedError
        kept.append(True)
        write_durably(path, content)
        if step == "note kept" and len(kept) > 1:
            raise DiedError

    cloud = Dying()
    write_durably = files.write_durably
    monkeypatch.setattr(files, "write_durably", keep)
    with pytest.raises(DiedError):
        submit(project, planned(project, is_compute_created=True), cloud, FakeReporter())
    monkeypatch.setattr(files, "write_durably", write_durably)
    left = [note.name for note in notes(project)]
    alive = FakeCloud(environments=cloud.environments, computes=cloud.computes, jobs=cloud.jobs)
    for _ in range(2):
        job = submit(project, planned(project, is_compute_created=True), alive, FakeReporter())
        assert list(alive.jobs) == [job.name] == [note.name for note in notes(project)]
        assert left in ([], [job.name])


def test_the_same_plan_is_the_same_job_until_another_is_asked_for(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    first = submit(project, planned(project), cloud, FakeReporter())
    reporter = FakeReporter()
    assert submit(project, planned(project), cloud, reporter).name == first.name
    assert reporter.stages == [
        (
            "submit",
            f"{first.name}: submitted before, unchanged (Running)",
            "",
        ),
    ]
    other = submit(project, planned(project), cloud, FakeReporter(), is_again=True)
    assert list(cloud.jobs) == [first.name, other.name]


def test_a_new_job_that_was_asked_for_and_not_made_is_continued(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    first = submit(project, planned(project), cloud, FakeReporter())
    cloud.fails["job"] = ServiceUnavailableError("down", remedy="")
    with pytest.raises(ServiceUnavailableError):
        submit(project, planned(project), cloud, FakeReporter(), is_again=True)
    job = submit(project, planned(project), cloud, FakeReporter())
    assert list(cloud.jobs) == [first.name, job.name]
    assert job.name == notes(project)[0].name != first.name


def test_a_job_of_another_workspace_is_not_taken_for_one_of_this(tmp_path: Path) -> None:
    project, here, there = write_project(tmp_path), ready_cloud(), ready_cloud()
    first = submit(project, planned(project), here, FakeReporter())
    other = submit(project, planned(project), there, FakeReporter())
    assert first.name != other.name
    assert submit(project, planned(project), here, FakeReporter()).name == first.name
    assert submit(project, planned(project), there, FakeReporter()).name == other.name


def test_a_plan_is_the_same_whether_the_checkout_is_clean_or_not(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    dirty = plan_submit(
        project,
        make_wishes(),
        PUSHED,
        runner=FakeRunner([HEAD, on("git", "status", stdout="?? runs/\n")]),
        cwd=project.root,
    )
    assert dict(dirty.job.tags)["git.dirty"] == "true"
    first = submit(project, dirty, cloud, FakeReporter())
    assert submit(project, planned(project), cloud, FakeReporter()).name == first.name


def test_a_job_on_the_way_is_taken_up_although_its_cluster_is_full_or_gone(tmp_path: Path) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    first = submit(project, planned(project), cloud, FakeReporter())
    cloud.computes.clear()
    assert submit(project, planned(project), cloud, FakeReporter()).name == first.name


def test_of_two_commands_that_fetch_one_job_the_second_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    with (
        alone_with(project, "demo-1"),
        pytest.raises(SubmitRunningError, match="demo-1"),
        alone_with(project, "demo-1"),
    ):
        pass
    with pytest.raises(NameInvalidError), alone_with(project, "../x"):
        pass


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


def test_a_job_that_replaces_another_has_the_next_name_whenever_it_is_asked_for(
    tmp_path: Path,
) -> None:
    project, cloud = write_project(tmp_path), ready_cloud()
    first = submit(project, planned(project), cloud, FakeReporter())
    names = [first.name]
    for attempt in range(2, 12):
        for _ in range(2):
            job = submit_after(project, planned(project), names[-1], cloud, FakeReporter())
            assert job.name == f"{first.name}-{attempt}"
            assert attempt_of(project, job.name) == attempt
        names.append(job.name)
        assert submit(project, planned(project), cloud, FakeReporter()).name == job.name
    assert list(cloud.jobs) == names
