"""Where a drydock answers: written to `state.json`, and told to programs as variables."""

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
# What a shell takes in where there are no variables to give: its next command fails, and hakobune
# refuses Azure from there on, where an empty text would leave both as they were.
NO_VARIABLES = f"export {REHEARSAL}=1\nfalse\n"
_NO_PROXY = "127.0.0.1,localhost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """The ports and processes of a drydock. `pid` is None where it was stopped."""

    schema_version: int = SCHEMA_VERSION
    pid: int | None
    management_url: str
    registry: str
    blob_endpoint: str
    blob_host: str
    gateway: str
    proxy: str
    ca_bundle: str
    container_ids: tuple[str, ...]
    started: str

    def port_of(self, name: str) -> int:
        """Return the port of one of the addresses."""
        return int(str(getattr(self, name)).rsplit(":", 1)[1])


def write_addresses(state: Path, addresses: Addresses) -> None:
    """Note where drydock answers."""
    write_json(state / FILE, asdict(addresses))


def read_addresses(state: Path) -> Addresses | None:
    """Return where drydock answers, or answered the last time; None where it never ran."""
    content = read_json(state / FILE)
    if content is None:
        return None
    try:
        found = Addresses(**content)
    except TypeError as exc:
        raise StateDamagedError(
            f"{state / FILE}: {exc}", remedy="remove the state folder and start anew"
        ) from exc
    return replace(found, container_ids=tuple(found.container_ids))


def note_stopped(state: Path) -> None:
    """Note that nothing answers there now."""
    found = read_addresses(state)
    if found is not None:
        write_addresses(state, replace(found, pid=None, container_ids=()))


def variables(workspace: Workspace, addresses: Addresses) -> dict[str, str]:
    """Return the environment variables by which a program talks to drydock and to nothing else.

    `HAKOBUNE_REHEARSAL` comes first: of a list that was cut off, hakobune then misses the rest.
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
    """Return the variables that say where a program goes; drydock gives them to whoever asks.

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
    """Return the variables as lines for a shell."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in found.items())


def running(state: Path) -> Addresses:
    """Return where the running drydock answers."""
    found = read_addresses(state)
    if found is None or not is_alive(found.pid):
        raise NotRunningError(
            f"no drydock runs with the state folder {state}", remedy="python -m drydock start"
        )
    return found


def is_alive(pid: int | None) -> bool:
    """Tell whether the process is there and is a drydock: numbers are given anew."""
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # another user's, so not ours
    processes = Path("/proc")
    if not (processes / "self").exists():  # a system without /proc: trust the number
        return True
    try:
        words = (processes / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"drydock" in words


def summary(addresses: Addresses) -> list[tuple[str, str]]:
    """Return what a person wants to know of a running drydock."""
    rows: dict[str, Any] = {
        "management": addresses.management_url,
        "registry": addresses.registry,
        "blobs": f"https://{addresses.blob_host}",
        "proxy": addresses.proxy,
        "process": addresses.pid,
    }
    return [(name, str(value)) for name, value in rows.items()]
