"""Run history: the same jobs, as the data plane shows them."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.lifecycle import LOG
from drydock.places import artifact_place, output_uri
from drydock.state.jobs import Job


def get_run(request: Request, stage: Stage) -> Answer:
    """Return a run."""
    return Answer(body=_run(stage, stage.world.jobs.get(request.names["run"])))


def get_details(request: Request, stage: Stage) -> Answer:
    """Return a run's state with the addresses of its logs."""
    world = stage.world
    job = world.jobs.get(request.names["run"])
    return Answer(
        body={
            "runId": job.name,
            "target": job.compute,
            "status": job.status,
            "startTimeUtc": job.started,
            "endTimeUtc": job.ended,
            "error": _error(job),
            "warnings": [],
            "properties": {"_azureml.ClusterName": job.compute},
            "inputDatasets": [],
            "outputDatasets": [],
            "logFiles": _logs(stage, job),
        }
    )


def get_data(request: Request, stage: Stage) -> Answer:
    """Return a run with what it put out."""
    job = stage.world.jobs.get(str(request.json().get("runId") or ""))
    return Answer(body={"runMetadata": _run(stage, job), "runDefinition": None})


def change_run(request: Request, stage: Stage) -> Answer:
    """Change a run's tags, description, name, or whether it is archived."""
    changes = request.json()
    described = {
        "tags": changes.get("tags"),
        "displayName": changes.get("displayName"),
        "description": changes.get("description"),
        "isArchived": changes.get("hidden"),
    }
    stage.world.jobs.get(request.names["run"])
    return Answer(body=_run(stage, stage.world.jobs.describe(request.names["run"], described)))


def list_children(request: Request, stage: Stage) -> Answer:
    """Return a command job's children: it has none."""
    stage.world.jobs.get(request.names["run"])
    return page_of([])


def resolve_outputs(request: Request, stage: Stage) -> Answer:
    """Say where the outputs of runs lie, by the ids that a run's own answer gave them."""
    values: dict[str, Any] = {}
    for asset in request.json().get("values") or []:
        job_name, _, output = str(asset).rsplit("/", 1)[-1].partition(":")
        job = stage.world.jobs.get(job_name)
        declared = (job.given.get("outputs") or {}).get(output)
        if declared is not None:
            uri = output_uri(job.name, output, declared)
            values[asset] = {"uri": uri, "type": declared.get("jobOutputType") or "uri_folder"}
    return Answer(body={"values": values})


def _run(stage: Stage, job: Job) -> dict[str, Any]:
    given = job.given
    return {
        "runId": job.name,
        "runUuid": None,
        "rootRunId": job.name,
        "parentRunId": None,
        "experimentId": stage.world.scope.guid,
        "dataContainerId": f"dcid.{job.name}",
        "displayName": given.get("displayName") or job.name,
        "description": given.get("description"),
        "status": job.status,
        "createdUtc": job.created,
        "startTimeUtc": job.started,
        "endTimeUtc": job.ended,
        "error": _error(job),
        "warnings": [],
        "runType": "azureml.scriptrun",
        "target": job.compute,
        "tags": given.get("tags") or {},
        "properties": given.get("properties") or {},
        "hidden": bool(given.get("isArchived")),
        "inputs": {},
        "outputs": _outputs(stage, job),
    }


def _outputs(stage: Stage, job: Job) -> dict[str, Any]:
    if job.status != "Completed":
        return {}
    guid = stage.world.scope.guid
    return {
        name: {
            "assetId": f"azureml://locations/drydock/workspaces/{guid}/data/{job.name}:{name}",
            "type": value.get("jobOutputType") or "uri_folder",
        }
        for name, value in (job.given.get("outputs") or {}).items()
        if name != "default"
    }


def _error(job: Job) -> dict[str, Any] | None:
    if not job.error_message:
        return None
    return {"error": {"code": job.error_code, "message": job.error_message}}


def _logs(stage: Stage, job: Job) -> dict[str, str]:
    blobs = stage.world.blobs
    place = artifact_place(job.name)
    if place.path + LOG not in blobs.names(place.container, place.path + LOG):
        return {}
    signature = blobs.container_signature(place.container, stage.world.clock.now())
    return {LOG: blobs.url(place.container, place.path + LOG, signature)}
