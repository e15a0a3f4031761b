"""Each route and each answer against the SDK's own models and the service's recorded answers."""

from typing import Any

import pytest

from drydock.routes import ROUTES, UNKNOWN, find_route
from tests.unit.drydock.asking import Asker, end_of, with_a_job
from tests.unit.drydock.contract import Contract, lacking, read_contract, read_recorded
from tests.unit.drydock.harbour import Harbour

ARM, HISTORY, DATA = "arm_ml_service", "runhistory", "dataset_dataplane"
# What the service answers beside what the SDK's models hold: taken from its recorded answers.
RECORDED_BESIDE = {
    "/properties/autoDeleteSetting: unknown to EnvironmentVersionProperties",
    "/properties/intellectualProperty: unknown to EnvironmentVersionProperties",
    "/properties/autoDeleteSetting: unknown to UriFileDataVersion",
    "/properties/intellectualProperty: unknown to UriFileDataVersion",
    "/properties/stage: unknown to UriFileDataVersion",
    "/properties/autoDeleteSetting: unknown to ModelVersionProperties",
    "/properties/intellectualProperty: unknown to ModelVersionProperties",
    "/properties/parentJobName: unknown to CommandJob",
    "/properties/provisioningWarnings: unknown to AmlCompute",
    "/properties/properties/enableBatchPrivateLink: unknown to AmlComputeProperties",
    "/properties/credentials/secrets: missing, and AccountKeyDatastoreCredentials needs it",
}


@pytest.fixture(scope="module")
def contract() -> Contract:
    return read_contract()


@pytest.fixture
def asker(harbour: Harbour) -> Asker:
    return Asker(harbour).login()


def routes_of(contract: Contract) -> list[tuple[str, str, str]]:
    return [
        (route["op"], route["method"], route["url"])
        for section in contract.routes.values()
        for route in section
    ]


def test_every_route_of_the_sdk_is_served_or_refused_by_name(contract: Contract) -> None:
    found = routes_of(contract)
    assert len(found) > 350
    unknown = [url for _, method, url in found if find_route(method, url)[0] is UNKNOWN]
    assert unknown == []


def test_a_served_route_has_the_name_that_the_sdk_gives_it(contract: Contract) -> None:
    named = {
        (find_route(method, url)[0].name, method): op for op, method, url in routes_of(contract)
    }
    served = [route for route in ROUTES if route.is_served]
    known = [route for route in served if (route.name, route.method) in named]
    assert len(known) > 30
    # Two of the SDK's operations may share a route; then the name is one of the two.
    operations = {op for op, _, _ in routes_of(contract)}
    assert {route.name for route in known} <= operations
    ours = {route.name for route in served} - operations
    assert ours == {
        "cloud_metadata",
        "drydock_endpoints",
        "service_discovery",
        "container_registries_get",
        "storage_accounts_get",
        "permissions_list",
        "role_assignments_list",
        "login_instance_discovery",
        "login_configuration",
        "login_token",
        "compute_operation_get",
        "job_operation_get",
        # MLflow's own, which the SDK leaves to the plugin.
        "mlflow_runs_get",
        "mlflow_runs_update",
        "mlflow_runs_log_batch",
        "mlflow_runs_log_metric",
        "mlflow_runs_log_parameter",
        "mlflow_runs_set_tag",
        "mlflow_logged_models",
        "mlflow_traces",
    }


def answers(asker: Asker) -> dict[tuple[str, str], Any]:
    """Return an answer of each kind, by the model that it should be."""
    made = with_a_job(asker)
    assert end_of(asker) == "Completed"
    uri = "azureml://datastores/workspaceblobstore/paths/x"
    asker.arm("PUT", "/data/d/versions/1", {"properties": {"dataType": "uri_file", "dataUri": uri}})
    asker.arm("PUT", "/models/m/versions/1", {"properties": {"modelUri": uri}})
    upload = asker.arm("POST", "/codes/c/versions/1/startPendingUpload", {})
    asker.arm("PUT", "/codes/c/versions/1", {"properties": {"codeUri": "https://x"}})
    place = "/".join(asker.state.arm_ids.workspace_id.split("/")[:3])
    place += "/providers/Microsoft.MachineLearningServices/locations/drydock"
    run = asker.history("GET", "/runs/job1")
    return {
        (ARM, "Workspace"): asker.arm("GET", "").body,
        (ARM, "JobBase"): made.body,
        (ARM, "EnvironmentVersion"): asker.arm("GET", "/environments/arima/versions/1").body,
        (ARM, "EnvironmentContainer"): asker.arm("GET", "/environments/arima").body,
        (ARM, "ComputeResource"): asker.arm("GET", "/computes/cpu").body,
        (ARM, "Datastore"): asker.arm("GET", "/datastores/workspaceblobstore").body,
        (ARM, "DataVersionBase"): asker.arm("GET", "/data/d/versions/1").body,
        (ARM, "DataContainer"): asker.arm("GET", "/data/d").body,
        (ARM, "ModelVersion"): asker.arm("GET", "/models/m/versions/1").body,
        (ARM, "ModelContainer"): asker.arm("GET", "/models/m").body,
        (ARM, "CodeVersion"): asker.arm("GET", "/codes/c/versions/1").body,
        (ARM, "PendingUploadResponseDto"): upload.body,
        (ARM, "DatastoreSecrets"): asker.arm(
            "POST", "/datastores/workspaceblobstore/listSecrets", {}
        ).body,
        (ARM, "Usage"): asker.ask("GET", f"{place}/usages").body["value"][0],
        (ARM, "VirtualMachineSize"): asker.ask("GET", f"{place}/vmSizes").body["value"][0],
        (HISTORY, "Run"): run.body,
        (HISTORY, "RunDetails"): asker.history("GET", "/runs/job1/details").body,
        (HISTORY, "BatchArtifactContentInformationResult"): asker.history(
            "POST",
            "/experiments/Default/runs/job1/artifacts/batch/metadata",
            {"paths": [{"path": "pred.png"}]},
        ).body,
        (HISTORY, "GetRunDataResult"): asker.history("POST", "/rundata", {"runId": "job1"}).body,
        (DATA, "BatchDataUriResponse"): asker.ask(
            "POST",
            f"/data/v1.0{asker.state.arm_ids.workspace_id}/dataversion/batchGetResolvedUris",
            {"values": [run.body["outputs"]["output"]["assetId"]]},
        ).body,
    }


@pytest.mark.e2e
def test_each_answer_has_the_fields_and_types_of_its_model(
    contract: Contract, asker: Asker
) -> None:
    for (section, model), body in answers(asker).items():
        faults = set(contract.faults(section, model, body)) - RECORDED_BESIDE
        assert not faults, model


@pytest.mark.e2e
def test_a_failed_run_has_the_fields_and_types_of_its_model(
    contract: Contract, asker: Asker
) -> None:
    with_a_job(asker, "exit 3")
    assert end_of(asker) == "Failed"
    body = asker.history("GET", "/runs/job1/details").body
    assert "status code 3" in body["error"]["error"]["message"]
    assert not list(contract.faults(HISTORY, "RunDetails", body))


@pytest.mark.e2e
def test_no_recorded_field_is_missing_from_an_answer(asker: Asker) -> None:
    found = answers(asker)
    recorded = read_recorded()
    assert len(recorded) == 5
    for model, fields in recorded.items():
        missing = set(lacking(fields, found[ARM, model])) - OF_THEIR_CASE
        assert not missing, model


# Names that are the recorded case's own: an input's, a property that the client had sent.
OF_THEIR_CASE = {
    "/properties/inputs/testdataset",
    "/properties/properties/hash_sha256",
    "/properties/properties/hash_version",
}
