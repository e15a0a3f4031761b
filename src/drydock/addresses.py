"""The addresses of a drydock: kept in `state.json`, and given to programs as variables."""

import os
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from drydock.errors import NotRunningError, StateDamagedError
from drydock.files import read_json, write_json
from drydock.state.workspace import GROUP, WORKSPACE, Workspace

FILE = "state.json"
SCHEMA_VERSION = 1
CLOUD = "DrydockCloud"
METADATA_VERSION = "2019-05-01"
REHEARSAL = "HAKOBUNE_REHEARSAL"
# Printed for a shell's `eval` if there are no variables: the next command fails, and hakobune
# refuses Azure from then on. An empty text would leave both as they were.
NO_VARIABLES = f"export {REHEARSAL}=1\nfalse\n"
_NO_PROXY = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The ports and processes of a drydock; `pid` is None once it was stopped."""

    schema_version: int = SCHEMA_VERSION
    pid: int | None
    management_url: str
    page_url: str = ""
    registry: str
    blob_endpoint: str
    blob_host: str
    gateway: str
    proxy: str
    ca_bundle: str
    container_ids: tuple[str, ...]
    started: str

    def port_of(self, name: str) -> int:
        """Return the port of one of the addresses; 0 if an older drydock wrote none."""
        return int(str(getattr(self, name)).rpartition(":")[2] or 0)


def write_addresses(state: Path, addresses: Addresses) -> None:
    """Write down where drydock answers."""
    write_json(state / FILE, asdict(addresses))


def read_addresses(state: Path) -> Addresses | None:
    """Return where drydock answers, or last answered; None if it never ran."""
    content = read_json(state / FILE)
    if content is None:
        return None
    try:
        found = Addresses(**content)
    except TypeError as exc:
        raise StateDamagedError(
            f"not a file that drydock wrote ({exc})",
            remedy="remove the state folder and start again",
            place=str(state / FILE),
        ) from exc
    return replace(found, container_ids=tuple(found.container_ids))


def note_stopped(state: Path) -> None:
    """Write down that drydock was stopped."""
    found = read_addresses(state)
    if found is not None:
        write_addresses(state, replace(found, pid=None, container_ids=()))


def variables(workspace: Workspace, addresses: Addresses) -> dict[str, str]:
    """Return the environment variables that direct a program to drydock and to nothing else.

    `HAKOBUNE_REHEARSAL` comes first: if the list is cut off, hakobune notices the missing rest.
    """
    return {
        REHEARSAL: "1",
        **endpoints(addresses),
        "AZURE_TENANT_ID": workspace.tenant,
        "AZURE_CLIENT_ID": workspace.client,
        "AZURE_CLIENT_SECRET": workspace.client_secret,
        "CURL_CA_BUNDLE": addresses.ca_bundle,
        "AZUREML_RUN_POLLING_INTERVAL_MIN": "1",
        "AZUREML_RUN_POLLING_INTERVAL_MAX": "2",
        "HAKOBUNE_SUBSCRIPTION": workspace.subscription,
        "HAKOBUNE_RESOURCE_GROUP": GROUP,
        "HAKOBUNE_WORKSPACE": WORKSPACE,
    }


def endpoints(addresses: Addresses) -> dict[str, str]:
    """Return the variables with addresses; drydock gives them to any client.

    Both cloud variables are set: with one alone the SDK falls back to Azure when drydock is down.
    The proxy is set in both spellings, because programs differ in which they read.
    """
    proxy = f"http://{addresses.proxy}"
    address = addresses.management_url
    return {
        "AZUREML_CURRENT_CLOUD": CLOUD,
        "ARM_CLOUD_METADATA_URL": f"{address}/metadata/endpoints?api-version={METADATA_VERSION}",
        "AZURE_AUTHORITY_HOST": address,
        "REQUESTS_CA_BUNDLE": addresses.ca_bundle,
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "HTTP_PROXY": proxy,
        "http_proxy": proxy,
        "ALL_PROXY": proxy,
        "all_proxy": proxy,
        "NO_PROXY": _NO_PROXY,
        "no_proxy": _NO_PROXY,
        "HAKOBUNE_REGISTRY": addresses.registry,
    }


def shell_lines(found: dict[str, str]) -> str:
    """Return the variables as shell commands."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in found.items())


def running(state: Path) -> Addresses:
    """Return where the running drydock answers."""
    found = read_addresses(state)
    if found is None or not is_alive(found.pid):
        raise NotRunningError(
            f"no drydock is running with the state folder {state}",
            remedy="python -m drydock start",
        )
    return found


def is_alive(pid: int | None) -> bool:
    """Return whether the process exists and is a drydock: the system reuses process numbers."""
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # it belongs to another user
    processes = Path("/proc")
    if not (processes / "self").exists():  # a system without /proc: trust the number
        return True
    try:
        words = (processes / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"drydock" in words


def summary(addresses: Addresses) -> list[tuple[str, str]]:
    """Return the addresses of a running drydock for display."""
    rows: dict[str, Any] = {
        "management": addresses.management_url,
        "pages": addresses.page_url,
        "registry": addresses.registry,
        "blobs": f"https://{addresses.blob_host}",
        "proxy": addresses.proxy,
        "process": addresses.pid,
    }
    return [(name, str(value)) for name, value in rows.items()]
