"""Command jobs, as ARM shows them."""

import re
from collections.abc import Mapping
from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.places import artifact_prefix, code_place, input_place, output_uri
from drydock.refusal import Refusal, bad_request
from drydock.scope import PROVIDER, resource, tracking_uri
from drydock.state.jobs import Job
from drydock.world import World

_ENVIRONMENT = re.compile(r".*/environments/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_SHORT_ENVIRONMENT = re.compile(r"azureml:(?P<name>[^/:]+):(?P<version>[^/:]+)")


def get_job(request: Request, stage: Stage) -> Answer:
    """Return a job."""
    return Answer(body=_rendered(stage, stage.world.jobs.get(request.names["job"])))


def list_jobs(request: Request, stage: Stage) -> Answer:
    """Return the jobs, the newest first."""
    view = request.query.get("listViewType", "ActiveOnly")
    jobs = [
        job
        for job in reversed(stage.world.jobs.all())
        if view == "All" or bool(job.given.get("isArchived")) == (view == "ArchivedOnly")
    ]
    return page_of([_rendered(stage, job) for job in jobs])


def put_job(request: Request, stage: Stage) -> Answer:
    """Take a job in and start it on its way; the same job again is the same job."""
    world = stage.world
    given = request.properties()
    _check(world, given)
    job, is_new = world.jobs.add(request.names["job"], given, _image_of(world, given))
    if is_new:
        stage.conductor.conduct(job)
    body = _rendered(stage, job)
    location = f"{world.address}{body['id']}"
    return Answer(status=201 if is_new else 200, body=body, headers={"Location": location})


def cancel_job(request: Request, stage: Stage) -> Answer:
    """Ask for a job's end."""
    stage.world.jobs.request_cancel(request.names["job"])
    return Answer()


def delete_job(request: Request, stage: Stage) -> Answer:
    """Forget a job that is over."""
    stage.world.jobs.remove(request.names["job"])
    stage.world.tracking.remove(request.names["job"])
    return Answer()


def _check(world: World, given: Mapping[str, Any]) -> None:
    """Refuse a job that the service would refuse, or that drydock cannot run."""
    if given.get("jobType") != "Command":
        raise Refusal(
            501,
            "NotServedByDrydock",
            f"drydock runs command jobs and no job of type {given.get('jobType')}.",
        )
    if not str(given.get("command") or "").strip():
        raise bad_request("The job has no command.")
    compute = str(given.get("computeId") or "").rsplit("/", 1)[-1]
    if world.computes.find(compute) is None:
        raise bad_request(f"Unknown compute target '{compute}'.")
    if (given.get("resources") or {}).get("instanceCount", 1) != 1:
        raise Refusal(501, "NotServedByDrydock", "drydock runs a job on one node, not on several.")
    code_place(world, given.get("codeId"))
    for value in (given.get("inputs") or {}).values():
        input_place(world, value)


def _image_of(world: World, given: Mapping[str, Any]) -> str:
    address = str(given.get("environmentId") or "")
    found = _ENVIRONMENT.fullmatch(address) or _SHORT_ENVIRONMENT.fullmatch(address)
    if found is None:
        raise bad_request(f"The environment '{address}' has no name and version.")
    environment = world.environments.get_version(found["name"], found["version"])
    image = environment.given.get("image")
    if not image or environment.given.get("condaFile") or environment.given.get("build"):
        raise Refusal(
            501,
            "NotServedByDrydock",
            "drydock runs environments that are an image, and builds none.",
        )
    return str(image)


def _rendered(stage: Stage, job: Job) -> dict[str, Any]:
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
        "services": _services(stage, job),
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
    return resource(stage.world.scope, ("jobs", job.name), properties, times)


def _services(stage: Stage, job: Job) -> dict[str, Any]:
    scope = stage.world.scope
    address = stage.world.address
    endpoints = {
        "Tracking": tracking_uri(scope),
        "Studio": f"{address}/runs/{job.name}?wsid=/subscriptions/{scope.subscription}"
        f"/resourcegroups/{scope.group}/workspaces/{scope.workspace}",
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
        for kind, endpoint in endpoints.items()
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


def studio_page(request: Request, stage: Stage) -> Answer:
    """Stand in for the page of a job in the studio: its state, and no page."""
    job = stage.world.jobs.get(request.names["job"])
    return Answer(body={"provider": PROVIDER, "job": job.name, "status": job.status})
