"""A job as answers show it: one body for the PUT, one for the older API that the SDK reads with."""

import uuid
from collections.abc import Mapping
from typing import Any

from drydock.arm_ids import resource, tracking_uri
from drydock.blob_uris import artifact_prefix, output_uri
from drydock.http_values import Context
from drydock.job_page import address_of
from drydock.state.jobs import Job

# As recorded: with this version the answer has members that the PUT's does not have, and lacks two.
_NOT_OF_JOBS = ("lastModifiedAt", "lastModifiedBy", "lastModifiedByType")
_OLDER = "2024-01-01-preview"


def rendered(context: Context, job: Job, api: str = "") -> dict[str, Any]:
    """Return a job for a request of this API version."""
    given = job.given
    properties = {
        "description": given.get("description"),
        "tags": given.get("tags") or {},
        "properties": {
            **(given.get("properties") or {}),
            "_azureml.ComputeTargetType": "amlctrain",
            "_azureml.ClusterName": job.compute or None,
            **_snapshot(given.get("codeId")),
        },
        "parentJobName": None,
        "displayName": given.get("displayName") or job.name,
        "status": job.status,
        "services": _services(context, job),
        "isArchived": bool(given.get("isArchived")),
        "componentId": None,
        "notificationSetting": None,
        "jobType": "Command",
        "parameters": {},
        **fixed_part(job.name, given),
        "outputs": _outputs(job),
    }
    if api == _OLDER:
        properties = _older(properties)
    times = (job.created, job.created)
    return resource(
        context.state.arm_ids, ("jobs", job.name), properties, times, without=_NOT_OF_JOBS
    )


def fixed_part(job: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what can never change once a job is there, with every default filled in."""
    return {
        "experimentName": given.get("experimentName") or "Default",
        "computeId": given.get("computeId") or None,
        "identity": given.get("identity"),
        "resources": _resources(given.get("resources") or {}),
        "codeId": given.get("codeId"),
        "command": given.get("command"),
        "environmentId": given.get("environmentId"),
        "inputs": {
            name: {"description": None, **(value or {})}
            for name, value in (given.get("inputs") or {}).items()
        },
        "outputs": _declared(job, given),
        "distribution": given.get("distribution"),
        "limits": given.get("limits"),
        "environmentVariables": given.get("environmentVariables") or {},
        "queueSettings": given.get("queueSettings") or {"jobTier": "Null"},
    }


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - a JSON value
    """Return a value without members that are null: they count as missing."""
    if isinstance(value, dict):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    return value


def _older(properties: Mapping[str, Any]) -> dict[str, Any]:
    found = {**properties, "autologgerSettings": None, "secretsConfiguration": {}}
    del found["parentJobName"]
    resources = {**found["resources"], "locations": None, "maxInstanceCount": None}
    del resources["dockerArgsList"]
    found["resources"] = resources
    for side in ("inputs", "outputs"):
        found[side] = {
            name: {**value, "pathOnCompute": value.get("pathOnCompute")}
            for name, value in found[side].items()
        }
    found["queueSettings"] = {"priority": None, **found["queueSettings"]}
    return found


def _snapshot(code: str | None) -> dict[str, str]:
    """Return the property that a job with code has; the id is derived from the code's."""
    return {"ContentSnapshotId": str(uuid.uuid5(uuid.NAMESPACE_URL, code))} if code else {}


def _services(context: Context, job: Job) -> dict[str, Any]:
    addresses = {
        "Tracking": tracking_uri(context.state.arm_ids),
        "Studio": address_of(context.addresses, context.state.workspace, job.name),
    }
    return {
        kind: {
            "jobServiceType": kind,
            "port": None,
            "endpoint": endpoint,
            "status": None,
            "errorMessage": None,
            "properties": None,
            "nodes": None,
        }
        for kind, endpoint in addresses.items()
    }


def _resources(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "instanceCount": given.get("instanceCount") or 1,
        "instanceType": given.get("instanceType"),
        "properties": given.get("properties") or None,
        "shmSize": given.get("shmSize") or "2g",
        "dockerArgs": given.get("dockerArgs"),
        "dockerArgsList": None,
    }


def _declared(job: str, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {**_output(output_uri(job, name, value or {})), **_given(value)}
        for name, value in (given.get("outputs") or {}).items()
        if name != "default"
    }


def _given(value: Mapping[str, Any] | None) -> dict[str, Any]:
    return {n: part for n, part in (value or {}).items() if part is not None and n != "uri"}


def _outputs(job: Job) -> dict[str, Any]:
    default = _output(f"azureml://datastores/workspaceartifactstore/{artifact_prefix(job.name)}")
    return {**_declared(job.name, job.given), "default": default}


def _output(uri: str) -> dict[str, Any]:
    return {
        "description": None,
        "uri": uri,
        "assetName": None,
        "mode": "ReadWriteMount",
        "jobOutputType": "uri_folder",
    }
