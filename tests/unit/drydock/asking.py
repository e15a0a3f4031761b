"""Asking a drydock without the SDK, to see its answers as they are."""

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from drydock.authority import ca_bundle
from tests.samples import PATIENCE_S
from tests.unit.drydock.harbour import Harbour


def client_context(state: Path) -> ssl.SSLContext:
    """Return a context that trusts drydock's authority and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_bundle(state))
    return context


API = "2023-04-01-preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A status, headers and a body."""

    status: int
    headers: dict[str, str]
    body: Any


class Asker:
    """Asks one drydock; `login` gets a token, as the identity of the rehearsal."""

    def __init__(self, harbour: Harbour) -> None:
        self.harbour = harbour
        self.state = harbour.rehearsal.workspace_state
        self.port = harbour.rehearsal.addresses.port_of("management_url")
        self._context = client_context(harbour.rehearsal.state)
        self.token = ""
        self.is_without_version = False

    def login(self) -> "Asker":
        workspace = self.state.workspace
        form = {
            "grant_type": "client_credentials",
            "client_id": workspace.client,
            "client_secret": workspace.client_secret,
            "scope": f"{self.state.address}/.default",
        }
        found = self.ask("POST", f"/{workspace.tenant}/oauth2/v2.0/token", urlencode(form))
        self.token = found.body["access_token"]
        return self

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Asked:
        if path.startswith("/subscriptions/") and not self.is_without_version:
            has_query, has_version = "?" in path, "api-version=" in path
            path += "" if has_version else f"{'&' if has_query else '?'}api-version={API}"
        content = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        login = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=self._context, timeout=PATIENCE_S
        )
        try:
            connection.request(method, path, content, {**login, **headers})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        return Asked(
            status=answer.status,
            headers=dict(answer.headers.items()),
            body=json.loads(text) if text else None,
        )

    def arm(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> Asked:
        """Ask for something inside the workspace."""
        return self.ask(method, f"{self.state.arm_ids.workspace_id}{path}", body, headers)

    def history(self, method: str, path: str, body: Any = None) -> Asked:
        """Ask the run history."""
        return self.ask(method, f"/history/v1.0{self.state.arm_ids.workspace_id}{path}", body)


IMAGE = "127.0.0.1:1/hakobune/arima@sha256:" + "1" * 64


def with_a_job(
    asker: Asker, line: str = "exit 0", name: str = "job1", *, api: str = "", **changes: Any
) -> Asked:
    """Register an environment and a cluster, and put a job on it, with these properties."""
    ids = asker.state.arm_ids
    asker.arm("PUT", "/environments/arima/versions/1", {"properties": {"image": IMAGE}})
    asker.arm(
        "PUT",
        "/computes/cpu",
        {
            "properties": {
                "computeType": "AmlCompute",
                "properties": {
                    "vmSize": "STANDARD_D2S_V3",
                    "scaleSettings": {"maxNodeCount": 1, "minNodeCount": 0},
                },
            }
        },
    )
    uri = "azureml://datastores/workspaceblobstore/paths/LocalUpload/1/series.csv"
    return asker.arm(
        "PUT",
        f"/jobs/{name}" + (f"?api-version={api}" if api else ""),
        {
            "properties": {
                "jobType": "Command",
                "command": line,
                "computeId": ids.id_of("computes", "cpu"),
                "environmentId": ids.id_of("environments", "arima", "versions", "1"),
                "identity": {"identityType": "AMLToken"},
                "inputs": {"input": {"jobInputType": "uri_file", "uri": uri, "mode": "Download"}},
                "outputs": {"output": {"jobOutputType": "uri_folder"}},
                **changes,
            }
        },
    )


def end_of(asker: Asker, name: str = "job1") -> str:
    """Wait for a job's end and return its status."""
    for _ in range(200):
        job = asker.state.jobs.get(name)
        if job.is_over:
            return job.status
        asker.state.clock.sleep(0.05)
    raise TimeoutError(name)
