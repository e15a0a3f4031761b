"""Run history: the same jobs in the data plane's form."""

from typing import Any

from drydock import members
from drydock.blob_uris import artifact_place, output_uri
from drydock.http_values import Answer, Context, Request, listed, page_of
from drydock.job_properties import logs_of
from drydock.state.jobs import Job


def get_run(request: Request, context: Context) -> Answer:
    """Return a run."""
    return Answer(body=_run(context, context.state.jobs.get(request.names["run"])))


def get_details(request: Request, context: Context) -> Answer:
    """Return a run's status with the URLs of its logs."""
    state = context.state
    job = state.jobs.get(request.names["run"])
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
            "logFiles": _logs(context, job),
        }
    )


def get_data(request: Request, context: Context) -> Answer:
    """Return a run with its outputs."""
    job = context.state.jobs.get(str(request.json().get("runId") or ""))
    return Answer(body={"runMetadata": _run(context, job), "runDefinition": None})


def change_run(request: Request, context: Context) -> Answer:
    """Change a run's tags, description, name, or whether it is archived."""
    changes = request.json()
    members.check(members.RUN, {name: changes.get(name) for name in members.RUN.members}, "body")
    described = {
        "tags": changes.get("tags"),
        "displayName": changes.get("displayName"),
        "description": changes.get("description"),
        "isArchived": changes.get("hidden"),
    }
    context.state.jobs.get(request.names["run"])
    return Answer(body=_run(context, context.state.jobs.describe(request.names["run"], described)))


def list_children(request: Request, context: Context) -> Answer:
    """Return no children: a command job has none."""
    context.state.jobs.get(request.names["run"])
    return page_of([])


def resolve_outputs(request: Request, context: Context) -> Answer:
    """Return the URIs of the outputs with these ids, which a run's answer contains."""
    values: dict[str, Any] = {}
    for asset in listed(request.json(), "values"):
        job_name, _, output = str(asset).rsplit("/", 1)[-1].partition(":")
        job = context.state.jobs.get(job_name)
        declared = (job.given.get("outputs") or {}).get(output)
        if declared is not None:
            uri = output_uri(job.name, output, declared)
            values[str(asset)] = {"uri": uri, "type": declared.get("jobOutputType") or "uri_folder"}
    return Answer(body={"values": values})


def _run(context: Context, job: Job) -> dict[str, Any]:
    given = job.given
    return {
        "runId": job.name,
        "runUuid": None,
        "rootRunId": job.name,
        "parentRunId": None,
        "experimentId": context.state.arm_ids.guid,
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
        "outputs": _outputs(context, job),
    }


def _outputs(context: Context, job: Job) -> dict[str, Any]:
    if job.status != "Completed":
        return {}
    guid = context.state.arm_ids.guid
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


def _logs(context: Context, job: Job) -> dict[str, str]:
    state = context.state
    place, account = artifact_place(job.name), state.blobs.account
    there = [
        log
        for log in logs_of(job)
        if state.blobs.size(place.container, place.path + log) is not None
    ]
    signature = account.container_signature(place.container, state.clock.now()) if there else ""
    return {log: account.url(place.container, place.path + log, signature) for log in there}
