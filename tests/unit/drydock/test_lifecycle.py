"""A job's way to its end, with a runner that runs nothing."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from drydock.job_properties import seconds_of, spec_of
from drydock.job_spec import bytes_of
from drydock.lifecycle import Conductor
from drydock.state.computes import QUOTA_CORES
from drydock.state.jobs import FOLLOWS, OVER, Job
from tests.samples import PATIENCE_S
from tests.unit.drydock.harbour import make_state
from tests.unit.drydock.runner_in_process import RunnerInProcess

IMAGE = "127.0.0.1:1/hakobune/arima@sha256:" + "1" * 64


class Yard:
    """A conductor with its state and runner."""

    def __init__(self, state: Path) -> None:
        self.state = make_state(state)
        self.runner = RunnerInProcess({})
        self.conductor = Conductor(self.state, self.runner)

    def put(self, command: str, name: str = "job", **given: Any) -> Job:
        properties = {"command": command, "outputs": {"output": {}}, **given}
        job, is_new = self.state.jobs.add(name, properties, IMAGE)
        assert is_new
        self.conductor.conduct(job)
        return job

    def cluster(self, nodes: int = 1, tier: str = "Dedicated") -> str:
        scale = {"maxNodeCount": nodes}
        settings = {"vmSize": "Standard_D2s_v3", "vmPriority": tier, "scaleSettings": scale}
        given = {"computeType": "AmlCompute", "properties": settings}
        return self.state.computes.put(f"cpu-{tier}", given, None)[0].name

    def wait(self, *statuses: str, name: str = "job") -> Job:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            job = self.state.jobs.get(name)
            if job.status in statuses:
                return job
            time.sleep(0.01)
        raise TimeoutError(self.state.jobs.get(name).status)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    found = Yard(tmp_path)
    yield found
    found.conductor.close()


@pytest.mark.parametrize(
    ("command", "status", "code"),
    [
        ("exit 0", "Completed", ""),
        ("exit 41", "Failed", "UserError"),
        ("oom", "Failed", "OutOfMemory"),
        ("timeout", "Canceled", "JobTimeout"),
    ],
)
def test_a_container_s_end_is_the_job_s_fate(
    yard: Yard, command: str, status: str, code: str
) -> None:
    yard.put(command)
    job = yard.wait(*OVER)
    assert (job.status, job.error_code) == (status, code)
    assert job.ended is not None
    assert len(yard.runner.finished) == 1


def test_an_image_that_the_registry_does_not_have_fails_the_job(yard: Yard) -> None:
    yard.runner.refused.add(IMAGE)
    yard.put("exit 0")
    job = yard.wait(*OVER)
    assert (job.status, job.error_code) == ("Failed", "ImagePullFailure")
    assert IMAGE in job.error_message


def test_a_cancelled_job_s_container_is_ended_and_its_log_kept(yard: Yard) -> None:
    yard.put("wait")
    yard.wait("Running")
    yard.state.jobs.request_cancel("job")
    assert yard.wait(*OVER).status == "Canceled"
    assert yard.runner.cancelled == ["container of job"]
    assert len(yard.runner.finished) == 1


def test_a_job_that_is_over_cannot_be_cancelled(yard: Yard) -> None:
    yard.put("exit 0")
    yard.wait("Completed")
    assert yard.state.jobs.request_cancel("job").status == "Completed"


def test_jobs_wait_for_a_machine_of_their_cluster(yard: Yard) -> None:
    cluster = yard.cluster()
    yard.put("wait", "first", computeId=cluster)
    yard.wait("Running", name="first")
    yard.put("exit 0", "second", computeId=cluster)
    yard.wait("Queued", name="second")
    yard.runner.released.set()
    assert yard.wait(*OVER, name="second").status == "Completed"


def test_a_serverless_job_waits_for_no_other(yard: Yard) -> None:
    yard.put("wait", "first")
    yard.wait("Running", name="first")
    yard.put("exit 0", "second")
    assert yard.wait(*OVER, name="second").status == "Completed"


def test_the_quota_of_a_family_and_tier_limits_machines(yard: Yard) -> None:
    both = [yard.cluster(100, tier) for tier in ("Dedicated", "LowPriority")]
    most = QUOTA_CORES // 2
    for number in range(most):
        yard.put("wait", f"job{number}", computeId=both[0])
    for number in range(most):
        yard.wait("Running", name=f"job{number}")
    yard.put("exit 0", "more", computeId=both[0])
    yard.wait("Queued", name="more")
    yard.put("exit 0", "other", computeId=both[1])
    assert yard.wait(*OVER, name="other").status == "Completed"
    assert yard.conductor.machines.nodes(both[0]).refused == ("more",)
    assert yard.conductor.machines.cores_in_use() == {
        ("standardDSv3Family", "Dedicated"): QUOTA_CORES
    }
    yard.runner.released.set()
    assert yard.wait(*OVER, name="more").status == "Completed"
    assert yard.conductor.machines.nodes(both[0]).refused == ()


def test_a_waiting_job_can_be_cancelled(yard: Yard) -> None:
    cluster = yard.cluster()
    yard.put("wait", "first", computeId=cluster)
    yard.wait("Running", name="first")
    yard.put("exit 0", "second", computeId=cluster)
    yard.wait("Queued", name="second")
    yard.state.jobs.request_cancel("second")
    assert yard.wait(*OVER, name="second").status == "Canceled"


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("image-pull-refused", "Failed", "ImagePullFailure"),
        ("role-missing", "Failed", "ImagePullFailure"),
        ("preempted", "Failed", "NodePreempted"),
        ("preempted-canceled", "Canceled", ""),
        ("out-of-memory", "Failed", "OutOfMemory"),
    ],
)
def test_weather_strikes_one_job_and_not_the_next(
    yard: Yard, kind: str, status: str, code: str
) -> None:
    yard.state.faults.inject(kind, route="job struck")
    yard.put("wait", "spared")
    yard.wait("Running", name="spared")
    yard.runner.released.set()
    yard.wait("Completed", name="spared")
    yard.runner.released.clear()
    yard.put("wait", "struck")
    job = yard.wait(*OVER, name="struck")
    assert (job.status, job.error_code) == (status, code)
    assert yard.state.faults.due() == ()


@pytest.mark.parametrize("kind", ["preempted", "preempted-canceled", "out-of-memory"])
def test_a_fault_of_the_node_does_not_miss_a_job_that_is_over_at_once(
    yard: Yard, kind: str
) -> None:
    yard.state.faults.inject(kind)
    yard.put("exit 0")
    assert yard.wait(*OVER).status != "Completed"
    assert yard.state.faults.due() == ()


@pytest.mark.parametrize(
    ("mode", "status"), [("ReadOnlyMount", "Failed"), ("Download", "Completed")]
)
def test_a_mount_that_is_refused_leaves_a_download_alone(
    yard: Yard, mode: str, status: str
) -> None:
    yard.state.faults.inject("mount-refused", route="job *")
    uri = "azureml://datastores/workspaceblobstore/paths/a.csv"
    yard.put("exit 0", inputs={"input": {"uri": uri, "mode": mode, "jobInputType": "uri_file"}})
    job = yard.wait(*OVER)
    assert job.status == status
    assert ("StreamAccess" in job.error_message) is (status == "Failed")


@pytest.mark.parametrize(
    ("mode", "kept"), [("Upload", set()), ("ReadWriteMount", {"output"}), (None, {"output"})]
)
def test_a_lost_node_uploads_nothing_and_what_was_mounted_stays(
    yard: Yard, mode: str | None, kept: set[str]
) -> None:
    yard.state.faults.inject("preempted")
    yard.put("wait", outputs={"output": {"mode": mode}})
    assert yard.wait(*OVER).error_code == "NodePreempted"
    (finished,) = yard.runner.finished
    assert set(finished.outputs) == finished.mounted == kept


THREE: dict[str, Any] = {
    "resources": {"instanceCount": 3},
    "distribution": {"distributionType": "PyTorch"},
}


def test_a_preempted_node_makes_all_nodes_start_again_with_the_same_outputs(yard: Yard) -> None:
    yard.runner.ends_after_loss = True
    yard.state.faults.inject("preempted-restarted", node=2)
    yard.put("wait", **THREE)
    assert yard.wait(*OVER).status == "Completed"
    assert yard.runner.lost == [2]
    lost, ended = yard.runner.finished
    assert (lost.outputs, lost.nodes) == (ended.outputs, 3)


def test_a_node_is_preempted_when_its_time_has_come_and_not_before(yard: Yard) -> None:
    yard.state.faults.inject("preempted", node=1, after_s=1000)
    yard.put("wait", **THREE)
    yard.wait("Running")
    yard.runner.released.set()
    assert yard.wait(*OVER).status == "Completed"
    assert (yard.runner.lost, len(yard.state.faults.due())) == ([], 1)


def test_a_command_that_fails_ends_the_job_or_makes_it_start_again_as_asked(yard: Yard) -> None:
    yard.state.faults.inject("failure-restarted")
    yard.put("exit 3", **THREE)
    job = yard.wait(*OVER)
    assert job.status == "Failed"
    assert "std_log_process_0.txt" in job.error_message
    assert [len(spec.outputs) for spec in yard.runner.finished] == [1, 1]


def test_a_job_takes_as_many_machines_as_it_has_nodes(yard: Yard) -> None:
    cluster = yard.cluster(4)
    yard.put("wait", "large", computeId=cluster, **THREE)
    yard.wait("Running", name="large")
    yard.put("exit 0", "waits", computeId=cluster, **THREE)
    yard.put("exit 0", "fits", computeId=cluster)
    assert yard.wait(*OVER, name="fits").status == "Completed"
    assert yard.state.jobs.get("waits").status == "Queued"
    assert yard.conductor.machines.nodes(cluster).running == ("large",) * 3
    yard.runner.released.set()
    assert yard.wait(*OVER, name="waits").status == "Completed"


def test_what_is_left_of_a_job_whose_node_vanished_is_removed(yard: Yard) -> None:
    yard.put("wait", **THREE)
    yard.wait("Running")
    yard.runner.jobs.clear()
    job = yard.wait(*OVER)
    assert (job.status, job.error_code) == ("Failed", "NodeLost")
    assert yard.runner.cleared == ["job"]


def test_empty_outputs_are_weather_and_the_log_is_still_there(yard: Yard) -> None:
    yard.state.faults.inject("output-empty")
    yard.put("exit 0")
    assert yard.wait(*OVER).status == "Completed"
    (finished,) = yard.runner.finished
    assert finished.outputs == {}
    assert finished.log.path.endswith("user_logs/std_log.txt")


def test_a_job_is_taken_up_again_after_a_restart(tmp_path: Path) -> None:
    before = Yard(tmp_path)
    before.put("wait")
    before.wait("Running")
    before.conductor.close()
    after = Yard(tmp_path)
    after.runner.jobs = before.runner.jobs
    after.runner.released.set()
    after.conductor.resume()
    assert after.wait(*OVER).status == "Completed"
    after.conductor.close()


def test_a_job_whose_container_is_gone_after_a_restart_fails(tmp_path: Path) -> None:
    before = Yard(tmp_path)
    before.put("wait")
    before.wait("Running")
    before.conductor.close()
    after = Yard(tmp_path)
    after.conductor.resume()
    job = after.wait(*OVER)
    assert (job.status, job.error_code) == ("Failed", "NodeLost")
    after.conductor.close()


def test_a_job_is_told_who_it_is_and_its_own_variables_win(yard: Yard) -> None:
    yard.put("exit 0", environmentVariables={"AZUREML_CR_NODE_RANK": "7", "A": "1"})
    yard.wait(*OVER)
    (spec,) = yard.runner.finished
    assert spec.environment["AZUREML_RUN_ID"] == "job"
    assert spec.environment["AZUREML_ARM_WORKSPACE_NAME"] == "rehearsal"
    assert (spec.environment["AZUREML_CR_NODE_RANK"], spec.environment["A"]) == ("7", "1")


def test_every_status_leads_to_an_end() -> None:
    for status in FOLLOWS:
        reached = {status}
        while new := {after for known in reached for after in FOLLOWS.get(known, set())} - reached:
            reached |= new
        assert reached & set(OVER), status


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT90S", 90), ("PT1H30M", 5400), ("PT", None), (None, None)]
)
def test_a_duration_is_read_as_seconds(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("resources", "size"),
    [
        ({}, 2 << 30),
        ({"resources": None}, 2 << 30),
        ({"resources": {"shmSize": "512m"}}, 512 << 20),
        ({"resources": {"shmSize": "3g"}}, 3 << 30),
    ],
)
def test_a_job_gets_the_shared_memory_that_it_asks_for(
    yard: Yard, resources: dict[str, Any], size: int
) -> None:
    job, _ = yard.state.jobs.add("asks", {"command": "exit 0", **resources}, IMAGE)
    assert spec_of(yard.state, job).shared_memory_bytes == size


@pytest.mark.parametrize("size", ["", None, "2", "g", "0g", "-1g", "2 g", "2t", "9" * 12 + "g"])
def test_what_is_no_size_is_not_guessed(size: str | None) -> None:
    assert bytes_of(size) == 0
