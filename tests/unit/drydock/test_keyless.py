"""A workspace whose storage allows no account keys; its clients are the SDK and hakobune."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drydock.state.logins import issue_token
from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.adapters.patience import SystemClock
from hakobune.errors import StorageFirewallError, StorageRoleMissingError
from hakobune.model.job import ComputePlan, EnvironmentPlan, JobInput
from hakobune.stages.inputs import look_at
from hakobune.stages.watch import watch
from tests.samples import FakeReporter
from tests.unit.drydock.asking import Asker
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.harbour import Harbour, launch, make_client
from tests.unit.drydock.sdk_jobs import IMAGE, cluster, end_of, job, plan

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.fixture
def harbour(tmp_path: Path, blobs: BlobsInMemory) -> Iterator[Harbour]:
    found = launch(tmp_path / "state", blobs, is_keyless=True)
    yield found
    found.rehearsal.stop()


def prepare(cloud: AzureWorkspace) -> None:
    cloud.create_environment(EnvironmentPlan(name="demo", version="1", image=IMAGE, tags=()))
    made = cloud.create_compute(ComputePlan(name="cpu-cluster"))
    assert made.identity == "system_assigned"
    assert made.principal.count("-") == 4


def local_input(path: Path) -> JobInput:
    seen = look_at(path)
    return JobInput(
        name="input",
        path=f"{path}/" if seen.is_folder else str(path),
        sha256=seen.sha256,
        size_bytes=seen.size_bytes,
        is_folder=seen.is_folder,
    )


def test_datastores_have_no_credentials_and_their_secrets_are_refused(harbour: Harbour) -> None:
    asker = Asker(harbour).login()
    for name in ("workspaceblobstore", "workspaceartifactstore"):
        found = asker.arm("GET", f"/datastores/{name}").body["properties"]
        assert found["credentials"] == {"credentialsType": "None"}
        refused = asker.arm("POST", f"/datastores/{name}/listSecrets", {})
        assert (refused.status, refused.body["error"]["code"]) == (400, "UserError")
    workspace = asker.arm("GET", "").body["properties"]
    assert workspace["systemDatastoresAuthMode"] == "Identity"


def test_the_account_s_key_opens_nothing(harbour: Harbour, client: "MLClient") -> None:
    from azure.core.exceptions import HttpResponseError
    from azure.storage.blob import ContainerClient

    del client
    account = harbour.rehearsal.workspace_state.blobs.account
    now = harbour.rehearsal.workspace_state.clock.now()
    plain = replace(account, is_keyless=False)
    for key in (plain.key, plain.signature(now, 1), plain.container_signature("azureml", now)):
        container = ContainerClient(f"https://{account.host}", "azureml", credential=key)
        with pytest.raises(HttpResponseError, match="KeyBasedAuthenticationNotPermitted"):
            list(container.list_blobs())
    delegated = account.container_signature("azureml", now)
    container = ContainerClient(f"https://{account.host}", "azureml", credential=delegated)
    assert list(container.list_blobs()) == []


def test_a_token_for_another_service_opens_no_blob(harbour: Harbour, client: "MLClient") -> None:
    from azure.core.credentials import AccessToken
    from azure.core.exceptions import ClientAuthenticationError
    from azure.storage.blob import ContainerClient

    del client
    state = harbour.rehearsal.workspace_state
    account, workspace = state.blobs.account, state.workspace

    class Login:
        def get_token(self, *_: str, **__: object) -> AccessToken:
            scope = "https://management.azure.com/.default"
            secret, now = workspace.client_secret, state.clock.now()
            token = issue_token(workspace, workspace.client, secret, scope, now)
            return AccessToken(token, int(now.timestamp()) + 3600)

    container = ContainerClient(f"https://{account.host}", "azureml", credential=Login())
    with pytest.raises(ClientAuthenticationError, match="Audience validation failed"):
        list(container.list_blobs())


def test_a_job_on_a_cluster_without_identity_fails_and_as_its_user_it_does_not(
    client: "MLClient", harbour: Harbour
) -> None:
    from azure.ai.ml import UserIdentityConfiguration

    made = client.jobs.create_or_update(job(client))
    assert end_of(client, made.name) == "Failed"
    said = harbour.rehearsal.workspace_state.jobs.get(made.name).error_message
    assert said == "Identity of the specified managed compute cpu is not found"
    as_user = job(client, identity=UserIdentityConfiguration())
    assert end_of(client, client.jobs.create_or_update(as_user).name) == "Completed"
    from azure.ai.ml.entities import IdentityConfiguration

    cluster(client, identity=IdentityConfiguration(type="system_assigned"))
    again = client.jobs.create_or_update(job_on(client))
    assert end_of(client, again.name) == "Completed"


def job_on(client: "MLClient") -> object:
    from azure.ai.ml import command

    del client
    return command(command="exit 0", environment="azureml:arima:1", compute="cpu")


def test_a_local_input_is_uploaded_by_the_login_once_and_whole(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path
) -> None:
    prepare(cloud)
    assert cloud.is_keyless()
    file = tmp_path / "$(id) a%20b.csv"
    file.write_text("date,value\n", encoding="utf-8")
    item = local_input(file)
    cloud.create_job(plan(item), root=tmp_path)
    (place,) = [spec.inputs["input"] for spec in harbour.runner.jobs.values()]
    assert place.path == f"hakobune/{item.sha256}/{file.name}"
    assert harbour.blobs.containers[place.container][place.path] == b"date,value\n"
    puts = [line for line in harbour.blobs.asked if line.startswith("PUT") and "hakobune/" in line]
    cloud.create_job(replace(plan(item), name="demo-2"), root=tmp_path)
    again = [line for line in harbour.blobs.asked if line.startswith("PUT") and "hakobune/" in line]
    assert again == puts


def test_a_folder_s_files_are_all_uploaded(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path
) -> None:
    prepare(cloud)
    folder = tmp_path / "data"
    (folder / "b").mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"1")
    (folder / "b" / ".gitignore").write_bytes(b"*")
    item = local_input(folder)
    cloud.create_job(plan(item), root=tmp_path)
    (place,) = [spec.inputs["input"] for spec in harbour.runner.jobs.values()]
    held = harbour.blobs.containers[place.container]
    assert place.path == f"hakobune/{item.sha256}/"
    assert {name for name in held if name.startswith(place.path)} == {
        f"{place.path}a.csv",
        f"{place.path}b/.gitignore",
    }


def test_outputs_and_log_come_by_the_login(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path
) -> None:
    prepare(cloud)
    cloud.create_job(plan(), root=tmp_path)
    shown: list[bytes] = []
    done = watch(cloud, "demo-1", FakeReporter(), SystemClock(), shown.append)
    assert b"last line" in b"".join(shown)
    (file,) = cloud.output_files(done, "output")
    cloud.fetch_file(file, tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "output of demo-1"
    assert harbour.blobs.asked


@pytest.mark.parametrize("line", ["exit 0", "exit 3"])
def test_a_log_that_the_storage_refuses_comes_from_run_history(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path, line: str
) -> None:
    prepare(cloud)
    cloud.create_job(plan(line=line), root=tmp_path)
    state = harbour.rehearsal.workspace_state
    assert end_of(make_client(harbour.variables()), "demo-1") in ("Completed", "Failed")
    # The listing is refused as long as it is asked for, and the signed address is not.
    state.faults.inject("no-permission", route="GET /azureml", times=100)
    whole, end = cloud.log("demo-1", 0)
    assert whole.endswith(b"last line\n")
    assert cloud.log("demo-1", end - 5) == (b"line\n", end)
    assert cloud.log("demo-1", end) == (b"", end)


def test_a_log_that_nobody_may_read_does_not_hide_how_the_job_ended(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path
) -> None:
    prepare(cloud)
    cloud.create_job(plan(), root=tmp_path)
    reporter = FakeReporter()
    harbour.rehearsal.workspace_state.faults.inject("no-permission", route="*azureml*", times=999)
    done = watch(cloud, "demo-1", reporter, SystemClock(), lambda _: None)
    assert done.status == "Completed"
    told = [text for text in reporter.said if text.startswith("the log is not shown: ")]
    assert len(told) == 1
    assert "Storage Blob Data" in told[0]


def test_each_refusal_of_the_storage_has_its_own_remedy(
    cloud: AzureWorkspace, harbour: Harbour, tmp_path: Path
) -> None:
    prepare(cloud)
    (tmp_path / "a.csv").write_bytes(b"1")
    item = local_input(tmp_path / "a.csv")
    for kind, error, remedy in (
        ("no-permission", StorageRoleMissingError, "Storage Blob Data Contributor"),
        ("storage-firewall", StorageFirewallError, "network"),
    ):
        harbour.rehearsal.workspace_state.faults.inject(kind, route="blob *", times=2)
        with pytest.raises(error) as caught:
            cloud.create_job(plan(item), root=tmp_path)
        assert remedy in caught.value.remedy
