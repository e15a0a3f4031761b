"""A plan in shards: submitted together, each retried alone, merged by one more job."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.errors import (
    ArgumentInvalidError,
    JobCanceledError,
    JobFailedError,
    JobUnfinishedError,
)
from hakobune.interruption import Interrupted
from hakobune.model.job import Job, JobPlan, WatchWishes
from hakobune.model.project import Output
from hakobune.stages.deliver import Delivery, Order, Step, bring, deliver
from hakobune.stages.job_notes import last_job, notes, shards_of
from hakobune.stages.shards import Shards
from tests.cloud_samples import FakeClock, FakeCloud, make_wishes
from tests.delivery_samples import Ready, make_ready

LOST = "NodePreempted: the node was preempted"
WORK = Output(name="work", flag="--work", files=(), is_work=True)


class Yard(FakeCloud):
    """A workspace whose jobs have statuses of their own, by the end of their names.

    A job without any is completed.
    """

    plans: dict[str, JobPlan]
    script: dict[str, Iterator[str]]

    def __init__(self, outputs: dict[str, bytes], script: dict[str, list[str]]) -> None:
        super().__init__(outputs=outputs)
        self.plans = {}
        self.script = {end: iter(words) for end, words in script.items()}

    def create_job(self, plan: JobPlan, *, root: Path) -> Job:
        self.plans[plan.name] = plan
        return super().create_job(plan, root=root)

    def job(self, name: str) -> Job | None:
        found = super().job(name)
        if found is None or found.status == "CancelRequested":
            return found
        words = next((words for end, words in self.script.items() if name.endswith(end)), None)
        status = "Completed" if words is None else next(words, found.status)
        self.jobs[name] = replace(found, status=status)
        return self.jobs[name]


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    found = make_ready(tmp_path)
    outputs = (*found.project.outputs, WORK)
    return replace(found, project=replace(found.project, distributed=True, outputs=outputs))


def yard(ready: Ready, **script: list[str]) -> tuple[Ready, Yard]:
    """Return the same with this workspace; `s1=[…]` are the statuses of the shard -s1."""
    cloud = Yard(ready.cloud.outputs, {f"-{end.replace('_', '-')}": w for end, w in script.items()})
    cloud.why = LOST
    return replace(ready, cloud=cloud), cloud


def delivered(
    ready: Ready,
    until: Step = Step.WATCH,
    *,
    retries: int = 0,
    is_again: bool = False,
    how: WatchWishes | None = None,
    **wishes: object,
) -> Delivery:
    chosen = {"is_compute_created": True, "shards": 3, **wishes}
    order = Order(
        wishes=make_wishes("--order", "2,0,2", **chosen),
        registry="",
        cwd=ready.project.root,
        until=until,
        retries=retries,
        is_again=is_again,
        how=how or WatchWishes(),
    )
    return deliver(ready.services, order, lambda _: None)


def test_the_shards_share_one_work_folder_and_the_last_job_is_the_plan_s_own(ready: Ready) -> None:
    ready, cloud = yard(ready)
    found = delivered(ready)
    assert list(cloud.plans) == [*(f"{found.job}-s{part}" for part in range(3)), found.job]
    *shards, merging = cloud.plans.values()
    for part, shard in enumerate(shards):
        assert shard.command == f"{merging.command} --shard {part}/3"
        assert (shard.instances, shard.display_name) == (1, f"demo: shard {part} of 3")
    assert {(plan.kept, plan.kept_at) for plan in cloud.plans.values()} == {(("work",), found.job)}
    assert {dict(plan.tags)["hakobune.shards"] for plan in cloud.plans.values()} == {"3"}
    assert "--shard" not in merging.command
    assert found.status == "Completed"
    # Environment and cluster once, however many jobs there are.
    assert [call.partition(" ")[0] for call in cloud.calls].count("compute") == 1


def test_one_shard_is_one_job_and_the_one_that_merges(ready: Ready) -> None:
    ready, cloud = yard(ready)
    found = delivered(ready, shards=1)
    assert [plan.command.partition(" --shard ")[2] for plan in cloud.plans.values()] == ["0/1", ""]
    assert list(cloud.plans)[1] == found.job


def test_a_shard_whose_node_is_lost_is_submitted_again_alone(ready: Ready) -> None:
    ready, cloud = yard(ready, s1=["Running", "Failed"], s2=["Running", "Running", "Completed"])
    name = delivered(ready, retries=1).job
    assert list(cloud.plans) == [
        *(f"{name}-s{part}" for part in range(3)),
        f"{name}-s1-2",
        name,
    ]
    again, first = cloud.plans[f"{name}-s1-2"], cloud.plans[f"{name}-s1"]
    assert again == replace(first, name=again.name)  # the same work folder too
    assert [note.name for note in shards_of(ready.project, name)] == [
        f"{name}-s0",
        f"{name}-s1-2",
        f"{name}-s2",
    ]


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (1, 2), (2, 3)])
def test_a_shard_is_not_submitted_again_too_often_and_the_others_go_on(
    ready: Ready, retries: int, attempts: int
) -> None:
    ends = {f"s1{end}": ["Failed"] * 9 for end in ("", "_2", "_3")}
    ready, cloud = yard(ready, **ends, s2=["Running", "Running", "Completed"])
    with pytest.raises(JobFailedError, match="-s1"):
        delivered(ready, retries=retries)
    assert len([name for name in cloud.plans if "-s1" in name]) == attempts
    assert any("-s2: Completed" in text for text in ready.reporter.said)
    assert len(cloud.plans) == 2 + attempts  # nothing is merged


def test_the_program_s_own_failure_in_a_shard_is_not_retried(ready: Ready) -> None:
    ready, cloud = yard(ready, s0=["Failed"] * 3, s2=["Canceled"] * 3)
    cloud.why = "UserError: exit code 43"
    with pytest.raises(JobFailedError, match="-s0"):
        delivered(ready, retries=5)
    assert len(cloud.plans) == 3
    assert any("-s2 was canceled" in text for text in ready.reporter.said)


def test_the_same_command_goes_on_with_its_shards_and_another_one_with_others(
    ready: Ready,
) -> None:
    running = {f"s{part}": ["Running"] for part in range(3)}
    ready, cloud = yard(ready, **running)
    first = delivered(ready, Step.SUBMIT)
    assert (first.status, len(cloud.plans)) == (None, 3)
    assert "--watch" in ready.reporter.said[-1]
    assert last_job(ready.project) == first.job
    cloud.script.clear()  # they complete
    second = delivered(ready)
    assert (second.job, list(cloud.plans)[3:]) == (first.job, [first.job])
    assert delivered(ready).job == first.job
    assert len(cloud.plans) == 4
    other = delivered(ready, is_again=True)
    assert other.job != first.job
    assert len(cloud.plans) == 8
    assert {plan.kept_at for plan in list(cloud.plans.values())[4:]} == {other.job}


def test_a_command_that_ended_between_two_shards_goes_on(ready: Ready) -> None:
    ready, cloud = yard(ready)
    cloud.fails["job"] = JobUnfinishedError("killed", remedy="")  # at its first shard
    with pytest.raises(JobUnfinishedError):
        delivered(ready)
    (shard, whole) = sorted(notes(ready.project), key=lambda note: -len(note.name))
    assert not shard.is_submitted
    found = delivered(ready)
    assert found.job == whole.name
    assert set(cloud.plans) == {whole.name, *(f"{whole.name}-s{part}" for part in range(3))}


def test_a_merging_job_whose_node_is_lost_goes_on_from_the_same_work(ready: Ready) -> None:
    ready, cloud = yard(ready)
    first = delivered(ready, Step.SUBMIT).job
    cloud.script[first[-4:]] = iter(["Failed", "Failed"])
    found = delivered(ready, retries=1)
    assert found.job == f"{first}-2"
    assert cloud.plans[found.job].kept_at == first
    assert delivered(ready, retries=1).job == found.job
    assert len(cloud.plans) == 5


def test_an_interruption_leaves_the_shards_running_or_cancels_them_as_asked(ready: Ready) -> None:
    running = {f"s{part}": ["Running"] * 9 for part in range(3)}
    ready, cloud = yard(ready, **running)
    name = delivered(ready, Step.SUBMIT).job

    class Interrupting(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Interrupted(15)

    for how in (WatchWishes(), WatchWishes(is_canceled_on_interrupt=True)):
        shards = Shards(ready.project, name, cloud, ready.reporter)
        assert len(shards.find()) == 3
        with pytest.raises(Interrupted):
            shards.follow(Interrupting(), retries=0, how=how)
        canceled = [call for call in cloud.calls if call.startswith("cancel")]
        assert len(canceled) == (3 if how.is_canceled_on_interrupt else 0)
    assert any(f"hakobune cancel {name}" in text for text in ready.reporter.said)


def test_shards_that_are_only_watched_are_not_submitted_again(ready: Ready) -> None:
    ready, cloud = yard(ready, s0=["Running"])
    name = delivered(ready, Step.SUBMIT).job
    shards = Shards(ready.project, name, cloud, ready.reporter)
    shards.find()
    cloud.script["-s0"] = iter(["Canceled"] * 9)
    with pytest.raises(JobCanceledError):
        shards.follow(FakeClock(), retries=3, how=WatchWishes())
    assert len(cloud.plans) == 3


def test_shards_whose_work_is_not_merged_cannot_be_fetched(ready: Ready) -> None:
    ready, _ = yard(ready, s0=["Running"] * 9)
    name = delivered(ready, Step.SUBMIT).job
    with pytest.raises(JobUnfinishedError, match="not merged yet: it is shared by 3") as caught:
        bring(ready.services, name)
    assert "--fetch" in caught.value.remedy


def test_a_shard_that_says_nothing_for_a_day_is_left_running(ready: Ready) -> None:
    ready, _ = yard(ready, s1=["Running"] * 99_999)
    with pytest.raises(JobUnfinishedError, match=r"-s1 changed for a day"):
        delivered(ready)


def test_a_fetched_run_is_the_merging_job_s_without_the_work_folder(ready: Ready) -> None:
    ready, cloud = yard(ready)
    found = delivered(ready, Step.FETCH)
    assert found.folder == ready.project.root / "runs" / found.job
    assert set(cloud.fetched) == set(cloud.outputs)  # of one output, and not of both


@pytest.mark.parametrize(
    ("wishes", "named"),
    [
        ({"instances": 2}, "a shard is a job of one node"),
        ({"output_mode": "upload"}, "--output-mode upload with --shards 3"),
    ],
)
def test_what_shards_cannot_be_combined_with_is_refused(
    ready: Ready, wishes: dict[str, Any], named: str
) -> None:
    with pytest.raises(ArgumentInvalidError, match=named):
        delivered(ready, Step.SUBMIT, **wishes)
    single = replace(ready, project=replace(ready.project, distributed=False))
    with pytest.raises(ArgumentInvalidError, match="--shards 3: each node would run"):
        delivered(single, Step.SUBMIT)
    assert ready.cloud.calls == []
