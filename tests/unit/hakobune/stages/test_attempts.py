from pathlib import Path

import pytest

from hakobune.errors import JobFailedError
from hakobune.model.job import Job
from hakobune.stages.attempts import to_its_end
from hakobune.stages.submit import Submission
from tests.cloud_samples import make_job
from tests.samples import FakeReporter, write_project
from tests.unit.hakobune.stages.test_submit import planned


class Cluster:
    """Loses a number of jobs."""

    def __init__(self, lost: int, *, is_node_fault: bool = True) -> None:
        self.lost, self.is_node_fault = lost, is_node_fault
        self.names: list[str] = []

    def submit(self, wanted: Submission) -> Job:
        self.names.append(wanted.job.name)
        return make_job(name=wanted.job.name)

    def watch(self, job: Job) -> Job:
        if len(self.names) <= self.lost:
            raise JobFailedError("preempted", remedy="", is_node_fault=self.is_node_fault)
        return job


def run(cluster: Cluster, submission: Submission, retries: int) -> Job:
    return to_its_end(
        submission,
        submitting=cluster.submit,
        watching=cluster.watch,
        reporter=FakeReporter(),
        retries=retries,
    )


def test_a_lost_node_is_tried_again_as_often_as_asked(tmp_path: Path) -> None:
    submission = planned(write_project(tmp_path))
    name = submission.job.name
    cluster = Cluster(lost=2)
    assert run(cluster, submission, 2).name == f"{name}-3"
    assert cluster.names == [name, f"{name}-2", f"{name}-3"]
    with pytest.raises(JobFailedError):
        run(Cluster(lost=2), submission, 1)


def test_the_program_s_own_failure_is_not_tried_again(tmp_path: Path) -> None:
    cluster = Cluster(lost=1, is_node_fault=False)
    with pytest.raises(JobFailedError):
        run(cluster, planned(write_project(tmp_path)), 5)
    assert len(cluster.names) == 1
