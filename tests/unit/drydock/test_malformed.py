"""Bodies, headers and queries that are none get a 400, and drydock goes on."""

import json
import random
import socket
from typing import Any

import pytest

from tests.unit.drydock.asking import Asker, client_context, with_a_job
from tests.unit.drydock.harbour import Harbour

pytestmark = pytest.mark.e2e


@pytest.fixture
def asker(harbour: Harbour) -> Asker:
    return Asker(harbour).login()


BODIES = [
    "{",
    "[]",
    "null",
    "[" * 100_000,
    '{"properties": {"modelUri": NaN}}',
    '{"properties": {"modelUri": "\\ud800"}}',
    b"\xff\xfe".decode("latin-1"),
    "{}",
    '{"properties": []}',
]


def test_a_body_that_is_no_resource_is_refused(asker: Asker) -> None:
    for body in BODIES:
        assert asker.arm("PUT", "/models/m/versions/1", body).status == 400


def test_a_member_beside_the_properties_is_refused_by_name(asker: Asker) -> None:
    body = {"properties": {"image": "x"}, "propertys": {}}
    for path in ("/environments/e/versions/1", "/models/m", "/jobs/j", "/computes/c"):
        error = asker.arm("PUT", path, body)
        assert (error.status, error.body["error"]["code"]) == (400, "InvalidRequestContent")
        assert "Could not find member 'propertys'" in error.body["error"]["message"]


TYPES: list[dict[str, Any]] = [
    {"tags": []},
    {"tags": {"a": {}}},
    {"inputs": []},
    {"inputs": {"a": 1}},
    {"outputs": {"a": {"uri": 5}}},
    {"resources": "2g"},
    {"resources": {"instanceCount": "1"}},
    {"resources": {"instanceCount": True}},
    {"isArchived": "false"},
    {"command": ["a"]},
    {"identity": "AMLToken"},
    {"limits": {"timeout": 5}},
    {"environmentVariables": {"A": []}},
    {"services": {"a": 1}},
]


def test_a_member_of_another_type_is_refused(asker: Asker) -> None:
    for changes in TYPES:
        made = with_a_job(asker, **changes)
        assert made.status == 400
        assert f"properties.{next(iter(changes))}" in made.body["error"]["message"]


REQUESTS: list[tuple[str, str, Any]] = [
    ("PUT", "/computes/c", {"properties": {"computeType": "AmlCompute", "properties": 1}}),
    ("PUT", "/computes/c", {"properties": {}, "tags": 1}),
    ("PUT", "/datastores/d", {"properties": {"datastoreType": "AzureBlob", "accountName": 1}}),
    ("PUT", "/datastores/d", {"properties": {"datastoreType": "AzureBlob"}}),
    ("POST", "/datastores/workspaceblobstore/listSecrets", {"expireAfterHours": "soon"}),
    ("GET", "/environments/arima/versions?$top=many", None),
    ("GET", "/environments/arima/versions?$top=-1", None),
]


def test_what_is_no_number_or_object_is_refused(asker: Asker) -> None:
    for method, path, body in REQUESTS:
        assert asker.arm(method, path, body).status == 400


HEADS = [
    (b"Content-Length: x\r\n", 400),
    (b"Content-Length: -5\r\n", 400),
    (b"Content-Length: 1_0\r\n", 400),
    (b"Content-Length: 5\r\nContent-Length: 6\r\n", 400),
    (b"Transfer-Encoding: chunked\r\n", 400),
    (b"Content-Length: 99999999999\r\n", 413),
    (b"no colon\r\n", 400),
]


def test_a_head_that_is_none_is_refused(asker: Asker) -> None:
    for head, status in HEADS:
        context = client_context(asker.harbour.rehearsal.state)
        with (
            socket.create_connection(("127.0.0.1", asker.port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
        ):
            tls.sendall(b"PUT /discovery HTTP/1.1\r\nHost: x\r\n" + head + b"\r\n")
            answer = b""
            while piece := tls.recv(4096):
                answer += piece
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        _, _, body = answer.partition(b"\r\n\r\n")
        assert json.loads(body)["error"]["code"]
        assert asker.ask("GET", "/discovery").status == 200


def test_the_management_plane_needs_a_version_of_its_api(asker: Asker) -> None:
    asker.is_without_version = True
    found = asker.arm("GET", "/jobs")
    assert (found.status, found.body["error"]["code"]) == (400, "MissingApiVersionParameter")
    for version in (
        *("latest", "2023", "2023-04-01%0d%0aX:%20y", "2023-04-01-PREVIEW"),
        *("2023-13-01", "2023-02-30", "0001-01-01", "9999-01-01"),
    ):
        found = asker.arm("GET", f"/jobs?api-version={version}")
        assert (found.status, found.body["error"]["code"]) == (400, "InvalidApiVersionParameter")
    assert asker.arm("GET", "/jobs?api-version=2025-01-01").status == 200
    assert asker.history("GET", "/runs/nobody").status == 404


def test_the_management_plane_takes_json_only(asker: Asker) -> None:
    body = {"properties": {"image": "x"}}
    for kind, status in (
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/json; charset=utf-8", 201),
        ("Application/JSON", 200),
    ):
        found = asker.arm("PUT", "/environments/e/versions/1", body, {"Content-Type": kind})
        assert found.status == status, kind
    assert asker.arm("GET", "/jobs", headers={"Content-Type": "text/plain"}).status == 200


def test_a_form_that_is_no_text_is_refused(asker: Asker) -> None:
    tenant = asker.state.workspace.tenant
    found = asker.ask("POST", f"/{tenant}/oauth2/v2.0/token", "grant_type=\xff\xfe")
    assert found.status == 400


def test_other_users_of_the_machine_cannot_read_the_state(harbour: Harbour) -> None:
    state = harbour.rehearsal.state
    assert state.stat().st_mode & 0o077 == 0


STRANGE: list[Any] = [
    *(None, 0, -1, 1.5, True, "", "x" * 3000, "ü\u202e\x00", "../..", "${{x}}", "2024-01-01"),
    *("azureml://x", [], [1], {}, {"a": {"b": []}}),
]


def bodies(asker: Asker) -> list[tuple[str, str, dict[str, Any]]]:
    """Return a good request for each kind of body."""
    ids = asker.state.arm_ids
    workspace = ids.workspace_id
    history = f"/history/v1.0{workspace}"
    tracking = f"/mlflow/v2.0{workspace}/api/2.0/mlflow/runs"
    uri = "azureml://datastores/workspaceblobstore/paths/a"
    job = {
        "jobType": "Command",
        "command": "echo ${{inputs.i}} ${{outputs.o}}",
        "computeId": ids.id_of("computes", "cpu"),
        "environmentId": ids.id_of("environments", "arima", "versions", "1"),
        "identity": {"identityType": "AMLToken"},
        "inputs": {"i": {"jobInputType": "uri_file", "uri": uri, "mode": "Download"}},
        "outputs": {"o": {"jobOutputType": "uri_folder", "mode": "ReadWriteMount", "uri": uri}},
        "limits": {"jobLimitsType": "Command", "timeout": "PT1H"},
        "resources": {"instanceCount": 1, "shmSize": "2g"},
        "queueSettings": {"jobTier": "Standard"},
        "environmentVariables": {"A": "b"},
        "tags": {"a": "b"},
    }
    scale = {"maxNodeCount": 2, "minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    nodes = {"vmSize": "Standard_D2s_v3", "scaleSettings": scale, "subnet": {"id": "/a"}}
    entry = {"key": "a", "value": 1.0, "timestamp": 1, "step": 0}
    pair = {"key": "a", "value": "b"}
    resources: dict[str, dict[str, Any]] = {
        "/jobs/j": job,
        "/computes/c": {"computeType": "AmlCompute", "properties": nodes},
        "/environments/e/versions/1": {"image": "a/b", "condaFile": "name: x", "tags": {}},
        "/data/d/versions/1": {"dataType": "uri_folder", "dataUri": uri, "properties": {}},
        "/models/m/versions/1": {"modelType": "custom_model", "modelUri": uri, "flavors": {}},
        "/models/m": {"isArchived": True},
        "/codes/c/versions/1": {"codeUri": "https://x/y", "properties": {"hash_sha256": "a"}},
    }
    return [
        *(("PUT", f"{workspace}{path}", {"properties": it}) for path, it in resources.items()),
        ("PATCH", f"{history}/runs/job1", {"displayName": "x", "tags": {"a": "b"}}),
        ("POST", f"{history}/rundata", {"runId": "job1"}),
        (
            "POST",
            f"/data/v1.0{workspace}/dataversion/batchGetResolvedUris",
            {"values": ["azureml://locations/x/workspaces/y/data/job1:output"]},
        ),
        (
            "POST",
            f"{tracking}/log-batch",
            {"run_id": "job1", "metrics": [entry], "params": [pair], "tags": [pair]},
        ),
        ("POST", f"{tracking}/log-metric", {"run_id": "job1", **entry}),
        (
            "POST",
            f"{history}/experiments/e/runs/job1/artifacts/batch/metadata",
            {"paths": [{"path": "a.txt"}]},
        ),
    ]


def mutated(chance: random.Random, value: Any) -> Any:
    """Return the value with one part replaced, missing or added."""
    if isinstance(value, list) and value and chance.random() < 0.8:
        return [mutated(chance, value[0]), *value[1:]]
    if not (isinstance(value, dict) and value and chance.random() < 0.9):
        return chance.choice(STRANGE)
    name = chance.choice(list(value))
    match chance.randrange(6):
        case 0:
            return {key: part for key, part in value.items() if key != name}
        case 1:
            return {**value, "another": chance.choice(STRANGE)}
        case _:
            return {**value, name: mutated(chance, value[name])}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_no_body_makes_drydock_fail(asker: Asker, seed: int) -> None:
    with_a_job(asker)
    chance, good = random.Random(seed), bodies(asker)
    for _ in range(250):
        method, path, body = chance.choice(good)
        changed = mutated(chance, body)
        status = asker.ask(method, path, json.dumps(changed)).status
        assert status < 500 or status == 501, (seed, method, path, changed)
    for path in ("/jobs", "/computes", "/models", "/models/m/versions", "/data", "/environments"):
        assert asker.arm("GET", f"{path}?listViewType=All").status in (200, 404), (seed, path)
