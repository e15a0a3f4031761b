import json
from typing import Any

import pytest

from hakobune.errors import (
    JobCanceledError,
    JobFailedError,
    JobNotFoundError,
    JobUnfinishedError,
    ServiceRefusedError,
)
from hakobune.interruption import Interrupted
from hakobune.stages.watch import cancel, watch
from tests.cloud_samples import FakeClock, FakeCloud, make_job
from tests.samples import FakeReporter


def followed(cloud: FakeCloud, reporter: FakeReporter | None = None) -> bytes:
    parts: list[bytes] = []
    cloud.jobs.setdefault("demo-1", make_job())
    watch(cloud, "demo-1", reporter or FakeReporter(), FakeClock(), parts.append)
    return b"".join(parts)


def test_the_log_is_shown_as_it_grows_and_each_byte_once() -> None:
    cloud = FakeCloud(
        statuses=iter(["Preparing", "Running", "Running", "Completed"]),
        logs=[b"", b"one\n", b"one\ntwo\n", b"one\ntwo\nthree\n"],
    )
    reporter = FakeReporter()
    assert followed(cloud, reporter) == b"one\ntwo\nthree\n"
    assert [line.split(" (")[0] for line in reporter.said] == [
        "demo-1: Preparing",
        "demo-1: Running",
        "demo-1: Completed",
    ]


def test_the_log_of_a_job_that_was_over_before_is_shown() -> None:
    cloud = FakeCloud(statuses=iter(["Completed"]), logs=[b"all of it\n"])
    assert followed(cloud) == b"all of it\n"


def test_a_log_that_began_anew_is_told_and_shown_from_its_start() -> None:
    cloud = FakeCloud(
        statuses=iter(["Running", "Running", "Completed"]), logs=[b"first try\n", b"2\n", b"2\n3\n"]
    )
    reporter = FakeReporter()
    assert followed(cloud, reporter) == b"first try\n2\n3\n"
    assert "the log starts again: the job was restarted" in reporter.said


def test_a_failed_job_is_an_error_with_the_service_s_words() -> None:
    cloud = FakeCloud(statuses=iter(["Failed"]), why="UserError: exit code 43", logs=[b"bad\n"])
    with pytest.raises(JobFailedError, match="UserError: exit code 43") as caught:
        followed(cloud)
    assert not caught.value.is_node_fault
    assert "https://studio.example/demo-1" in caught.value.remedy


@pytest.mark.parametrize(
    "why", ["The node was preempted", "NodeLost: x", "the node became unusable"]
)
def test_a_lost_node_is_told_apart_from_the_program_s_failure(why: str) -> None:
    with pytest.raises(JobFailedError) as caught:
        followed(FakeCloud(statuses=iter(["Failed"]), why=why))
    assert caught.value.is_node_fault


def test_a_canceled_and_a_deleted_job_are_errors_of_their_own() -> None:
    with pytest.raises(JobCanceledError):
        followed(FakeCloud(statuses=iter(["Canceled"])))
    with pytest.raises(JobNotFoundError):
        watch(FakeCloud(), "demo-1", FakeReporter(), FakeClock(), lambda _: None)


def test_a_job_that_is_deleted_while_it_is_watched_is_told_as_gone() -> None:
    cloud = FakeCloud(jobs={"demo-1": make_job()}, logs=[b"x"])
    with pytest.raises(JobNotFoundError, match="no job demo-1"):
        watch(cloud, "demo-1", FakeReporter(), FakeClock(), lambda _: cloud.jobs.clear())


@pytest.mark.parametrize("end", [KeyboardInterrupt(), Interrupted(15)])
def test_an_interruption_leaves_the_job_and_says_how_to_come_back(
    end: BaseException,
) -> None:
    cloud, reporter = FakeCloud(jobs={"demo-1": make_job()}, logs=[b"x"]), FakeReporter()

    def interrupted(_: bytes) -> None:
        raise end

    with pytest.raises(type(end)):
        watch(cloud, "demo-1", reporter, FakeClock(), interrupted)
    assert cloud.calls == []
    assert "to see it again: hakobune watch demo-1" in reporter.said
    assert "to end it: hakobune cancel demo-1" in reporter.said


def test_pauses_grow_to_a_bound_while_nothing_happens() -> None:
    clock = FakeClock()
    cloud = FakeCloud(jobs={"demo-1": make_job()}, statuses=iter([*["Queued"] * 20, "Completed"]))
    watch(cloud, "demo-1", FakeReporter(), clock, lambda _: None)
    assert clock.slept[0] == 1
    assert max(clock.slept) == clock.slept[-1] == 15


def test_a_job_of_which_nothing_comes_for_a_day_is_left_to_itself() -> None:
    clock = FakeClock()
    cloud = FakeCloud(jobs={"demo-1": make_job("Queued")})
    with pytest.raises(JobUnfinishedError, match="demo-1 is Queued") as caught:
        watch(cloud, "demo-1", FakeReporter(), clock, lambda _: None)
    assert 24 * 3600 < clock.now() < 24 * 3600 + 60
    assert "hakobune cancel demo-1" in caught.value.remedy
    assert cloud.calls == []


def test_a_job_is_canceled_and_one_that_is_over_stays() -> None:
    cloud = FakeCloud(jobs={"demo-1": make_job(), "demo-2": make_job("Completed", name="demo-2")})
    assert cancel(cloud, "demo-1", FakeReporter()).status == "CancelRequested"
    assert cancel(cloud, "demo-2", FakeReporter()).status == "Completed"
    assert cloud.calls == ["cancel demo-1"]
    with pytest.raises(JobNotFoundError):
        cancel(cloud, "demo-3", FakeReporter())


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("ImagePullFailure: Failed to pull Docker image r/x: unauthorized", "AcrPull"),
        ("NodePreempted: The low-priority node was preempted", "--retries"),
        ("OutOfMemory: The job was killed (exit 137).", "more memory"),
        ("UserError: User process exited with status code 43", "hakobune watch demo-1"),
        ("", "hakobune watch demo-1"),
    ],
)
def test_each_cause_of_a_failure_has_its_own_remedy(why: str, remedy: str) -> None:
    with pytest.raises(JobFailedError) as caught:
        followed(FakeCloud(statuses=iter(["Failed"]), why=why))
    assert remedy in caught.value.remedy


def failed_with(outputs: dict[str, bytes], **other: Any) -> str:
    with pytest.raises(JobFailedError) as caught:
        followed(FakeCloud(statuses=iter(["Failed"]), why="UserError", outputs=outputs, **other))
    return caught.value.what


def test_the_reason_that_the_program_left_is_shown() -> None:
    left = {
        "exit_code": 65,
        "error": "rows-invalid",
        "what": "row 3:\n  no date",
        "remedy": "fix it",
    }
    told = failed_with({"failure.json": json.dumps(left).encode()})
    assert told.splitlines()[2:] == [
        "  its failure.json: rows-invalid; exit code 65; row 3: no date; fix: fix it"
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x" * 70_000, "longer than 65536 bytes"),
        (b"[1]", "not an object"),
        (b"{", "not shown"),
        (b'{"what": "\\u001b[31mred", "error": {}}', r"\x1b[31mred"),
        (json.dumps({"what": "w" * 5000}).encode(), "w" * 600 + "…"),
    ],
)
def test_a_reason_of_another_form_is_bounded_and_escaped(content: bytes, words: str) -> None:
    told = failed_with({"failure.json": content})
    assert words in told
    assert "\x1b" not in told
    assert len(told) < 1000


def test_what_a_program_without_a_reason_left_is_counted() -> None:
    told = failed_with({"a.bin": b"x" * 1_000_000, "b.bin": b"y"})
    assert "its output output holds 2 file(s), 1.0 MB, of a run that did not end" in told
    assert "output" not in failed_with({})


def test_outputs_that_cannot_be_read_do_not_hide_how_the_job_ended() -> None:
    refused = ServiceRefusedError("the storage refuses", remedy="")
    told = failed_with({"failure.json": b"{}"}, fails={"failure.json": refused})
    assert told.startswith("the job demo-1 failed")
    assert "its output output could not be read: the storage refuses" in told
