"""Nothing gets past drydock: not without a token, not to another host, not when it is down."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.drydock.asking import Asker
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.conftest import Harbour, launch

pytestmark = pytest.mark.e2e
SOURCE = Path(__file__).parents[3] / "src"


def through_the_proxy(harbour: Harbour, line: str) -> str:
    """Return the proxy's first answer to a request."""
    port = harbour.rehearsal.addresses.port_of("proxy")
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
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
    scope = harbour.rehearsal.world.scope
    for part, code in (
        (scope.subscription, "SubscriptionNotFound"),
        (f"/{scope.group}/", "ResourceGroupNotFound"),
        (scope.workspace, "ResourceNotFound"),
    ):
        path = scope.workspace_id.replace(part, part.replace(part.strip("/"), "other"))
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
