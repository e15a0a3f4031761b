"""Nothing gets past drydock: not without a token, not to another host, not when it is down."""

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from drydock.authority import server_context
from drydock.server import ManagementServer
from hakobune.adapters.rehearsal import require_running
from hakobune.errors import CloudUnknownError
from hakobune.model.destination import Rehearsal
from hakobune.settings import read_destination
from tests.samples import PATIENCE_S
from tests.unit.drydock.asking import Asker
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.harbour import Harbour, launch

pytestmark = pytest.mark.e2e
SOURCE = Path(__file__).parents[3] / "src"


def through_the_proxy(harbour: Harbour, line: str) -> str:
    """Return the proxy's first answer to a request."""
    port = harbour.rehearsal.addresses.port_of("proxy")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\n\r\n".encode())
        return connection.recv(4096).decode().split("\r\n")[0]


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT management.azure.com:443",
        "CONNECT login.microsoftonline.com:80",
        "CONNECT westus2-0.in.applicationinsights.azure.com:443",
        "CONNECT drydock.blob.core.drydock.test.evil.example:443",
        "CONNECT 127.0.0.1:22",
        "GET http://elsewhere.example/",
        "nonsense",
    ],
)
def test_the_proxy_refuses_what_is_not_drydock_s(harbour: Harbour, line: str) -> None:
    assert " 403 " in through_the_proxy(harbour, line)


def test_the_proxy_leads_the_store_and_the_login_to_drydock(harbour: Harbour) -> None:
    for host in ("drydock.blob.core.drydock.test", "login.microsoftonline.com"):
        assert " 200 " in through_the_proxy(harbour, f"CONNECT {host}:443")


def test_every_route_behind_the_login_wants_a_token(harbour: Harbour) -> None:
    asker = Asker(harbour)
    for path in ("", "/jobs", "/datastores/workspaceartifactstore", "/onlineEndpoints"):
        found = asker.arm("GET", path)
        assert (found.status, found.body["error"]["code"]) == (401, "AuthenticationFailed")
    asker.token = ".".join(["e30"] * 3)
    assert asker.arm("GET", "").body["error"]["code"] == "InvalidAuthenticationToken"


def test_a_token_of_one_rehearsal_opens_no_other(
    harbour: Harbour, tmp_path: Path, blobs: BlobsInMemory
) -> None:
    other = launch(tmp_path / "other", blobs)
    try:
        asker = Asker(other)
        asker.token = Asker(harbour).login().token
        assert asker.arm("GET", "").status == 401
    finally:
        other.rehearsal.stop()


def test_another_subscription_group_or_workspace_is_not_found(harbour: Harbour) -> None:
    asker = Asker(harbour).login()
    ids = harbour.rehearsal.workspace_state.arm_ids
    for part, code in (
        (ids.subscription, "SubscriptionNotFound"),
        (f"/{ids.group}/", "ResourceGroupNotFound"),
        (ids.workspace, "ResourceNotFound"),
    ):
        path = ids.workspace_id.replace(part, part.replace(part.strip("/"), "other"))
        found = asker.ask("GET", path)
        assert (found.status, found.body["error"]["code"]) == (404, code)


def test_what_is_in_no_row_of_the_table_is_refused(harbour: Harbour) -> None:
    found = Asker(harbour).login().ask("GET", "/something/else")
    assert found.status == 501
    assert "(unknown)" in found.body["error"]["message"]


def test_without_drydock_the_sdk_stops_and_does_not_turn_to_azure(harbour: Harbour) -> None:
    found = harbour.variables()
    harbour.rehearsal._undo.close()
    code = (
        "import warnings; warnings.simplefilter('ignore')\n"
        "from azure.ai.ml import MLClient\n"
        "from azure.identity import DefaultAzureCredential\n"
        "print(MLClient(DefaultAzureCredential(), 's', 'r', 'w')._base_url)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **found},
        check=False,
    )
    assert done.returncode != 0
    assert 'Unknown cloud environment "DrydockCloud"' in done.stderr
    assert "management.azure.com" not in done.stdout


def test_the_variables_hold_no_address_beyond_this_machine(harbour: Harbour) -> None:
    for name, value in harbour.variables().items():
        if "://" in value:
            assert value.split("://")[1].startswith("127.0.0.1:"), name


def rehearsal_of(harbour: Harbour, **other: str) -> Rehearsal:
    """Return what hakobune makes of the variables."""
    found = read_destination({}, Path("/"), {**harbour.variables(), **other}).rehearsal
    assert found is not None
    return found


def test_hakobune_s_rehearsal_is_the_drydock_that_gave_the_variables(harbour: Harbour) -> None:
    require_running(rehearsal_of(harbour))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AZUREML_CURRENT_CLOUD", "AzureCloud"),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com"),
        ("HAKOBUNE_REGISTRY", "mine.azurecr.io"),
        ("https_proxy", "http://proxy.example:3128"),
        ("NO_PROXY", "*"),
    ],
)
def test_hakobune_refuses_a_variable_that_leads_elsewhere(
    harbour: Harbour, name: str, value: str
) -> None:
    with pytest.raises(CloudUnknownError, match=name):
        require_running(rehearsal_of(harbour, **{name: value}))


def test_hakobune_refuses_whoever_has_a_dead_drydock_s_port(
    harbour: Harbour, tmp_path: Path, blobs: BlobsInMemory
) -> None:
    found = rehearsal_of(harbour)
    port = harbour.rehearsal.addresses.port_of("management_url")
    harbour.rehearsal._undo.close()
    with pytest.raises(CloudUnknownError, match="cannot reach drydock"):
        require_running(found)
    other = launch(tmp_path / "other", blobs)
    try:
        taking = ManagementServer(port, server_context(tmp_path / "other"))
        taking.run_in_background()
        with pytest.raises(
            CloudUnknownError, match=r"cannot reach drydock .* CERTIFICATE_VERIFY_FAILED"
        ):
            require_running(found)
        taking.close()
        # Another drydock that is there and answers, with the first one's authority trusted or not.
        elsewhere = dataclasses.replace(found, address=other.rehearsal.addresses.management_url)
        with pytest.raises(CloudUnknownError, match="cannot reach drydock"):
            require_running(elsewhere)
        trusted = Path(other.variables()["REQUESTS_CA_BUNDLE"])
        with pytest.raises(CloudUnknownError, match="ARM_CLOUD_METADATA_URL"):
            require_running(dataclasses.replace(elsewhere, ca_bundle=trusted))
    finally:
        other.rehearsal.stop()
