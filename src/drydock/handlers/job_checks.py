"""What a new job may be: what the service refuses, and what drydock would accept and not run."""

import re
from collections.abc import Mapping
from typing import Any

from drydock import members
from drydock.blob_uris import code_place, input_place, is_outside
from drydock.job_properties import nodes_of
from drydock.job_spec import bytes_of
from drydock.refusal import bad_request, not_served
from drydock.state.assets import AssetVersion
from drydock.state.computes import find_size
from drydock.workspace_state import WorkspaceState

_NAME = r"(?P<name>[^/:@]+)"
_VERSION = r"(?P<version>[^/:@]+)"
_LABEL = r"(?P<label>[^/:@]+)"
_OF_WORKSPACE = re.compile(
    rf"(?P<workspace>/.*)/environments/{_NAME}/versions/{_VERSION}", re.IGNORECASE
)
_OF_REGISTRY = re.compile(
    rf"azureml://registries/(?P<registry>[^/]+)/environments/{_NAME}/"
    rf"(?:versions/{_VERSION}|labels/{_LABEL})"
)
_SHORT = re.compile(rf"azureml:{_NAME}(?::{_VERSION}|@{_LABEL})")
# The registry of the environments that Microsoft maintains; their names begin with AzureML-.
_CURATED = "azureml"
_DIRECT = ("Direct", "EvalMount", "EvalDownload")
MOST_NODES = 8  # all of them run on this machine
_OWN_SERVICES = ("Tracking", "Studio")


def check_job(state: WorkspaceState, given: Mapping[str, Any]) -> None:
    """Refuse a job that the service would refuse, or that drydock cannot run."""
    if given.get("jobType") != "Command":
        raise not_served(
            f"drydock runs command jobs only, not jobs of type {given.get('jobType')}."
        )
    compute = str(given.get("computeId") or "")
    if "/virtualclusters/" in compute.lower():
        raise not_served("drydock has clusters and serverless compute, and no virtual clusters.")
    if compute.rsplit("/", 1)[-1].lower() == "local":
        raise not_served("drydock runs no jobs for compute: local; name a cluster.")
    members.check(members.COMMAND_JOB, given)
    if not str(given.get("command") or "").strip():
        raise bad_request("The job has no command.")
    _check_compute(state, compute)
    if size := (given.get("resources") or {}).get("instanceType"):
        _check_instance(str(size))
    _check_nodes(state, given)
    _check_unsupported(given)
    memory = (given.get("resources") or {}).get("shmSize")
    if memory and not bytes_of(memory):
        raise bad_request(f"The size of the shared memory is '{memory}', and not one like 2g.")
    code_place(state, given.get("codeId"))
    for value in (given.get("inputs") or {}).values():
        if not is_outside(str((value or {}).get("uri") or "")):
            input_place(state, value or {})


def _check_instance(name: str) -> None:
    """Refuse a machine with a GPU, which this one need not have. A cluster of them has no quota."""
    if find_size(name).gpus:
        raise not_served(f"drydock runs no job on a GPU: {name}.")


def _check_compute(state: WorkspaceState, compute: str) -> None:
    """Refuse an unknown cluster. A job without one is serverless."""
    name = compute.rsplit("/", 1)[-1]
    if name and state.computes.find(name) is None:
        raise bad_request(
            f"Unknown compute target '{name}'.", inner=("BadArgument", "UnknownTargetType")
        )


def _check_nodes(state: WorkspaceState, given: Mapping[str, Any]) -> None:
    """Refuse nodes that the cluster does not have, or whose distribution drydock does not run."""
    count = nodes_of(given)
    if count < 1:
        raise bad_request(f"The instance count is {count}, and not 1 or more.")
    if count > MOST_NODES:
        raise not_served(f"drydock runs a job on at most {MOST_NODES} nodes (instance_count).")
    distribution = given.get("distribution") or {}
    kind = str(distribution.get("distributionType") or "")
    if count > 1 and not kind:
        raise not_served(
            "drydock runs several nodes with a distribution only: what runs on which node without "
            "one is not documented."
        )
    if kind and kind.lower() != "pytorch":
        raise not_served(f"drydock does not run the distribution {kind}: PyTorch is the one.")
    members.check(members.PYTORCH, distribution, "properties.distribution")
    processes = distribution.get("processCountPerInstance")
    if processes not in (None, 1):
        raise not_served(
            f"drydock runs one process on each node, and not {processes} "
            "(process_count_per_instance)."
        )
    compute = state.computes.find(str(given.get("computeId") or "").rsplit("/", 1)[-1])
    if compute is not None and count > compute.nodes:
        raise bad_request(
            f"The job asks for {count} nodes, and the compute target '{compute.name}' has at most "
            f"{compute.nodes}."
        )


def _check_unsupported(given: Mapping[str, Any]) -> None:
    """Refuse each part of a job that drydock would accept and not run."""
    resources = given.get("resources") or {}
    parts = {
        "docker_args": resources.get("dockerArgs") or resources.get("dockerArgsList"),
        "resources.properties": resources.get("properties"),
        "services": [
            name
            for name, value in (given.get("services") or {}).items()
            if (value or {}).get("jobServiceType") not in _OWN_SERVICES
        ],
        "a component": given.get("componentId"),
        "notification_setting": given.get("notificationSetting"),
        "autologger_settings": given.get("autologgerSettings"),
        "secrets": given.get("secretsConfiguration"),
    }
    for side in ("inputs", "outputs"):
        for name, value in (given.get(side) or {}).items():
            parts[f"mode {(value or {}).get('mode')} of {name}"] = (value or {}).get(
                "mode"
            ) in _DIRECT
            parts[f"path_on_compute of {name}"] = (value or {}).get("pathOnCompute")
    for name, value in parts.items():
        if value:
            raise not_served(f"drydock does not run {name}: a job with it would run without it.")


def image_of(state: WorkspaceState, given: Mapping[str, Any]) -> str:
    """Return the image of a job's environment. Refuses one that the service would build."""
    environment = _environment_of(state, str(given.get("environmentId") or "")).given
    if not environment.get("image") or environment.get("condaFile") or environment.get("build"):
        raise not_served("drydock runs environments that name an image; it does not build them.")
    return str(environment["image"])


def _environment_of(state: WorkspaceState, address: str) -> AssetVersion:
    if found := _OF_REGISTRY.fullmatch(address):
        if found["registry"] != _CURATED:
            raise not_served(
                f"drydock has no registries: the environment is one of '{found['registry']}'."
            )
    elif found := _OF_WORKSPACE.fullmatch(address.removeprefix("azureml:")):
        if found["workspace"].lower() != state.arm_ids.workspace_id.lower():
            raise bad_request(f"The environment '{address}' is not of this workspace.")
    elif (found := _SHORT.fullmatch(address)) is None:
        raise bad_request(f"The environment '{address}' has no name and version.")
    parts = found.groupdict()
    label = parts.get("label")
    if label is None:
        return state.environments.get_version(parts["name"], parts["version"])
    if label != "latest":
        raise bad_request(f"The environment '{address}' has an unknown label: latest is the one.")
    return state.environments.get(parts["name"]).latest
