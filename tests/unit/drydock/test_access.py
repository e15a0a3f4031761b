"""Roles, storage account and registry as ARM answers, and what `doctor --cloud` makes of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.adapters.patience import Patience, SystemClock
from hakobune.errors import PermissionMissingError
from hakobune.model.finding import Finding
from hakobune.model.job import ComputePlan, EnvironmentPlan
from hakobune.stages.doctor_cloud import examine_cloud
from tests.samples import FakeReporter, FakeRunner, on
from tests.unit.drydock.asking import IMAGE, Asker, with_a_job
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.harbour import Harbour, launch
from tests.unit.drydock.sdk_jobs import plan

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
ROLES = "/providers/Microsoft.Authorization"


@pytest.fixture(params=[False, True], ids=["plain", "keyless"])
def harbour(
    tmp_path: Path, blobs: BlobsInMemory, request: pytest.FixtureRequest
) -> Iterator[Harbour]:
    found = launch(tmp_path / "state", blobs, is_keyless=request.param)
    yield found
    found.rehearsal.stop()


def examined(cloud: AzureWorkspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    """Ask everything but the registry itself, which only a whole rehearsal has."""
    monkeypatch.setattr("hakobune.adapters.registry.require_writable", lambda _: True)
    found = examine_cloud(
        lambda: cloud,
        FakeRunner([on("imagetools", exit_code=1, stderr="ERROR: hakobune-doctor: not found")]),
        Patience(clock=SystemClock(), reporter=FakeReporter(), pauses_s=()),
        registry_name="",
        compute="cpu-cluster",
    )
    return {one.step: one for one in found}


def test_a_cluster_with_its_roles_leaves_nothing_to_say_and_each_fault_is_named(
    cloud: AzureWorkspace, harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.create_compute(ComputePlan(name="cpu-cluster"))
    assert {one.state for one in examined(cloud, monkeypatch).values()} == {"ok"}
    faults = harbour.rehearsal.workspace_state.faults
    by_identity = "has not the role" if cloud.is_keyless() else "identity"  # or by keys and a user
    abac = "Repository Reader" if cloud.is_keyless() else "identity"
    for kind, route, step, says in (
        ("role-missing", "permissions_list", "roles", "jobs/write"),
        ("role-missing", "role_assignments_list", "compute", by_identity),
        ("registry-abac", "container_registries_get", "push", "in ABAC mode"),
        ("registry-abac", "container_registries_get", "compute", abac),
        ("storage-firewall", "storage_accounts_get", "storage", "chosen networks"),
        ("storage-firewall", "storage_accounts_get", "compute", "in no subnet"),
        ("storage-firewall", "blob GET", "storage", "firewall"),
        ("no-permission", "permissions_list", "roles", "cannot be read"),
        ("no-permission", "workspaces_get", "cloud", "permission"),
        ("no-permission", "compute_get", "compute", "permission"),
        ("no-permission", "storage_accounts_get", "storage", "not known"),
        ("no-permission", "container_registries_get", "push", "registry is not known"),
        ("500", "permissions_list", "roles", "500"),
        ("expired-token", "permissions_list", "roles", ""),
    ):
        faults.inject(kind, route=route, times=9)
        fresh = AzureWorkspace(
            cloud._to,
            cloud._patience,
            connect=cloud._connect,
        )
        found = examined(fresh, monkeypatch)[step]
        faults.clear()
        assert says in found.what, (kind, route, found)
        assert found.state == "ok" or found.remedy, (kind, route, found)
        assert "defect" not in found.remedy, (kind, route, found)
    assert {one.state for one in examined(cloud, monkeypatch).values()} == {"ok"}


def test_a_reader_changes_nothing_and_each_refusal_names_the_operation_and_the_role(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path
) -> None:
    with_a_job(Asker(harbour).login())
    cloud.job("job1")  # the login and the workspace are known before
    state = harbour.rehearsal.workspace_state
    environment = EnvironmentPlan(name="demo", version="1", image=IMAGE, tags=())
    state.faults.inject("role-missing", times=999)
    (tmp_path / "model").write_bytes(b"1")
    for action, change in (
        ("environments/versions/write", lambda: cloud.create_environment(environment)),
        ("computes/write", lambda: cloud.create_compute(ComputePlan(name="another"))),
        ("jobs/write", lambda: cloud.create_job(plan(), root=tmp_path)),
        ("jobs/cancel/action", lambda: cloud.cancel_job("job1")),
        ("listSecrets/action", cloud.read_storage),
    ):
        if action.startswith("listSecrets") and cloud.is_keyless():
            continue  # there the datastore has no secret, and the storage asks for a role
        with pytest.raises(PermissionMissingError) as caught:
            change()
        assert f"{action}'" in caught.value.what
        assert "AzureML Data Scientist" in caught.value.remedy
    assert [one.name for one in state.environments.all()] == ["arima"]
    assert [one.name for one in state.computes.all()] == ["cpu"]
    assert [one.name for one in state.jobs.all()] == ["job1"]


def test_the_roles_of_a_new_cluster_are_those_of_its_registry_s_mode(
    cloud: AzureWorkspace, harbour: Harbour
) -> None:
    faults = harbour.rehearsal.workspace_state.faults
    for kind, role in (
        ("registry-abac", "Container Registry Repository Reader"),
        ("no-permission", "AcrPull"),  # not known: the one without ABAC
    ):
        faults.inject(kind, route="container_registries_get")
        assert [name for name, _ in cloud.needed_roles()][1] == role
    assert [name for name, _ in cloud.needed_roles()][1] == "AcrPull"


def test_a_cluster_without_identity_reaches_no_keyless_workspace(
    cloud: AzureWorkspace, harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    properties = {"vmSize": "STANDARD_D2S_V3", "scaleSettings": {"maxNodeCount": 1}}
    body = {"properties": {"computeType": "AmlCompute", "properties": properties}}
    assert Asker(harbour).login().arm("PUT", "/computes/cpu-cluster", body).status == 201
    found = examined(cloud, monkeypatch)["compute"]
    if cloud.is_keyless():
        assert found.state == "no"
        assert "--identity-type SystemAssigned" in found.remedy
    else:  # keys open the storage, and the registry's user the registry
        assert (found.state, "no identity" in found.what) == ("ok", True)


def test_permissions_are_lists_of_operations_and_a_filter_is_read(harbour: Harbour) -> None:
    asker = Asker(harbour).login()
    allowed = asker.arm("GET", f"{ROLES}/permissions")
    fields = {"actions", "notActions", "dataActions", "notDataActions"}
    assert [set(one) for one in allowed.body["value"]] == [fields, fields]
    refused = asker.arm("GET", f"{ROLES}/roleAssignments?$filter=everything")
    assert (refused.status, refused.body["error"]["code"]) == (400, "UserError")
    nobody = "00000000-0000-0000-0000-000000000000"
    assert asker.arm(
        "GET", f"{ROLES}/roleAssignments?$filter=principalId%20eq%20{nobody}"
    ).body == {"value": []}
    group = asker.state.arm_ids.workspace_id.partition("/providers")[0]
    for other in ("Microsoft.Storage/storageAccounts", "Microsoft.ContainerRegistry/registries"):
        answer = asker.ask("GET", f"{group}/providers/{other}/another{ROLES}/permissions")
        assert (answer.status, answer.body["error"]["code"]) == (404, "ResourceNotFound")
