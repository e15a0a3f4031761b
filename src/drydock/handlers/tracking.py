"""What a job's MLflow asks, through Azure's plugin `azureml-mlflow`: its run and its artifacts.

Shapes: MLflow's REST API and the plugin's own client, version 1.62.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.places import artifact_place
from drydock.refusal import bad_request
from drydock.scope import API_HOST
from drydock.state.jobs import Job
from drydock.state.tracking import Tracked

_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
_WAITING = ("NotStarted", "Queued", "Preparing")


def get_run(request: Request, stage: Stage) -> Answer:
    """Return a run with what it told."""
    name = request.query.get("run_id") or request.query.get("run_uuid") or ""
    job = stage.world.jobs.get(name)
    told = stage.world.tracking.get(job.name)
    return Answer(body={"run": {"info": _info(stage, job), "data": _data(told)}})


def update_run(request: Request, stage: Stage) -> Answer:
    """Return the run as it is: the job's own status is the platform's affair."""
    return Answer(body={"run_info": _info(stage, _job(stage, request.json()))})


def log_batch(request: Request, stage: Stage) -> Answer:
    """Keep metrics, parameters and tags."""
    body = request.json()
    stage.world.tracking.log(
        _job(stage, body).name,
        metrics=_entries(body, "metrics"),
        parameters=_entries(body, "params"),
        tags=_entries(body, "tags"),
    )
    return Answer(body={})


def log_metric(request: Request, stage: Stage) -> Answer:
    """Keep one metric."""
    body = request.json()
    stage.world.tracking.log(
        _job(stage, body).name, metrics=_entries({"metrics": [body]}, "metrics")
    )
    return Answer(body={})


def log_parameter(request: Request, stage: Stage) -> Answer:
    """Keep one parameter."""
    body = request.json()
    stage.world.tracking.log(
        _job(stage, body).name, parameters=_entries({"params": [body]}, "params")
    )
    return Answer(body={})


def set_tag(request: Request, stage: Stage) -> Answer:
    """Keep one tag."""
    body = request.json()
    stage.world.tracking.log(_job(stage, body).name, tags=_entries({"tags": [body]}, "tags"))
    return Answer(body={})


def create_artifacts(request: Request, stage: Stage) -> Answer:
    """Return for each path an address to which the job may put its file."""
    job = stage.world.jobs.get(request.names["run"])
    blobs, place = stage.world.blobs, artifact_place(job.name)
    signature = blobs.container_signature(place.container, stage.world.clock.now())
    artifacts, addresses = {}, {}
    for entry in _entries(request.json(), "paths", "path"):
        path = str(entry["path"])
        if ".." in path.split("/") or path.startswith("/"):
            raise bad_request(f"The path '{path}' leads out of the run.")
        artifacts[path] = _artifact(job, path)
        addresses[path] = {
            "contentUri": blobs.url(place.container, quote(place.path + path), signature),
            "origin": "ExperimentRun",
            "container": f"dcid.{job.name}",
            "path": path,
            "tags": {},
        }
    return Answer(
        body={"artifacts": artifacts, "artifactContentInformation": addresses, "errors": {}}
    )


def list_artifacts(request: Request, stage: Stage) -> Answer:
    """Return the files that lie with the run."""
    job = stage.world.jobs.get(request.names["run"])
    place = artifact_place(job.name)
    names = stage.world.blobs.names(place.container, place.path)
    return page_of([_artifact(job, name.removeprefix(place.path)) for name in names])


def _job(stage: Stage, body: Mapping[str, Any]) -> Job:
    return stage.world.jobs.get(str(body.get("run_id") or body.get("run_uuid") or ""))


def _entries(body: Mapping[str, Any], name: str, *needed: str) -> list[dict[str, Any]]:
    """Return a list of a body whose entries all have what they need."""
    found = body.get(name) or []
    for entry in found:
        lacking = [part for part in needed or ("key", "value") if part not in entry]
        if lacking:
            raise bad_request(f"An entry of '{name}' has no '{lacking[0]}'.")
    return list(found)


def _info(stage: Stage, job: Job) -> dict[str, Any]:
    experiment = str(job.given.get("experimentName") or "Default")
    scope = stage.world.scope.workspace_id
    status = "SCHEDULED" if job.status in _WAITING else "RUNNING"
    return {
        "run_id": job.name,
        "run_uuid": job.name,
        "run_name": job.given.get("displayName") or job.name,
        "experiment_id": stage.world.scope.guid,
        "user_id": "drydock",
        "status": _STATUS.get(job.status, status),
        "start_time": _milliseconds(job.started or job.created),
        "end_time": _milliseconds(job.ended) if job.ended else 0,
        "artifact_uri": f"azureml://{API_HOST}{scope}/experiments/{experiment}/runs/{job.name}"
        "/artifacts",
        "lifecycle_stage": "active",
    }


def _data(told: Tracked) -> dict[str, Any]:
    return {
        "metrics": [dict(metric) for metric in told.latest()],
        "params": [{"key": key, "value": value} for key, value in told.parameters.items()],
        "tags": [{"key": key, "value": value} for key, value in told.tags.items()],
    }


def _artifact(job: Job, path: str) -> dict[str, Any]:
    return {
        "artifactId": f"ExperimentRun/dcid.{job.name}/{path}",
        "origin": "ExperimentRun",
        "container": f"dcid.{job.name}",
        "path": path,
        "etag": None,
        "createdTime": job.created,
        "dataPath": None,
        "tags": {},
    }


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)
