"""What a job may be: what is run, what is refused by name, and what the service refuses."""

from typing import Any

import pytest

from tests.unit.drydock.asking import IMAGE, Asked, Asker, end_of, with_a_job
from tests.unit.drydock.harbour import Harbour

pytestmark = pytest.mark.e2e
VIRTUAL = "/subscriptions/s/resourceGroups/r/providers/x/virtualclusters/v"
OUTPUT = {"jobOutputType": "uri_folder"}
INPUT = {"jobInputType": "uri_folder", "uri": "azureml://datastores/workspaceblobstore/paths/x"}


@pytest.fixture
def asker(harbour: Harbour) -> Asker:
    return Asker(harbour).login()


def message_of(asked: Asked) -> str:
    return str(asked.body["error"]["message"])


def spread(**distribution: Any) -> dict[str, Any]:
    return {"distribution": distribution, "resources": {"instanceCount": 2}}


PYTORCH: dict[str, Any] = {
    "distribution": {"distributionType": "PyTorch", "processCountPerInstance": 1}
}
NOT_RUN: list[tuple[dict[str, Any], str]] = [
    ({"jobType": "Pipeline"}, "command jobs only"),
    ({"computeId": VIRTUAL}, "virtual clusters"),
    ({"computeId": "local"}, "compute: local"),
    ({"resources": {"instanceCount": 2}}, "with a distribution only"),
    ({"resources": {"instanceCount": 9}, **PYTORCH}, "at most 8 nodes"),
    (spread(distributionType="PyTorch", processCountPerInstance=4), "and not 4"),
    (spread(distributionType="Mpi", processCountPerInstance=1), "distribution Mpi"),
    (spread(distributionType="TensorFlow", workerCount=2), "distribution TensorFlow"),
    (spread(distributionType="Ray", port=6379), "distribution Ray"),
    ({"resources": {"dockerArgs": "--privileged"}}, "docker_args"),
    ({"resources": {"dockerArgsList": ["--privileged"]}}, "docker_args"),
    ({"resources": {"properties": {"singularity": {}}}}, "resources.properties"),
    ({"services": {"shell": {"jobServiceType": "SSH"}}}, "services"),
    ({"notificationSetting": {"emails": ["a@example.com"]}}, "notification_setting"),
    ({"inputs": {"in": {**INPUT, "mode": "Direct"}}}, "mode Direct of in"),
    ({"outputs": {"out": {**OUTPUT, "mode": "Direct"}}}, "mode Direct of out"),
    ({"outputs": {"out": {**OUTPUT, "pathOnCompute": "/x"}}}, "path_on_compute of out"),
    ({"environmentId": "azureml://registries/R/environments/arima/versions/1"}, "'R'"),
    ({"inputs": {"in": {**INPUT, "uri": "azureml://registries/R/data/d/versions/1"}}}, "'R'"),
]


def test_what_drydock_would_not_run_is_refused_by_name(asker: Asker) -> None:
    for changes, named in NOT_RUN:
        made = with_a_job(asker, **changes)
        assert (made.status, made.body["error"]["code"]) == (501, "NotServedByDrydock")
        assert named in message_of(made)
        assert asker.state.jobs.all() == ()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"resources": {"instanceCount": 2}, **PYTORCH}, "'cpu' has at most 1"),
        ({"resources": {"instanceCount": 0}}, "The instance count is 0"),
        ({"resources": {"instanceCount": -3}, **PYTORCH}, "The instance count is -3"),
        ({"distribution": {"distributionType": "PyTorch", "port": 1}}, "'port'"),
        (
            {"distribution": {"distributionType": "PyTorch", "processCountPerInstance": "1"}},
            "processCountPerInstance",
        ),
    ],
)
def test_nodes_that_the_service_would_not_give_are_refused(
    asker: Asker, changes: dict[str, Any], named: str
) -> None:
    made = with_a_job(asker, **changes)
    assert (made.status, named in message_of(made)) == (400, True), message_of(made)


def test_a_job_of_several_nodes_is_shown_with_its_distribution_and_a_log_for_each(
    asker: Asker,
) -> None:
    changes: dict[str, Any] = {"resources": {"instanceCount": 2}, **PYTORCH, "computeId": None}
    made = with_a_job(asker, **changes)
    assert made.status == 201
    assert made.body["properties"]["resources"]["instanceCount"] == 2
    assert made.body["properties"]["distribution"] == PYTORCH["distribution"]
    assert end_of(asker, "job1") == "Completed"
    logs = asker.history("GET", "/runs/job1/details").body["logFiles"]
    assert list(logs) == [f"user_logs/std_log_process_{node}.txt" for node in range(2)]


def test_an_environment_that_the_service_builds_is_kept_and_not_run(asker: Asker) -> None:
    build = {"contextUri": "https://drydock.blob.core.drydock.test/c/p/", "dockerfilePath": "D"}
    made = asker.arm("PUT", "/environments/built/versions/1", {"properties": {"build": build}})
    assert made.body["properties"]["build"] == build
    assert "image" not in made.body["properties"]
    found = with_a_job(asker, environmentId="azureml:built:1")
    assert found.status == 501
    assert "does not build" in message_of(found)


def test_a_conda_file_comes_back_as_json(asker: Asker) -> None:
    given = {"image": IMAGE, "condaFile": "name: a\ndependencies:\n- pip\n"}
    text = '{"name": "a", "dependencies": ["pip"]}'
    for sent in (given, {**given, "condaFile": text}):
        made = asker.arm("PUT", "/environments/c/versions/1", {"properties": sent})
        assert made.body["properties"]["condaFile"] == text
    assert with_a_job(asker, environmentId="azureml:c:1").status == 501


@pytest.mark.parametrize(
    "address",
    [
        "azureml:AzureML-x@latest",
        "azureml://registries/azureml/environments/AzureML-x/labels/latest",
        "azureml://registries/azureml/environments/AzureML-x/versions/2",
    ],
)
def test_a_curated_environment_of_this_workspace_is_found(asker: Asker, address: str) -> None:
    for version in ("1", "2"):
        image = IMAGE[:-1] + version
        asker.arm(
            "PUT", f"/environments/AzureML-x/versions/{version}", {"properties": {"image": image}}
        )
    made = with_a_job(asker, environmentId=address)
    assert (made.status, made.body["properties"]["environmentId"]) == (201, address)
    assert asker.state.jobs.get("job1").image == IMAGE[:-1] + "2"


def test_a_curated_environment_that_nobody_registered_is_not_found(asker: Asker) -> None:
    assert with_a_job(asker, environmentId="azureml:AzureML-x@latest").status == 404


def test_an_environment_of_another_workspace_is_refused(asker: Asker) -> None:
    other = asker.state.arm_ids.workspace_id.replace("rehearsal", "production")
    made = with_a_job(asker, environmentId=f"{other}/environments/arima/versions/1")
    assert made.status == 400
    assert "not of this workspace" in message_of(made)


@pytest.mark.parametrize("kind", ["custom_model", "mlflow_model"])
def test_a_model_is_an_input(asker: Asker, harbour: Harbour, kind: str) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/models/m"
    asker.arm("PUT", "/models/m/versions/1", {"properties": {"modelUri": uri}})
    for number, address in enumerate(
        ("azureml:m:1", asker.state.arm_ids.id_of("models", "m", "versions", "1"))
    ):
        given = {"model": {"jobInputType": kind, "uri": address}}
        assert with_a_job(asker, name=f"job{number}", inputs=given).status == 201
        assert end_of(asker, f"job{number}") == "Completed"
        assert harbour.runner.finished[-1].inputs["model"].path == "models/m"


@pytest.mark.parametrize(
    "uri", ["https://example.com/x.csv", "wasbs://c@a.blob.core.windows.net/x"]
)
def test_an_address_outside_is_accepted_and_the_job_fails(asker: Asker, uri: str) -> None:
    made = with_a_job(asker, inputs={"in": {"jobInputType": "uri_file", "uri": uri}})
    assert made.status == 201
    assert end_of(asker) == "Failed"
    assert uri in asker.state.jobs.get("job1").error_message


@pytest.mark.parametrize(
    "uri", ["azureml://jobs/job1/outputs/artifacts/paths/outputs/m", "runs:/job1/outputs/m"]
)
def test_a_model_comes_from_a_job_s_artifacts(asker: Asker, uri: str) -> None:
    with_a_job(asker)
    made = asker.arm("PUT", "/models/m/versions/1", {"properties": {"modelUri": uri}})
    assert made.body["properties"]["modelUri"].endswith(
        "/datastores/workspaceartifactstore/paths/ExperimentRun/dcid.job1/outputs/m"
    )


def test_an_output_with_a_name_becomes_an_asset_when_the_job_completes(asker: Asker) -> None:
    outputs = {
        "a": {**OUTPUT, "assetName": "series"},
        "b": {"jobOutputType": "custom_model", "assetName": "m", "assetVersion": "7"},
    }
    with_a_job(asker, outputs=outputs)
    assert end_of(asker) == "Completed"
    data = asker.arm("GET", "/data/series/versions/1").body["properties"]
    assert data["dataUri"].endswith("/paths/azureml/job1/a/")
    model = asker.arm("GET", "/models/m/versions/7").body["properties"]
    assert model["modelUri"].endswith("/paths/azureml/job1/b/")
    assert model["jobName"] == "job1"
    assert with_a_job(asker, "exit 1", name="job2", outputs=outputs).status == 201
    assert end_of(asker, "job2") == "Failed"
    assert asker.state.data.get("series").latest.version == "1"


def test_an_asset_that_is_there_already_fails_the_job(asker: Asker) -> None:
    uri = "azureml://datastores/workspaceblobstore/paths/other"
    body = {"properties": {"dataType": "uri_folder", "dataUri": uri}}
    asker.arm("PUT", "/data/series/versions/1", body)
    with_a_job(asker, outputs={"a": {**OUTPUT, "assetName": "series", "assetVersion": "1"}})
    assert end_of(asker) == "Failed"
    assert "already registered" in asker.state.jobs.get("job1").error_message


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"command": "exit 1"}, "Command"),
        ({"computeId": None}, "ComputeId"),
        ({"experimentName": "other"}, "ExperimentName"),
        ({"limits": {"jobLimitsType": "Command", "timeout": "PT5M"}}, "Limits"),
        ({"environmentVariables": {"A": "1"}}, "EnvironmentVariables"),
        ({"inputs": {"in": INPUT}, "outputs": {}}, "Inputs, Outputs"),
    ],
)
def test_another_job_under_the_same_name_is_refused(
    asker: Asker, changes: dict[str, Any], named: str
) -> None:
    assert with_a_job(asker, tags={"a": "1"}, properties={"p": "1"}).status == 201
    found = with_a_job(asker, **changes)
    assert found.status == 400
    assert f"the existing job's {named} cannot be changed" in message_of(found)
    again = with_a_job(asker, tags={"b": "2"}, properties={"q": "2"}, description="d")
    assert again.status == 200
    properties = again.body["properties"]
    assert properties["tags"] == {"a": "1", "b": "2"}
    assert {"p": "1", "q": "2"}.items() <= properties["properties"].items()
    assert properties["description"] == "d"


def test_a_job_is_sent_again_as_it_was_answered(asker: Asker) -> None:
    made = with_a_job(asker)
    for api in ("2025-01-01-preview", "2024-01-01-preview"):
        found = asker.arm("GET", f"/jobs/job1?api-version={api}").body
        again = asker.arm("PUT", "/jobs/job1", {"properties": found["properties"]})
        assert again.status == 200, message_of(again)
    assert again.body["id"] == made.body["id"]


def test_a_job_with_code_has_a_snapshot(asker: Asker) -> None:
    uri = "https://drydock.blob.core.drydock.test/c/src"
    code = asker.arm("PUT", "/codes/c/versions/1", {"properties": {"codeUri": uri}})
    made = with_a_job(asker, codeId=code.body["id"])
    assert made.body["properties"]["properties"]["ContentSnapshotId"]
