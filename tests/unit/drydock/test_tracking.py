"""What a job tells of itself, asked as its MLflow asks; the plugin itself runs in the e2e tests."""

import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from drydock.arm_ids import API_HOST
from drydock.forwarder import FOLDER, Forwarder
from drydock.job_network import API, BLOBS, JobNetwork
from drydock.proxy import join
from drydock.state.logins import issue_run_token
from drydock.state.tracking import Tracking
from tests.unit.drydock.asking import Asked, Asker, client_context, end_of, with_a_job
from tests.unit.drydock.harbour import Harbour

pytestmark = pytest.mark.e2e  # a drydock on loopback
ARTIFACTS = "/experiments/Default/runs/job1/artifacts"


@pytest.fixture
def job(harbour: Harbour) -> Asker:
    """A job that is over, asked with its own token."""
    asker = Asker(harbour).login()
    with_a_job(asker)
    end_of(asker)
    state = asker.state
    asker.token = issue_run_token(state.workspace, "job1", state.clock.now())
    return asker


def mlflow(asker: Asker, method: str, name: str, body: dict[str, Any] | None = None) -> Asked:
    base = f"/mlflow/v2.0{asker.state.arm_ids.workspace_id}/api/2.0/mlflow/runs"
    return asker.ask(method, f"{base}/{name}", body)


def told(asker: Asker) -> dict[str, dict[str, Any]]:
    data = mlflow(asker, "GET", "get?run_id=job1").body["run"]["data"]
    return {kind: {one["key"]: one["value"] for one in data[kind]} for kind in data}


def test_what_a_job_logs_is_there_with_the_latest_of_each_metric(job: Asker) -> None:
    rows = [{"key": "RMSE", "value": value, "timestamp": 5, "step": step} for step, value in STEPS]
    batch = {"run_id": "job1", "metrics": rows, "params": [{"key": "order", "value": "1,0,0"}]}
    assert mlflow(job, "POST", "log-batch", batch).status == 200
    one = {"run_id": "job1", "key": "R2", "value": 0.5, "timestamp": 6}
    assert mlflow(job, "POST", "log-metric", one).status == 200
    more = {"run_id": "job1", "key": "seed", "value": "7"}
    assert mlflow(job, "POST", "log-parameter", more).status == 200
    assert mlflow(job, "POST", "set-tag", {**more, "key": "verdict"}).status == 200
    assert told(job) == {
        "metrics": {"RMSE": 3.0, "R2": 0.5},
        "params": {"order": "1,0,0", "seed": "7"},
        "tags": {"verdict": "7"},
    }


STEPS = [(1, 1.0), (3, 3.0), (2, 2.0)]


def test_a_parameter_stays_what_it_was_and_nothing_of_the_batch_is_kept(job: Asker) -> None:
    parameter = {"key": "order", "value": "1,0,0"}
    for _ in range(2):  # the same again is no change
        assert mlflow(job, "POST", "log-batch", {"run_id": "job1", "params": [parameter]})
    other = {"params": [{**parameter, "value": "2,0,0"}], "tags": [{"key": "a", "value": "b"}]}
    refused = mlflow(job, "POST", "log-batch", {"run_id": "job1", **other})
    assert refused.status == 400
    assert told(job)["params"] == {"order": "1,0,0"}
    assert told(job)["tags"] == {}


def test_a_run_that_is_not_there_and_an_entry_without_a_value_are_refused(job: Asker) -> None:
    assert mlflow(job, "GET", "get?run_id=other").status == 404
    assert mlflow(job, "POST", "log-batch", {"run_id": "other"}).status == 404
    half = {"run_id": "job1", "metrics": [{"key": "RMSE"}]}
    assert mlflow(job, "POST", "log-batch", half).status == 400


@pytest.mark.parametrize(
    "path", ["2.0/mlflow/logged-models", "2.0/mlflow/logged-models/m-1", "3.0/mlflow/traces"]
)
def test_what_mlflow_3_asks_and_azure_lacks_is_not_found(job: Asker, path: str) -> None:
    base = f"/mlflow/v2.0{job.state.arm_ids.workspace_id}/api"
    assert job.ask("POST", f"{base}/{path}", {}).status == 404


def test_a_job_s_status_is_not_its_mlflow_s_affair(job: Asker) -> None:
    done = mlflow(job, "POST", "update", {"run_id": "job1", "status": "FAILED"})
    assert done.body["run_info"]["status"] == "FINISHED"
    assert job.state.jobs.get("job1").status == "Completed"


def test_a_job_s_token_opens_its_run_history_and_no_management(job: Asker) -> None:
    assert mlflow(job, "GET", "get?run_id=job1").status == 200
    assert job.history("GET", ARTIFACTS).status == 200
    for refused in (job.arm("GET", ""), job.arm("GET", "/jobs"), job.history("GET", "/runs/job1")):
        assert refused.status == 403
        assert "job1" in refused.body["error"]["message"]


def test_an_artifact_is_put_where_the_job_s_own_log_lies(job: Asker, harbour: Harbour) -> None:
    body = {"paths": [{"path": "a b.png"}]}
    made = job.history("POST", f"{ARTIFACTS}/batch/metadata", body).body
    address = urlsplit(made["artifactContentInformation"]["a b.png"]["contentUri"])
    assert address.hostname == harbour.blobs.account.host
    assert address.path == "/azureml/ExperimentRun/dcid.job1/a%20b.png"
    assert "sig=" in address.query
    paths = [one["path"] for one in job.history("GET", ARTIFACTS).body["value"]]
    assert paths == ["user_logs/std_log.txt"]


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x"])
def test_an_artifact_outside_its_run_is_refused(job: Asker, path: str) -> None:
    refused = job.history("POST", f"{ARTIFACTS}/batch/metadata", {"paths": [{"path": path}]})
    assert refused.status == 400


def test_a_deleted_job_is_forgotten_with_what_it_told(job: Asker) -> None:
    one = {"run_id": "job1", "key": "R2", "value": 0.5}
    assert mlflow(job, "POST", "log-metric", one).status == 200
    assert job.login().arm("DELETE", "/jobs/job1").status == 200
    assert job.state.tracking.get("job1").metrics == ()


def test_what_was_told_outlives_a_drydock(tmp_path: Path) -> None:
    Tracking(tmp_path).log("job1", metrics=[{"key": "RMSE", "value": 1.5}])
    (metric,) = Tracking(tmp_path).get("job1").latest()
    assert metric == {"key": "RMSE", "value": 1.5, "timestamp": 0, "step": 0}


def test_drydock_answers_behind_a_socket_of_its_folder(harbour: Harbour) -> None:
    path = harbour.rehearsal.state / FOLDER / API
    connection = http.client.HTTPConnection("unused")
    with socket.socket(socket.AF_UNIX) as plain:
        plain.connect(str(path))

        context = client_context(harbour.rehearsal.state)
        connection.sock = context.wrap_socket(plain, server_hostname=API_HOST)
        connection.request("GET", "/discovery")
        assert "history" in json.loads(connection.getresponse().read())
    connection.close()


def test_a_folder_of_any_depth_can_hold_a_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 30) / FOLDER
    for _ in range(2):  # what a drydock that broke down left is replaced
        forwarder = Forwarder(deep / API, 1)
        forwarder.server_close()
    assert (deep / API).is_socket()


def test_a_job_s_network_is_a_loopback_with_two_names(tmp_path: Path) -> None:
    network = JobNetwork(
        image="i",
        user="1:1",
        sockets=tmp_path,
        authority=tmp_path / "ca.pem",
        hosts={API: "api.example", BLOBS: "blobs.example"},
    )
    plan = network.plan({"a": "b"})
    assert plan.network == "none"
    assert plan.port == 0
    assert plan.command == ("127.0.0.3=/sockets/api", "127.0.0.2=/sockets/blobs")
    assert plan.hosts == {"api.example": "127.0.0.3", "blobs.example": "127.0.0.2"}
    assert [mount.source for mount in plan.mounts] == [str(tmp_path)]


def test_a_side_that_ends_ends_the_other() -> None:
    one, end = socket.socketpair()
    other, inner = socket.socketpair()
    with one, other:
        one.sendall(b"x")
        one.shutdown(socket.SHUT_WR)
        join(end, inner)
        inner.close()
        end.close()
        assert other.recv(10) == b"x"
        assert other.recv(10) == b""
