import json
from typing import Any

import pytest

from hakobune.errors import (
    AssertionExpiredError,
    HakobuneError,
    JobCanceledError,
    JobFailedError,
    JobNotFoundError,
    JobUnfinishedError,
    LoginError,
    QueueTimeoutError,
    ServiceRefusedError,
    ServiceUnavailableError,
    StorageRoleMissingError,
    WatchEndedError,
)
from hakobune.interruption import Interrupted
from hakobune.model.job import Job, WatchWishes
from hakobune.stages.watch import cancel, watch
from tests.cloud_samples import FakeClock, FakeCloud, make_compute, make_job
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


def test_a_job_that_the_service_ends_for_its_time_limit_says_how_to_get_more() -> None:
    cloud = FakeCloud(statuses=iter(["Canceled"]), why="JobTimeout: The job timed out.")
    with pytest.raises(JobCanceledError, match="JobTimeout") as caught:
        followed(cloud)
    assert "--timeout" in caught.value.remedy
    assert "submit --again" in caught.value.remedy


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


NODE_2 = (
    "UserError: Execution failed. User process exited with status code 5. Please check log file "
    "'user_logs/std_log_process_2.txt' for error details."
)


def test_a_node_that_fails_is_shown_with_the_end_of_its_log() -> None:
    lines = "".join(f"line {number}\x1b[2J\n" for number in range(99)).encode()
    cloud = FakeCloud(statuses=iter(["Failed"]), why=NODE_2, node_logs={2: lines, 1: b"other"})
    with pytest.raises(JobFailedError) as caught:
        followed(cloud)
    shown = caught.value.what
    assert "the end of the log of node 2:\n" in shown
    assert "line 98" in shown
    assert "line 79" in shown
    assert "line 78" not in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("node", ["process_0", "process_00", "", "process_99999", "process_2x"])
def test_the_first_node_s_log_is_shown_once(node: str) -> None:
    cloud = FakeCloud(
        statuses=iter(["Failed"]), why=NODE_2.replace("process_2", node), node_logs={2: b"x"}
    )
    with pytest.raises(JobFailedError) as caught:
        followed(cloud)
    assert "the end of the log" not in caught.value.what


def test_a_node_s_log_that_cannot_be_read_does_not_hide_the_failure() -> None:
    cloud = FakeCloud(statuses=iter(["Failed"]), why=NODE_2)
    cloud.fails["end of log"] = ServiceUnavailableError("no answer", remedy="")
    with pytest.raises(JobFailedError, match="node 2 could not be read: no answer"):
        followed(cloud)


@pytest.mark.parametrize(
    ("status", "error"), [("Failed", JobFailedError), ("Canceled", JobCanceledError)]
)
def test_a_reason_that_cannot_be_read_does_not_hide_how_the_job_ended(
    status: str, error: type[HakobuneError]
) -> None:
    cloud = FakeCloud(statuses=iter([status]))
    cloud.fails["why"] = ServiceUnavailableError("run history: the read timed out", remedy="")
    with pytest.raises(error, match="why is not known: run history") as caught:
        followed(cloud)
    assert "--timeout" not in caught.value.remedy  # which is for a job's own time


@pytest.mark.parametrize(
    ("why", "remedy"),
    [
        ("ImagePullFailure: Failed to pull Docker image r/x: unauthorized", "Repository Reader"),
        ("FailedPullingImage: Unable to pull docker image\n\timageName: r.azurecr.io/x", "AcrPull"),
        ("AcrRefreshTokenRetrievalError: Unable to retrieve ACR refresh token", "AcrPull"),
        ("NodePreempted: The low-priority node was preempted", "--retries"),
        ("PreemptionError: Nodes of this job got pre-empted. Check if the run", "--retries"),
        ("Job was pre-empted by the platform", "--retries"),
        ("OutOfMemory: The job was killed (exit 137).", "more memory"),
        ("UserError: User process exited with status code 43", "hakobune watch demo-1"),
        ("UserError: Identity of the specified managed compute c is not found", "--identity user"),
        ("ScriptExecution.StreamAccess.Authentication", "--input-mode download"),
        ('{"code": "ExecutionFailed", "details": {"exit":"137"}}', "more memory"),
        ("the process ended with exit code 137", "more memory"),
        ("no room for version 1137 or code 1370", "hakobune watch demo-1"),
        ("AzureMLCompute job failed. containerSetup: exit code 126", "canary there"),
        ("BFSMountError: Unable to mount data store", "Storage Blob Data Reader"),
        ("JobTimeLimitExceeded: the job ran for 3600 s", "--timeout 6h"),
        ("", "hakobune watch demo-1"),
    ],
)
def test_each_cause_of_a_failure_has_its_own_remedy(why: str, remedy: str) -> None:
    with pytest.raises(JobFailedError) as caught:
        followed(FakeCloud(statuses=iter(["Failed"]), why=why))
    assert remedy in caught.value.remedy


def waiting(how: WatchWishes, *statuses: str) -> tuple[FakeCloud, FakeReporter, FakeClock]:
    cloud = FakeCloud(statuses=iter(statuses), reason="Resizing, 0 of 1 nodes; f: 24 of 24")
    cloud.jobs["demo-1"] = make_job(compute="cpu-cluster")
    reporter, clock = FakeReporter(), FakeClock()
    watch(cloud, "demo-1", reporter, clock, lambda _: None, how=how)
    return cloud, reporter, clock


def test_a_job_that_waits_for_a_node_says_why_once_a_minute() -> None:
    _, reporter, clock = waiting(WatchWishes(), *["Queued"] * 20, "Running", "Completed")
    told = [text for text in reporter.said if "waits for a node" in text]
    assert told[0] == ("demo-1 waits for a node: cpu-cluster: Resizing, 0 of 1 nodes; f: 24 of 24")
    minutes = clock.now() / 60
    assert minutes - 2 < len(told) <= minutes


def test_a_job_that_waits_for_too_long_is_canceled_with_the_reason() -> None:
    cloud = FakeCloud(jobs={"demo-1": make_job("Queued", compute="cpu-cluster")})
    clock, how = FakeClock(), WatchWishes(queue_timeout_s=600)
    with pytest.raises(QueueTimeoutError, match="Resizing, 0 of 1 nodes"):
        watch(cloud, "demo-1", FakeReporter(), clock, lambda _: None, how=how)
    assert cloud.calls[-1] == "cancel demo-1"
    assert 600 <= clock.now() < 620


def test_a_job_that_started_in_time_is_not_canceled() -> None:
    how = WatchWishes(queue_timeout_s=60)
    cloud, _, clock = waiting(how, "Queued", *["Running"] * 30, "Completed")
    assert clock.now() > 60
    assert cloud.calls == []


def test_a_serverless_job_and_a_service_that_does_not_say_are_told_as_that() -> None:
    cloud = FakeCloud(statuses=iter([*["Queued"] * 12, "Completed"]), jobs={"demo-1": make_job()})
    reporter = FakeReporter()
    watch(cloud, "demo-1", reporter, FakeClock(), lambda _: None)
    assert any("it is serverless" in text for text in reporter.said)
    cloud = FakeCloud(statuses=iter([*["Queued"] * 12, "Completed"]))
    cloud.jobs["demo-1"] = make_job(compute="cpu-cluster")
    cloud.fails["why_waiting"] = StorageRoleMissingError("refused", remedy="")
    watch(cloud, "demo-1", reporter, FakeClock(), lambda _: None)
    assert any("why is not known (refused)" in text for text in reporter.said)


class EndingLogin(FakeCloud):
    """Answers for the job some times, and then refuses the login."""

    def __init__(self, times: int, error: Exception) -> None:
        super().__init__(jobs={"demo-1": make_job()})
        self.times, self.error = times, error

    def job(self, name: str) -> Job | None:
        self.times -= 1
        if self.times < 0:
            raise self.error
        return super().job(name)


@pytest.mark.parametrize(
    "error",
    [
        AssertionExpiredError("AADSTS700024", remedy="log in again"),
        ServiceUnavailableError("down", remedy="later"),
    ],
)
def test_a_login_that_ends_leaves_the_job_running_and_says_so(error: Exception) -> None:
    with pytest.raises(WatchEndedError, match="the job demo-1 keeps running") as caught:
        watch(EndingLogin(3, error), "demo-1", FakeReporter(), FakeClock(), lambda _: None)
    assert (caught.value.exit_code, caught.value.name()) == (15, "watch-ended")
    assert "hakobune watch demo-1" in caught.value.remedy


def test_a_login_that_never_saw_the_job_promises_nothing_of_it() -> None:
    cloud = EndingLogin(0, AssertionExpiredError("AADSTS700024", remedy=""))
    with pytest.raises(AssertionExpiredError):
        watch(cloud, "demo-1", FakeReporter(), FakeClock(), lambda _: None)


@pytest.mark.parametrize("error", [StorageRoleMissingError, ServiceUnavailableError])
def test_a_log_that_cannot_be_read_does_not_hide_the_job_s_end(error: type[LoginError]) -> None:
    class Unreadable(FakeCloud):
        def log(self, name: str, offset: int) -> tuple[bytes, int]:
            raise error("unreadable", remedy="get a role")

    for status, ends in (("Completed", False), ("Failed", True)):
        reporter = FakeReporter()
        cloud = Unreadable(statuses=iter(["Running", status]), jobs={"demo-1": make_job()})
        if ends:
            with pytest.raises(JobFailedError):
                watch(cloud, "demo-1", reporter, FakeClock(), lambda _: None)
        else:
            watch(cloud, "demo-1", reporter, FakeClock(), lambda _: None)
        told = [text for text in reporter.said if "unreadable" in text]
        assert len(told) == (1 if error is StorageRoleMissingError else 2)


@pytest.mark.parametrize("is_canceled", [True, False])
def test_an_interruption_cancels_the_job_only_on_request(*, is_canceled: bool) -> None:
    class Interrupting(FakeClock):
        def sleep(self, seconds: float) -> None:
            raise Interrupted(2)

    cloud = FakeCloud(jobs={"demo-1": make_job()})
    how = WatchWishes(is_canceled_on_interrupt=is_canceled)
    with pytest.raises(Interrupted):
        watch(cloud, "demo-1", FakeReporter(), Interrupting(), lambda _: None, how=how)
    assert cloud.calls == (["cancel demo-1"] if is_canceled else [])


@pytest.mark.parametrize(
    ("statuses", "is_low_priority", "why", "is_lost"),
    [
        (["Running", "Canceled"], True, "", True),
        (["Running", "Canceled"], False, "", False),
        (["Running", "CancelRequested", "Canceled"], True, "", False),
        (["Running", "Canceled"], True, "JobTimeout: The job timed out.", False),
        (["Running", "Canceled"], False, "NodePreempted: gone", True),
    ],
)
def test_a_preempted_job_that_ends_as_canceled_is_a_lost_node(
    statuses: list[str], why: str, *, is_low_priority: bool, is_lost: bool
) -> None:
    cloud = FakeCloud(statuses=iter(statuses), why=why)
    cloud.jobs["demo-1"] = make_job(compute="cpu-cluster")
    cloud.computes["cpu-cluster"] = make_compute(is_low_priority=is_low_priority)
    with pytest.raises(JobCanceledError) as caught:
        followed(cloud)
    assert caught.value.is_node_fault is is_lost


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
    assert "its output output holds 2 files, 1.0 MB, of a run that did not end" in told
    assert "output" not in failed_with({})
    assert "output" not in failed_with({".cluster/key-0123456789abcdef.json": b"secret"})


def test_outputs_that_cannot_be_read_do_not_hide_how_the_job_ended() -> None:
    refused = ServiceRefusedError("the storage refuses", remedy="")
    told = failed_with({"failure.json": b"{}"}, fails={"failure.json": refused})
    assert told.startswith("the job demo-1 failed")
    assert "its output output could not be read: the storage refuses" in told
