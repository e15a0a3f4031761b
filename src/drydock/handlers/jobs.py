"""Command jobs in ARM's form."""

import re
from collections.abc import Mapping
from typing import Any

from drydock.arm_ids import resource, tracking_uri
from drydock.blob_uris import artifact_prefix, code_place, input_place, output_uri
from drydock.http_values import Answer, Context, Request, page_of
from drydock.job_spec import bytes_of
from drydock.refusal import Refusal, bad_request
from drydock.state.jobs import Job
from drydock.workspace_state import WorkspaceState

_ENVIRONMENT = re.compile(r".*/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_SHORT_ENVIRONMENT = re.compile(r"azureml:(?P<name>[^/:]+):(?P<version>[^/:]+)")


def get_job(request: Request, context: Context) -> Answer:
    """Return a job."""
    return Answer(body=_rendered(context, context.state.jobs.get(request.names["job"])))


def list_jobs(request: Request, context: Context) -> Answer:
    """Return the jobs, the newest first."""
    view = request.query.get("listViewType", "ActiveOnly")
    jobs = [
        job
        for job in reversed(context.state.jobs.all())
        if view == "All" or bool(job.given.get("isArchived")) == (view == "ArchivedOnly")
    ]
    return page_of([_rendered(context, job) for job in jobs])


def put_job(request: Request, context: Context) -> Answer:
    """Accept a job and start it; a repeated request does not start it again."""
    state = context.state
    given = request.properties()
    _check(state, given)
    job, is_new = state.jobs.add(request.names["job"], given, _image_of(state, given))
    if is_new:
        context.conductor.conduct(job)
    body = _rendered(context, job)
    location = f"{state.address}{body['id']}"
    return Answer(status=201 if is_new else 200, body=body, headers={"Location": location})


def cancel_job(request: Request, context: Context) -> Answer:
    """Request a job's cancellation."""
    context.state.jobs.request_cancel(request.names["job"])
    return Answer()


def delete_job(request: Request, context: Context) -> Answer:
    """Remove a job that is over."""
    context.state.jobs.remove(request.names["job"])
    context.state.tracking.remove(request.names["job"])
    return Answer()


def _check(state: WorkspaceState, given: Mapping[str, Any]) -> None:
    """Refuse a job that the service would refuse, or that drydock cannot run."""
    if given.get("jobType") != "Command":
        raise Refusal(
            501,
            "NotServedByDrydock",
            f"drydock runs command jobs only, not jobs of type {given.get('jobType')}.",
        )
    if not str(given.get("command") or "").strip():
        raise bad_request("The job has no command.")
    compute = str(given.get("computeId") or "").rsplit("/", 1)[-1]
    if state.computes.find(compute) is None:
        raise bad_request(f"Unknown compute target '{compute}'.")
    if (given.get("resources") or {}).get("instanceCount", 1) != 1:
        raise Refusal(501, "NotServedByDrydock", "drydock runs a job on one node only.")
    memory = (given.get("resources") or {}).get("shmSize")
    if memory and not bytes_of(memory):
        raise bad_request(f"The size of the shared memory is '{memory}', and not one like 2g.")
    code_place(state, given.get("codeId"))
    for value in (given.get("inputs") or {}).values():
        input_place(state, value)


def _image_of(state: WorkspaceState, given: Mapping[str, Any]) -> str:
    address = str(given.get("environmentId") or "")
    found = _ENVIRONMENT.fullmatch(address) or _SHORT_ENVIRONMENT.fullmatch(address)
    if found is None:
        raise bad_request(f"The environment '{address}' has no name and version.")
    environment = state.environments.get_version(found["name"], found["version"])
    image = environment.given.get("image")
    if not image or environment.given.get("condaFile") or environment.given.get("build"):
        raise Refusal(
            501,
            "NotServedByDrydock",
            "drydock runs environments that name an image; it does not build them.",
        )
    return str(image)


def _rendered(context: Context, job: Job) -> dict[str, Any]:
    given = job.given
    properties = {
        "description": given.get("description"),
        "tags": given.get("tags") or {},
        "properties": {
            **(given.get("properties") or {}),
            "_azureml.ComputeTargetType": "amlctrain",
            "_azureml.ClusterName": job.compute,
        },
        "parentJobName": None,
        "displayName": given.get("displayName") or job.name,
        "status": job.status,
        "experimentName": given.get("experimentName") or "Default",
        "services": _services(context),
        "computeId": given.get("computeId"),
        "isArchived": bool(given.get("isArchived")),
        "identity": given.get("identity"),
        "componentId": None,
        "notificationSetting": None,
        "jobType": "Command",
        "resources": _resources(given.get("resources") or {}),
        "codeId": given.get("codeId"),
        "command": given.get("command"),
        "environmentId": given.get("environmentId"),
        "inputs": given.get("inputs") or {},
        "outputs": _outputs(job),
        "distribution": given.get("distribution"),
        "limits": given.get("limits"),
        "environmentVariables": given.get("environmentVariables") or {},
        "parameters": {},
        "queueSettings": given.get("queueSettings") or {"jobTier": "Null"},
    }
    times = (job.created, job.ended or job.started or job.created)
    return resource(context.state.arm_ids, ("jobs", job.name), properties, times)


def _services(context: Context) -> dict[str, Any]:
    """Return the services of a job. Drydock has no page for a job, so `Studio` has no address.

    Without an entry for it the SDK would make up an address at ml.azure.com.
    """
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
        for kind, endpoint in (
            ("Tracking", tracking_uri(context.state.arm_ids)),
            ("Studio", None),
        )
    }


def _resources(given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "instanceCount": given.get("instanceCount") or 1,
        "instanceType": given.get("instanceType"),
        "properties": given.get("properties"),
        "shmSize": given.get("shmSize") or "2g",
        "dockerArgs": given.get("dockerArgs"),
        "dockerArgsList": None,
    }


def _outputs(job: Job) -> dict[str, Any]:
    default = {
        "description": None,
        "uri": f"azureml://datastores/workspaceartifactstore/{artifact_prefix(job.name)}",
        "assetName": None,
        "mode": "ReadWriteMount",
        "jobOutputType": "uri_folder",
    }
    declared = {
        name: {**default, **value, "uri": output_uri(job.name, name, value)}
        for name, value in (job.given.get("outputs") or {}).items()
        if name != "default"
    }
    return {**declared, "default": default}
