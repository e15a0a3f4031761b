import json
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import AnswerInvalidError, JobFailedError, OutputsMissingError
from hakobune.stages.canary import KEPT, run_canary
from hakobune.stages.deliver import Order
from hakobune.stages.job_notes import notes
from hakobune.transform.canary import ASSUMPTIONS
from tests.cloud_samples import make_wishes
from tests.delivery_samples import Ready, make_ready

CHECKS = {one.name: [True, "works"] for one in ASSUMPTIONS[:-2]}
REPORT = json.dumps({"checks": CHECKS, "facts": {"umask": "022"}}).encode()
LINE = b"starting\nhakobune-canary " + REPORT + b"\n"


@pytest.fixture
def ready(tmp_path: Path) -> Ready:
    found = make_ready(tmp_path)
    found.cloud.statuses = iter(["Completed"] * 9)
    found.cloud.logs = [LINE]
    found.cloud.outputs = {"canary.json": REPORT}
    return found


def order(ready: Ready) -> Order:
    wishes = make_wishes(is_compute_created=True)
    return Order(wishes=wishes, registry="", cwd=ready.project.root)


def differing(ready: Ready) -> list[str]:
    return [
        one.step for one in run_canary(ready.services, order(ready)).findings if one.state != "ok"
    ]


def test_a_node_as_assumed_gives_a_finding_for_each_assumption_and_a_file(ready: Ready) -> None:
    found = run_canary(ready.services, order(ready))
    assert [(one.step, one.state) for one in found.findings] == [
        (one.name, "ok") for one in ASSUMPTIONS
    ]
    assert found.file.parent == ready.project.root / KEPT
    kept = json.loads(found.file.read_bytes())
    assert kept["facts"] == {"umask": "022"}
    assert len(kept["findings"]) == len(ASSUMPTIONS)
    (job,) = ready.cloud.jobs.values()
    assert job.environment in ready.cloud.environments
    assert dict(job.outputs) == {"canary": ""}
    # `watch` and `fetch` go on with the last training, not with a canary.
    assert notes(ready.project) == ()


def test_a_log_that_cannot_be_read_is_named_alone(ready: Ready) -> None:
    ready.cloud.logs = []
    assert differing(ready) == ["log"]


def test_an_output_that_does_not_arrive_is_named_alone(ready: Ready) -> None:
    ready.cloud.outputs = {}
    assert differing(ready) == ["arrival"]


def test_an_output_that_arrives_with_other_bytes_is_named_alone(ready: Ready) -> None:
    ready.cloud.outputs = {"canary.json": REPORT.replace(b"022", b"002")}
    assert differing(ready) == ["arrival"]


def test_without_a_writable_output_only_that_is_named(ready: Ready) -> None:
    checks = {**CHECKS, "output": [False, "EACCES: Permission denied"], "rename": [None, "-"]}
    text = json.dumps({"checks": checks, "facts": {}}).encode()
    ready.cloud.logs, ready.cloud.outputs = [b"hakobune-canary " + text + b"\n"], {}
    assert differing(ready) == ["output"]


def test_a_job_that_never_ran_is_the_failure_of_the_job(ready: Ready) -> None:
    ready.cloud.statuses = iter(["Failed"] * 9)
    ready.cloud.logs, ready.cloud.outputs = [], {}
    ready.cloud.why = "ImagePullFailure: Failed to pull Docker image"
    with pytest.raises(JobFailedError, match="ImagePullFailure"):
        run_canary(ready.services, order(ready))


def test_a_report_that_is_nowhere_is_said(ready: Ready) -> None:
    ready.cloud.logs, ready.cloud.outputs = [], {}
    with pytest.raises(OutputsMissingError, match=r"neither in its log nor in its output"):
        run_canary(ready.services, order(ready))


def test_a_hostile_report_reaches_no_terminal(ready: Ready) -> None:
    ready.cloud.logs = [LINE.replace(b"works", rb"\u001b[2J", 1)]
    with pytest.raises(AnswerInvalidError):
        run_canary(ready.services, order(ready))


def test_the_compute_must_be_there_or_be_asked_for(ready: Ready) -> None:
    from hakobune.errors import ComputeNotFoundError

    asked = replace(order(ready), wishes=make_wishes())
    with pytest.raises(ComputeNotFoundError):
        run_canary(ready.services, asked)
    assert ready.cloud.jobs == {}
