"""What the unmodified SDK asks, flow by flow, over TLS on loopback."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from hakobune.adapters.azure_ml import AzureWorkspace
from tests.samples import PATIENCE_S
from tests.unit.drydock.asking import Asker
from tests.unit.drydock.harbour import Harbour
from tests.unit.drydock.sdk_jobs import IMAGE, cluster, end_of, environment, job

if TYPE_CHECKING:
    from collections.abc import Callable

    from azure.ai.ml import MLClient

# The SDK uses what marshmallow will take away.
pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def test_the_client_finds_the_workspace(client: "MLClient", harbour: Harbour) -> None:
    found = client.workspaces.get(harbour.variables()["HAKOBUNE_WORKSPACE"])
    assert found.name == "rehearsal"
    assert found.location == "drydock"
    assert [one.name for one in client.workspaces.list()] == ["rehearsal"]


def test_an_environment_is_registered_by_digest_and_cannot_be_changed(client: "MLClient") -> None:
    from azure.core.exceptions import ResourceExistsError

    made = client.environments.create_or_update(environment())
    assert (made.name, made.version, made.image) == ("arima", "1", IMAGE)
    again = client.environments.create_or_update(environment())
    assert again.id == made.id
    with pytest.raises(ResourceExistsError, match="already registered and cannot be changed"):
        client.environments.create_or_update(environment(IMAGE.replace("1" * 64, "2" * 64)))
    assert client.environments.get("arima", "1").image == IMAGE
    assert client.environments.get("arima", label="latest").version == "1"
    assert [one.name for one in client.environments.list()] == ["arima"]


def test_an_environment_without_a_version_gets_the_next_one(client: "MLClient") -> None:
    from azure.ai.ml.entities import Environment

    client.environments.create_or_update(Environment(name="arima", image=IMAGE))
    other = IMAGE.replace("1" * 64, "2" * 64)
    made = client.environments.create_or_update(Environment(name="arima", image=other))
    assert made.version == "2"


def test_a_job_s_page_is_on_this_machine(client: "MLClient", harbour: Harbour) -> None:
    made = client.jobs.create_or_update(job(client))
    assert made.studio_url.startswith(f"{harbour.rehearsal.addresses.page_url}/jobs/{made.name}?")
    # Each address opens the page once, so each answer has another.
    assert client.jobs.get(made.name).studio_url != made.studio_url


def test_a_cluster_is_made_and_found_again(client: "MLClient") -> None:
    made = cluster(client, tier="low_priority")
    assert (made.name, made.size, made.provisioning_state) == (
        "cpu",
        "STANDARD_D2S_V3",
        "Succeeded",
    )
    found = client.compute.get("cpu")
    assert (found.tier, found.min_instances, found.max_instances) == ("low_priority", 0, 1)
    assert [one.name for one in client.compute.list()] == ["cpu"]
    sizes = {one.name: one for one in client.compute.list_sizes()}
    assert vars(sizes["Standard_E64s_v3"])["memoryGB"] == 432
    assert sizes["Standard_NC24s_v3"].gpus == 4
    assert list(client.compute.list_nodes("cpu")) == []
    # The SDK puts the value where its own documented `current_value` is not.
    rows = [(one.name["value"], vars(one)["type"]) for one in client.compute.list_usage()]
    tiers = [kind.rsplit("/", 2)[1] for name, kind in rows if name == "standardDSv3Family"]
    assert tiers == ["dedicatedCores", "lowPriorityCores"]
    assert {"TotalDedicatedCores", "TotalLowPriorityCores"} <= {name for name, _ in rows}
    client.compute.begin_delete("cpu").result()
    assert list(client.compute.list()) == []


def test_a_cluster_beyond_the_quota_is_created_and_its_job_waits(
    client: "MLClient", harbour: Harbour
) -> None:
    faults = harbour.rehearsal.workspace_state.faults
    cluster(client, max_instances=100)
    wanted = job(client)
    faults.inject("quota-exceeded", route="job *", times=10_000)
    made = client.jobs.create_or_update(wanted)
    deadline = time.monotonic() + PATIENCE_S
    while (found := nodes(client)).allocation_state != "Resizing":
        assert time.monotonic() < deadline
    assert (found.current_node_count, found.target_node_count) == (0, 1)
    assert found.errors[0].error.code == "ClusterCoreQuotaReached"
    assert client.jobs.get(made.name).status == "Queued"
    faults.clear()
    assert end_of(client, made.name) == "Completed"
    assert nodes(client).errors is None


def nodes(client: "MLClient") -> Any:
    operation: Any = client.compute._operation
    names = (client.resource_group_name, client.workspace_name)
    return operation.get(*names, "cpu").properties.properties


def test_the_workspace_s_registry_has_drydock_s_address(
    client: "MLClient", harbour: Harbour
) -> None:
    from hakobune.adapters.azure_sdk import ask_arm

    found = client.workspaces.get("rehearsal").container_registry
    answer = ask_arm(client, str(found), "2023-07-01")
    assert answer["properties"]["loginServer"] == harbour.rehearsal.addresses.registry


def test_a_serverless_job_has_no_cluster(client: "MLClient") -> None:
    from azure.ai.ml.entities import QueueSettings

    wanted = job(client, compute=None, instance_type="Standard_D4s_v3")
    wanted.queue_settings = QueueSettings(job_tier="spot")
    made = client.jobs.create_or_update(wanted)
    assert made.compute in (None, "")
    assert end_of(client, made.name) == "Completed"


def test_a_job_runs_to_its_end_and_its_outputs_come_home(
    client: "MLClient", harbour: Harbour, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from azure.ai.ml import Input

    (tmp_path / "series.csv").write_text("date,value\n2024-01-01,1\n")
    made = client.jobs.create_or_update(
        job(client, "wait", inputs={"input": Input(type="uri_file", path=f"{tmp_path}/series.csv")})
    )
    assert made.status == "Starting"
    harbour.runner.released.set()
    client.jobs.stream(made.name)
    shown = capsys.readouterr().out
    assert made.name in shown
    assert end_of(client, made.name) == "Completed"
    (spec,) = harbour.runner.finished
    assert spec.image == IMAGE
    assert spec.environment["AZUREML_RUN_ID"] == made.name
    place = spec.inputs["input"]
    assert harbour.blobs.containers[place.container][place.path].startswith(b"date,value")
    client.jobs.download(made.name, download_path=tmp_path / "all", all=True)
    home = tmp_path / "all" / "named-outputs" / "output" / "model" / "a.txt"
    assert home.read_text() == f"output of {made.name}"
    log = tmp_path / "all" / "artifacts" / "user_logs" / "std_log.txt"
    assert "last line" in log.read_text()


def test_the_log_is_streamed_while_the_job_runs(
    client: "MLClient", harbour: Harbour, capsys: pytest.CaptureFixture[str]
) -> None:
    import threading

    made = client.jobs.create_or_update(job(client, "wait"))
    threading.Timer(2.5, harbour.runner.released.set).start()
    client.jobs.stream(made.name)
    assert "second line" in capsys.readouterr().out


def test_code_is_uploaded_once(client: "MLClient", harbour: Harbour, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text("print(1)\n")
    first = client.jobs.create_or_update(job(client, code=str(tmp_path / "src")))
    second = client.jobs.create_or_update(job(client, code=str(tmp_path / "src")))
    assert first.name != second.name
    assert first.code == second.code
    assert end_of(client, first.name) == "Completed"
    place = harbour.runner.finished[0].code
    assert place is not None
    assert f"{place.path}/train.py" in harbour.blobs.containers[place.container]
    uploads = [line for line in harbour.blobs.asked if line.endswith("/src/train.py")]
    assert len([line for line in uploads if line.startswith("PUT")]) == 2  # content and metadata


def test_data_and_models_are_registered_and_come_back(client: "MLClient", tmp_path: Path) -> None:
    from azure.ai.ml.entities import Data, Model

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "arima.json").write_text("{}")
    data = client.data.create_or_update(
        Data(name="series", version="7", path=str(tmp_path / "model"), type="uri_folder")
    )
    assert client.data.get("series", "7").path == data.path
    made = client.models.create_or_update(
        Model(name="arima", path=str(tmp_path / "model"), tags={"rmse": "1.5"})
    )
    assert made.version == "1"
    assert client.models.get("arima", "1").tags == {"rmse": "1.5"}
    assert [one.version for one in client.models.list("arima")] == ["1"]
    client.models.download("arima", "1", download_path=tmp_path / "back")
    assert (tmp_path / "back" / "arima" / "model" / "arima.json").read_text() == "{}"


def test_a_list_of_many_has_pages_and_each_client_reads_them_all(
    client: "MLClient", cloud: AzureWorkspace, harbour: Harbour
) -> None:
    count = 45
    for number in range(1, count + 1):
        given = {"modelUri": f"azureml://{number}", "tags": {"plan": str(number)}}
        harbour.rehearsal.workspace_state.models.put("arima", str(number), given)
    first = Asker(harbour).login().arm("GET", "/models/arima/versions").body
    assert len(first["value"]) < count
    assert first["nextLink"]
    versions = [one.version for one in client.models.list("arima")]
    assert versions == [str(number) for number in range(count, 0, -1)]
    assert cloud.model_version("arima", ("plan", "1")) == "1"


def test_a_model_is_registered_from_a_job_s_output(client: "MLClient", tmp_path: Path) -> None:
    from azure.ai.ml.entities import Model

    made = client.jobs.create_or_update(job(client))
    assert end_of(client, made.name) == "Completed"
    path = f"azureml://jobs/{made.name}/outputs/output/paths/model/"
    client.models.create_or_update(Model(name="arima", version="1", path=path))
    client.models.download("arima", "1", download_path=tmp_path / "back")
    (home,) = [found for found in (tmp_path / "back").rglob("*") if found.is_file()]
    assert home.read_text() == f"output of {made.name}"


def test_a_data_asset_is_a_job_s_input(
    client: "MLClient", harbour: Harbour, tmp_path: Path
) -> None:
    from azure.ai.ml import Input
    from azure.ai.ml.entities import Data

    (tmp_path / "series.csv").write_text("1\n")
    client.data.create_or_update(
        Data(name="series", version="7", path=str(tmp_path / "series.csv"), type="uri_file")
    )
    made = client.jobs.create_or_update(
        job(client, inputs={"input": Input(type="uri_file", path="azureml:series:7")})
    )
    assert end_of(client, made.name) == "Completed"
    assert harbour.runner.finished[0].inputs["input"].path.endswith("/series.csv")


def test_a_cancelled_job_ends_as_canceled(client: "MLClient", harbour: Harbour) -> None:
    made = client.jobs.create_or_update(job(client, "wait"))
    client.jobs.begin_cancel(made.name).result()
    # The operation is over when the job is.
    assert harbour.rehearsal.workspace_state.jobs.get(made.name).status == "Canceled"
    assert [one.name for one in client.jobs.list()] == [made.name]


def test_a_job_is_archived_and_restored(client: "MLClient") -> None:
    made = client.jobs.create_or_update(job(client))
    assert end_of(client, made.name) == "Completed"
    client.jobs.archive(made.name)
    assert list(client.jobs.list()) == []
    client.jobs.restore(made.name)
    assert [one.name for one in client.jobs.list()] == [made.name]


def test_a_failed_job_says_why(client: "MLClient") -> None:
    from azure.ai.ml.exceptions import JobException

    made = client.jobs.create_or_update(job(client, "exit 41"))
    assert end_of(client, made.name) == "Failed"
    with pytest.raises(JobException, match="status code 41"):
        client.jobs.stream(made.name)


def test_a_job_on_an_unknown_cluster_is_refused(client: "MLClient") -> None:
    from azure.core.exceptions import HttpResponseError

    with pytest.raises(HttpResponseError, match="Unknown compute target 'nowhere'"):
        client.jobs.create_or_update(job(client, compute="nowhere"))


def test_what_is_not_there_is_not_found(client: "MLClient") -> None:
    from azure.core.exceptions import ResourceNotFoundError

    asked: list[Callable[[], object]] = [
        lambda: client.jobs.get("nobody"),
        lambda: client.compute.get("nobody"),
        lambda: client.environments.get("nobody", "1"),
        lambda: client.models.get("nobody", "1"),
        lambda: client.data.get("nobody", "1"),
        lambda: client.workspaces.get("nobody"),
    ]
    for ask in asked:
        with pytest.raises(ResourceNotFoundError):
            ask()


def test_what_drydock_does_not_serve_is_refused_by_name(client: "MLClient") -> None:
    from azure.core.exceptions import HttpResponseError

    with pytest.raises(HttpResponseError, match="online endpoints") as e:
        list(client.online_endpoints.list())
    assert e.value.status_code == 501
