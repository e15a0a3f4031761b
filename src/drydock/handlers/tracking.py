"""The requests of a job's MLflow, through Azure's plugin `azureml-mlflow`: run and artifacts.

The forms are those of MLflow's REST API and of the plugin's client, version 1.62.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from drydock.arm_ids import API_HOST
from drydock.blob_uris import artifact_place
from drydock.http_values import Answer, Context, Request, listed, page_of
from drydock.refusal import Refusal, bad_request
from drydock.state.jobs import Job
from drydock.state.tracking import Tracked

_STATUS = {"Completed": "FINISHED", "Failed": "FAILED", "Canceled": "KILLED"}
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_WAITING = ("Starting", "Queued", "Preparing")


def get_run(request: Request, context: Context) -> Answer:
    """Return a run with what it logged."""
    name = request.query.get("run_id") or request.query.get("run_uuid") or ""
    job = context.state.jobs.get(name)
    tracked = context.state.tracking.get(job.name)
    return Answer(body={"run": {"info": _info(context, job), "data": _data(tracked)}})


def update_run(request: Request, context: Context) -> Answer:
    """Return the run unchanged: the platform sets the job's status."""
    return Answer(body={"run_info": _info(context, _job(context, request.json()))})


def log_batch(request: Request, context: Context) -> Answer:
    """Store metrics, parameters and tags."""
    body = request.json()
    context.state.tracking.log(
        _job(context, body).name,
        metrics=_entries(body, "metrics"),
        parameters=_entries(body, "params"),
        tags=_entries(body, "tags"),
    )
    return Answer(body={})


def log_metric(request: Request, context: Context) -> Answer:
    """Store one metric."""
    body = request.json()
    context.state.tracking.log(
        _job(context, body).name, metrics=_entries({"metrics": [body]}, "metrics")
    )
    return Answer(body={})


def log_parameter(request: Request, context: Context) -> Answer:
    """Store one parameter."""
    body = request.json()
    context.state.tracking.log(
        _job(context, body).name, parameters=_entries({"params": [body]}, "params")
    )
    return Answer(body={})


def set_tag(request: Request, context: Context) -> Answer:
    """Store one tag."""
    body = request.json()
    context.state.tracking.log(_job(context, body).name, tags=_entries({"tags": [body]}, "tags"))
    return Answer(body={})


def refuse_unknown(request: Request, _context: Context) -> Answer:
    """Refuse what MLflow 3 asks for, and Azure's server does not have: a 404, as it answers."""
    raise Refusal(404, "NotFound", f"No HTTP resource was found at {request.path}.")


def create_artifacts(request: Request, context: Context) -> Answer:
    """Return for each path the URL to which the job may upload its file."""
    job = context.state.jobs.get(request.names["run"])
    account, place = context.state.blobs.account, artifact_place(job.name)
    signature = account.container_signature(place.container, context.state.clock.now())
    artifacts, addresses = {}, {}
    for entry in _entries(request.json(), "paths", "path"):
        path = str(entry["path"])
        if ".." in path.split("/") or path.startswith("/"):
            raise bad_request(f"The path '{path}' is outside the run.")
        artifacts[path] = _artifact(job, path)
        addresses[path] = {
            "contentUri": account.url(place.container, quote(place.path + path), signature),
            "origin": "ExperimentRun",
            "container": f"dcid.{job.name}",
            "path": path,
            "tags": {},
        }
    return Answer(
        body={"artifacts": artifacts, "artifactContentInformation": addresses, "errors": {}}
    )


def list_artifacts(request: Request, context: Context) -> Answer:
    """Return the run's files."""
    job = context.state.jobs.get(request.names["run"])
    place = artifact_place(job.name)
    blobs = context.state.blobs.blobs(place.container, place.path)
    return page_of([_artifact(job, blob.name.removeprefix(place.path)) for blob in blobs])


def _job(context: Context, body: Mapping[str, Any]) -> Job:
    return context.state.jobs.get(str(body.get("run_id") or body.get("run_uuid") or ""))


def _entries(body: Mapping[str, Any], name: str, *needed: str) -> list[dict[str, Any]]:
    """Return a list from the body, whose entries all have the needed keys."""
    found = listed(body, name)
    for entry in found:
        if not isinstance(entry, dict):
            raise bad_request(f"An entry of '{name}' is not an object.")
        lacking = [part for part in needed or ("key", "value") if part not in entry]
        if lacking:
            raise bad_request(f"An entry of '{name}' has no '{lacking[0]}'.")
        for part in ("timestamp", "step"):
            if part in entry and not _is_whole(entry[part]):
                raise bad_request(f"The {part} of an entry of '{name}' is not a whole number.")
        if name == "metrics" and not _is_number(entry["value"]):
            raise bad_request(f"The metric '{entry['key']}' is not a number.")
    return found


def _is_whole(value: object) -> bool:
    """Tell whether this is a whole number, or its text: both are protobuf's JSON of an int64."""
    return isinstance(value, int) or bool(isinstance(value, str) and _WHOLE.fullmatch(value))


def _is_number(value: object) -> bool:
    """Tell whether this is a number of protobuf's JSON, which has texts for the non-finite ones."""
    is_plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_plain or value in ("NaN", "Infinity", "-Infinity")


def _info(context: Context, job: Job) -> dict[str, Any]:
    experiment = str(job.given.get("experimentName") or "Default")
    ids = context.state.arm_ids.workspace_id
    status = "SCHEDULED" if job.status in _WAITING else "RUNNING"
    return {
        "run_id": job.name,
        "run_uuid": job.name,
        "run_name": job.given.get("displayName") or job.name,
        "experiment_id": context.state.arm_ids.guid,
        "user_id": "drydock",
        "status": _STATUS.get(job.status, status),
        "start_time": _milliseconds(job.started or job.created),
        "end_time": _milliseconds(job.ended) if job.ended else 0,
        "artifact_uri": f"azureml://{API_HOST}{ids}/experiments/{experiment}/runs/{job.name}"
        "/artifacts",
        "lifecycle_stage": "active",
    }


def _data(tracked: Tracked) -> dict[str, Any]:
    return {
        "metrics": [dict(metric) for metric in tracked.latest()],
        "params": [{"key": key, "value": value} for key, value in tracked.parameters.items()],
        "tags": [{"key": key, "value": value} for key, value in tracked.tags.items()],
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
