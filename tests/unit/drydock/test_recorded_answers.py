"""Status, headers and fields of answers beside those that the live service gave.

The rows are those of Microsoft's recorded sessions; `azure-answers.json` has the fields and types.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from drydock.state.jobs import OVER
from tests.unit.drydock.asking import API, IMAGE, Asked, Asker, with_a_job
from tests.unit.drydock.contract import read_recorded
from tests.unit.drydock.harbour import Harbour

pytestmark = pytest.mark.e2e
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
JOBS_API, OLDER_API, ASSETS_API = "2025-01-01-preview", "2024-01-01-preview", "2023-04-01-preview"

# What is not as recorded, and why. At most ten; a test below states each.
EXCEPTIONS = {
    "CodeVersion/systemData": "our copy of the recording was cleared of its fields",
    "Retry-After": "the SDK would wait 30 s for a cluster that is there at once",
    "cancel/status": "the SDK takes no empty object for an answer about an operation",
    "ComponentName": "it is drydock that answers, and not the service's front end",
}


@pytest.fixture
def asker(harbour: Harbour) -> Asker:
    return Asker(harbour).login()


def differences(recorded: Any, answered: Any, path: str = "") -> Iterator[str]:
    """Return each field that only one of the two has, or whose type is another."""
    if isinstance(recorded, dict) and isinstance(answered, dict):
        for name in recorded.keys() - answered.keys():
            yield f"{path}/{name}: missing"
        for name in answered.keys() - recorded.keys():
            yield f"{path}/{name}: not recorded"
        for name in recorded.keys() & answered.keys():
            yield from differences(recorded[name], answered[name], f"{path}/{name}")
    elif recorded != _type_of(answered):
        yield f"{path}: {_type_of(answered)}, recorded {recorded}"


def _type_of(value: Any) -> str:
    return "null" if value is None else type(value).__name__


def cluster() -> dict[str, Any]:
    return {
        "location": "drydock",
        "properties": {
            "computeType": "AmlCompute",
            "description": "d",
            "properties": {
                "vmSize": "Standard_DS2_v2",
                "vmPriority": "Dedicated",
                "scaleSettings": {
                    "maxNodeCount": 2,
                    "minNodeCount": 0,
                    "nodeIdleTimeBeforeScaleDown": "PT1M40S",
                },
            },
        },
    }


def recorded_requests(asker: Asker) -> dict[str, Any]:
    """Send what was sent in the recorded sessions; return the answers by their model."""
    ids = asker.state.arm_ids
    with_a_job(asker)
    uri = "azureml://datastores/workspaceblobstore/paths/LocalUpload/1/data/"
    job = {
        "properties": {
            "properties": {},
            "tags": {},
            "computeId": ids.id_of("computes", "cpu"),
            "displayName": "d",
            "experimentName": "e",
            "identity": {"identityType": "AMLToken"},
            "isArchived": False,
            "jobType": "Command",
            "command": "pip freeze",
            "environmentId": "azureml:arima:1",
            "environmentVariables": {},
            "inputs": {
                "testdataset": {"mode": "ReadOnlyMount", "uri": uri, "jobInputType": "uri_folder"}
            },
            "outputs": {},
        }
    }
    code = {"codeUri": "https://x/y/z", "properties": {"hash_sha256": "1", "hash_version": 202208}}
    image = {"image": IMAGE, "isAnonymous": False, "isArchived": False}
    return {
        "JobBase": asker.arm("PUT", f"/jobs/j2?api-version={JOBS_API}", job).body,
        "ComputeResource": asker.arm("PUT", "/computes/two", cluster()).body,
        "Datastore": asker.arm("GET", "/datastores/workspaceblobstore").body,
        "EnvironmentVersion": asker.arm(
            "PUT", "/environments/e/versions/1", {"properties": image}
        ).body,
        "CodeVersion": asker.arm("PUT", "/codes/c/versions/1", {"properties": code}).body,
    }


def test_each_field_is_as_recorded_or_is_an_exception(asker: Asker) -> None:
    recorded = read_recorded()
    answered = recorded_requests(asker)
    assert answered.keys() == recorded.keys()
    found = [
        line
        for model, fields in recorded.items()
        for line in (f"{model}{one}" for one in differences(fields, answered[model]))
        if not line.startswith(tuple(EXCEPTIONS))
    ]
    assert found == []
    assert len(EXCEPTIONS) <= 10


def put_model(asker: Asker, **changes: Any) -> Asked:
    uri = "azureml://datastores/workspaceblobstore/paths/m"
    body = {"properties": {"modelUri": uri, **changes}}
    return asker.arm("PUT", f"/models/m/versions/1?api-version={ASSETS_API}", body)


def test_versions_of_a_model_that_nobody_registered_are_not_found(asker: Asker) -> None:
    found = asker.arm("GET", "/models/nobody/versions")
    assert found.status == 404
    error = found.body["error"]
    assert error["code"] == "UserError"
    assert [detail["code"] for detail in error["details"]] == ["ModelNotFound"]


def test_a_registered_model_has_a_place_a_stage_and_what_is_always_there(asker: Asker) -> None:
    made = put_model(asker)
    assert made.status == 201
    address = asker.state.address + made.body["id"]
    assert made.headers["Location"] == f"{address}?api-version={ASSETS_API}"
    properties = made.body["properties"]
    assert properties["stage"] == "Development"
    assert properties["autoDeleteSetting"] is properties["intellectualProperty"] is None
    assert put_model(asker).status == 200


@pytest.mark.parametrize(
    ("kind", "end"), [("uri_folder", "x/"), ("mltable", "x/"), ("uri_file", "x")]
)
def test_registered_data_has_a_place_and_a_long_uri(asker: Asker, kind: str, end: str) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/x"
    setting = {"condition": "createdGreaterThan", "value": "30d"}
    given = {"dataType": kind, "dataUri": uri, "autoDeleteSetting": setting}
    made = asker.arm("PUT", f"/data/d/versions/1?api-version={ASSETS_API}", {"properties": given})
    assert made.status == 201
    assert made.headers["Location"].endswith(f"/data/d/versions/1?api-version={ASSETS_API}")
    ids, properties = asker.state.arm_ids, made.body["properties"]
    assert properties["dataUri"] == (
        f"azureml://subscriptions/{ids.subscription}/resourcegroups/{ids.group}/workspaces/"
        f"{ids.workspace}/datastores/workspaceblobstore/paths/{end}"
    )
    assert properties["autoDeleteSetting"] == setting
    assert properties["stage"] is properties["intellectualProperty"] is None


def test_a_job_is_starting_and_then_preparing(asker: Asker) -> None:
    made = with_a_job(asker, "wait", api=JOBS_API)
    assert (made.status, made.body["properties"]["status"]) == (201, "Starting")
    assert made.headers["Location"].endswith(f"/jobs/job1?api-version={JOBS_API}")
    asker.arm("POST", "/jobs/job1/cancel")


def test_a_job_without_a_compute_is_serverless(asker: Asker) -> None:
    made = with_a_job(asker, computeId=None, queueSettings={"jobTier": "Standard"})
    assert made.status == 201
    properties = made.body["properties"]
    assert properties["computeId"] is None
    assert properties["properties"] == {
        "_azureml.ComputeTargetType": "amlctrain",
        "_azureml.ClusterName": None,
    }
    assert properties["queueSettings"] == {"jobTier": "Standard"}


def test_an_unknown_member_is_refused_by_name(asker: Asker) -> None:
    for changes, name in (
        ({"colour": "red"}, "colour"),
        ({"resources": {"cores": 2}}, "cores"),
        ({"outputs": {"output": {"jobOutputType": "uri_folder", "size": 1}}}, "size"),
    ):
        made = with_a_job(asker, **changes)
        assert made.status == 400
        assert f"Could not find member '{name}'" in made.body["error"]["message"]
    for path in ("/models/m/versions/1", "/environments/e/versions/1", "/data/d/versions/1"):
        assert asker.arm("PUT", path, {"properties": {"colour": "red"}}).status == 400
    assert asker.state.jobs.all() == ()


def test_the_older_version_s_job_has_other_members(asker: Asker) -> None:
    newer = with_a_job(asker).body["properties"]
    older = asker.arm("GET", f"/jobs/job1?api-version={OLDER_API}").body["properties"]
    assert older.keys() - newer.keys() == {"autologgerSettings", "secretsConfiguration"}
    assert newer.keys() - older.keys() == {"parentJobName"}
    resources = older["resources"].keys() ^ newer["resources"].keys()
    assert resources == {"locations", "maxInstanceCount", "dockerArgsList"}
    assert older["inputs"]["input"].keys() - newer["inputs"]["input"].keys() == {"pathOnCompute"}
    assert "pathOnCompute" in older["outputs"]["default"]
    assert older["queueSettings"].keys() - newer["queueSettings"].keys() == {"priority"}


@pytest.mark.parametrize("kind", ["environments", "models", "data", "jobs", "computes"])
def test_a_list_on_one_page_names_no_next_page(asker: Asker, kind: str) -> None:
    with_a_job(asker)
    assert list(asker.arm("GET", f"/{kind}?listViewType=ActiveOnly").body) == ["value"]


def refusals(asker: Asker) -> dict[int, Asked]:
    with_a_job(asker)
    ids = asker.state.arm_ids
    conflict = {"properties": {"image": "other"}}
    found = (
        asker.arm("PUT", "/models/m/versions/1", "{"),
        Asker(asker.harbour).arm("GET", "/jobs"),
        asker.arm("GET", "/jobs/nobody"),
        asker.arm("PUT", "/environments/arima/versions/1", conflict),
        asker.arm("GET", "/onlineEndpoints"),
        asker.ask("GET", f"/subscriptions/{ids.subscription}/nothing"),
    )
    return {one.status: one for one in found}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["job2", "job1"]),
        ("?jobType=command", ["job2", "job1"]),
        ("?jobType=Pipeline", []),
        ("?tag=mine", ["job1"]),
        ("?tag=mine=x", ["job1"]),
        ("?tag=mine=y", []),
        ("?tag=mine,both", ["job1"]),
        ("?properties=p=1", ["job2"]),
        ("?scheduled=true", []),
        ("?scheduleId=daily", []),
        ("?listViewType=ArchivedOnly", ["old"]),
        ("?listViewType=all", ["old", "job2", "job1"]),
    ],
)
def test_jobs_are_listed_by_type_tag_properties_and_archive(
    asker: Asker, query: str, names: list[str]
) -> None:
    with_a_job(asker, tags={"mine": "x", "both": "1"})
    with_a_job(asker, name="job2", tags={"both": "1"}, properties={"p": "1"})
    with_a_job(asker, name="old", isArchived=True)
    found = asker.arm("GET", f"/jobs{query}")
    assert [one["name"] for one in found.body["value"]] == names


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("listViewType=Everything", 400),
        ("%24skip=abc", 400),
        ("%24orderBy=name", 501),
        ("%24orderBy=createdtime%20desc", 200),
        ("assetName=x", 501),
    ],
)
def test_a_list_is_never_filtered_by_less_than_was_asked(
    asker: Asker, query: str, status: int
) -> None:
    for kind in ("jobs", "models", "data", "environments"):
        assert asker.arm("GET", f"/{kind}?{query}").status == status


def test_versions_of_a_model_are_listed_by_tags_and_version(asker: Asker) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/a/m.bin"
    for version, tags in (("1", {"a": "x"}), ("2", {"a": "y", "b": "z"})):
        body = {"properties": {"modelUri": uri, "modelType": "custom_model", "tags": tags}}
        assert asker.arm("PUT", f"/models/m/versions/{version}", body).status == 201
    for query, names in (
        ("", ["2", "1"]),
        ("?tags=a", ["2", "1"]),
        ("?tags=a=y,b", ["2"]),
        ("?version=1", ["1"]),
        ("?%24top=1", ["2"]),
    ):
        found = asker.arm("GET", f"/models/m/versions{query}").body["value"]
        assert [one["name"] for one in found] == names, query


def test_every_refusal_says_who_when_and_which_request(asker: Asker) -> None:
    found = refusals(asker)
    assert {400, 401, 404, 409, 501} <= found.keys()
    for answer in found.values():
        error = answer.body["error"]
        assert error.keys() == {"code", "message", "details", "additionalInfo"}
        infos = {info["type"]: info["info"]["value"] for info in error["additionalInfo"]}
        wanted = {"ComponentName", "Correlation", "Environment", "Location", "Time"}
        assert wanted <= infos.keys() <= wanted | {"InnerError"}
        correlation = answer.headers["x-ms-correlation-request-id"]
        assert infos["Correlation"]["operation"] == correlation.replace("-", "")
        assert infos["ComponentName"] == "drydock"
    inner = found[404].body["error"]["additionalInfo"][-1]["info"]["value"]
    assert (inner["code"], inner["innerError"]["code"]) == ("NotFound", "JobNotFound")


def test_an_unknown_compute_has_the_recorded_inner_codes(asker: Asker) -> None:
    made = with_a_job(asker, computeId=asker.state.arm_ids.id_of("computes", "nowhere"))
    assert made.status == 400
    inner = made.body["error"]["additionalInfo"][-1]["info"]["value"]
    assert (inner["code"], inner["innerError"]["code"]) == ("BadArgument", "UnknownTargetType")


def test_every_answer_has_the_ids_that_support_asks_for(asker: Asker) -> None:
    for answer in (asker.arm("GET", ""), asker.ask("GET", "/discovery"), *refusals(asker).values()):
        assert GUID.fullmatch(answer.headers["x-ms-correlation-request-id"])
        assert float(answer.headers["x-request-time"]) >= 0


@pytest.mark.parametrize("given", ["11111111-2222-3333-4444-555555555555", "x", "a" * 300])
def test_a_client_s_correlation_id_is_kept_if_it_is_one(asker: Asker, given: str) -> None:
    headers = {"x-ms-correlation-request-id": given}
    found = asker.arm("GET", "", headers=headers).headers["x-ms-correlation-request-id"]
    assert GUID.fullmatch(found)
    assert (found == given) == bool(GUID.fullmatch(given))


def test_a_cluster_is_being_made_at_first(asker: Asker) -> None:
    made = asker.arm("PUT", "/computes/two", cluster())
    assert made.status == 201
    assert made.headers["Retry-After"] == "1"
    properties = made.body["properties"]
    assert "computeLocation" not in properties
    inner = properties["properties"]
    assert inner["vmSize"] == "STANDARD_DS2_V2"
    assert inner["allocationState"] is inner["currentNodeCount"] is inner["nodeStateCounts"] is None
    path = made.headers["Azure-AsyncOperation"].removeprefix(asker.state.address)
    assert [asker.ask("GET", path).body["status"] for _ in range(2)] == ["InProgress", "Succeeded"]


def test_a_cancel_is_an_operation_that_ends_with_the_job(asker: Asker) -> None:
    with_a_job(asker, "wait")
    cancel = asker.arm("POST", "/jobs/job1/cancel")
    assert (cancel.status, cancel.body) == (202, None)
    assert cancel.headers["Location"] == cancel.headers["Azure-AsyncOperation"]
    assert cancel.headers["Location"].endswith(
        f"/mfeOperationResults/jc:rehearsal:job1?api-version={API}"
    )
    path = cancel.headers["Location"].removeprefix(asker.state.address)
    for _ in range(200):
        found = asker.ask("GET", path)
        is_over = asker.state.jobs.get("job1").status in OVER
        if found.status == 200:
            break
        assert (found.status, found.body) == (202, {"status": "InProgress"})
        asker.state.clock.sleep(0.05)
    assert is_over
    assert found.body == {"status": "Succeeded"}
    other = path.replace("jc:rehearsal", "jc:other")
    assert asker.ask("GET", other).status == 404
