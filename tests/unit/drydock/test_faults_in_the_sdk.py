"""How the unmodified SDK handles each fault: what it retries, and what it reports."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.errors import ServiceUnavailableError
from tests.unit.drydock.harbour import Harbour, make_client
from tests.unit.drydock.sdk_jobs import cluster, end_of, job

if TYPE_CHECKING:
    from azure.ai.ml import MLClient

pytestmark = [pytest.mark.e2e, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


@pytest.mark.parametrize("kind", ["429", "500"])
def test_the_sdk_outlasts_a_fault_of_the_management_plane(
    client: "MLClient", harbour: Harbour, kind: str
) -> None:
    faults = harbour.rehearsal.workspace_state.faults
    faults.inject(kind, route="workspaces_get")
    assert client.workspaces.get("rehearsal").name == "rehearsal"
    assert faults.due() == ()


def test_an_expired_secret_is_told_in_the_login_s_words(
    client: "MLClient", harbour: Harbour
) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    harbour.rehearsal.workspace_state.faults.inject("expired-secret", times=20)
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000222"):
        client.workspaces.get("rehearsal")


@pytest.mark.parametrize(
    ("kind", "code", "error"),
    [
        ("expired-assertion", "AADSTS700024", "AssertionExpiredError"),
        ("mfa-required", "AADSTS50076", "MfaRequiredError"),
        ("conditional-access", "AADSTS53003", "ConditionalAccessError"),
    ],
)
def test_each_refusal_of_a_login_has_its_code(
    client: "MLClient", harbour: Harbour, kind: str, code: str, error: str
) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    from hakobune.adapters.azure_errors import meaning

    harbour.rehearsal.workspace_state.faults.inject(kind, times=20)
    with pytest.raises(ClientAuthenticationError, match=code) as caught:
        client.workspaces.get("rehearsal")
    assert type(meaning(caught.value, "workspace")).__name__ == error


def test_a_wrong_tenant_is_told_in_the_login_s_words(
    client: "MLClient", harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    monkeypatch.setenv("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
    with pytest.raises(ClientAuthenticationError):
        make_client(harbour.variables()).workspaces.get("rehearsal")


def test_a_wrong_secret_is_told_in_the_login_s_words(
    client: "MLClient", harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.core.exceptions import ClientAuthenticationError

    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    with pytest.raises(ClientAuthenticationError, match="AADSTS7000215"):
        make_client(harbour.variables()).workspaces.get("rehearsal")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("expired-token", "ExpiredAuthenticationToken"),
        ("clock-skew", "clock is behind"),
        ("no-permission", "does not have authorization"),
    ],
)
def test_a_refused_identity_is_told_why(
    client: "MLClient", harbour: Harbour, kind: str, words: str
) -> None:
    from azure.core.exceptions import HttpResponseError

    harbour.rehearsal.workspace_state.faults.inject(kind, route="compute_get", times=5)
    with pytest.raises(HttpResponseError, match=words):
        client.compute.get("cpu")


def test_a_full_quota_shows_in_the_usage_and_creates_the_cluster(
    client: "MLClient", harbour: Harbour
) -> None:
    harbour.rehearsal.workspace_state.faults.inject("quota-exceeded")
    assert cluster(client).name == "cpu"
    for usage in client.compute.list_usage():
        assert vars(usage)["currentValue"] == vars(usage)["limit"]
    assert all(vars(one)["currentValue"] == 0 for one in client.compute.list_usage())


def test_a_dropped_upload_is_sent_again_and_arrives_whole(
    client: "MLClient", harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azure.ai.ml.entities import Data
    from azure.core.pipeline.transport import HttpTransport

    # The SDK's storage client tries again after 15 seconds; what it sends is the same at once.
    monkeypatch.setattr(HttpTransport, "sleep", lambda *_: None)
    content = b"a line of a series\n" * 10_000
    (tmp_path / "series.csv").write_bytes(content)
    harbour.rehearsal.workspace_state.faults.inject("dropped-upload", route="PUT */series.csv")
    client.data.create_or_update(
        Data(name="series", version="1", path=str(tmp_path / "series.csv"), type="uri_file")
    )
    assert harbour.rehearsal.workspace_state.faults.due() == ()
    held = [blob for blobs in harbour.blobs.containers.values() for blob in blobs.values()]
    assert held == [content]


def test_a_dropped_download_is_fetched_again_or_fails_aloud(
    client: "MLClient", harbour: Harbour, tmp_path: Path
) -> None:
    made = client.jobs.create_or_update(job(client))
    assert end_of(client, made.name) == "Completed"
    harbour.rehearsal.workspace_state.faults.inject("dropped-download", route="GET */a.txt")
    client.jobs.download(made.name, download_path=tmp_path, output_name="output")
    home = tmp_path / "named-outputs" / "output" / "model" / "a.txt"
    assert home.read_text() == f"output of {made.name}"
    assert harbour.rehearsal.workspace_state.faults.due() == ()


def test_an_expired_signature_is_told(client: "MLClient", harbour: Harbour, tmp_path: Path) -> None:
    from azure.ai.ml.exceptions import MlException

    made = client.jobs.create_or_update(job(client))
    assert end_of(client, made.name) == "Completed"
    harbour.rehearsal.workspace_state.faults.inject("expired-sas", route="GET */a.txt", times=10)
    with pytest.raises(MlException, match="signature has expired"):
        client.jobs.download(made.name, download_path=tmp_path, output_name="output")


@pytest.mark.parametrize("wait", ["99999999", "Fri, 31 Dec 2100 23:59:59 GMT"])
@pytest.mark.parametrize("route", ["login_token", "compute_get"])
def test_no_wait_that_the_service_asks_for_is_longer_than_hakobune_s_own(
    cloud: AzureWorkspace,
    harbour: Harbour,
    monkeypatch: pytest.MonkeyPatch,
    wait: str,
    route: str,
) -> None:
    plain = BaseHTTPRequestHandler.send_header

    def send(self: BaseHTTPRequestHandler, name: str, value: str) -> None:
        plain(self, name, wait if name == "Retry-After" else value)

    monkeypatch.setattr(BaseHTTPRequestHandler, "send_header", send)
    monkeypatch.setattr("hakobune.adapters.azure_sdk._LONGEST_SLEEP_S", 0.01)
    harbour.rehearsal.workspace_state.faults.inject("429", route=route, times=30)
    # As outside of tests: by the SDK as hakobune sets it up.
    mine = AzureWorkspace(cloud._to, cloud._patience)
    with pytest.raises(ServiceUnavailableError, match=r"429|TooManyRequests"):
        mine.compute("cpu")
