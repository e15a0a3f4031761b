"""From the URIs of inputs, outputs and code to the container and path of their blobs."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from drydock.blob_store import ARTIFACTS, SUFFIX
from drydock.job_spec import BlobPlace
from drydock.refusal import bad_request
from drydock.state.datastores import ARTIFACT_STORE, DEFAULT, find_datastore
from drydock.workspace_state import WorkspaceState

_DATASTORE = re.compile(r"azureml://(?:.*/)?datastores/(?P<store>[^/]+)(?:/paths)?/(?P<path>.*)")
_ASSET = re.compile(r"(?:azureml:/?)?.*/data/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_CODE = re.compile(r"(?:azureml:/?)?.*/codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_OUTPUT = re.compile(
    r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?/?(?P<path>.*)"
)
_SHORT_ASSET = re.compile(r"azureml:(?P<name>[^/:]+):(?P<version>[^/:]+)")
_BLOB = re.compile(
    rf"https://[^/]+\.blob\.{re.escape(SUFFIX)}(?::\d+)?/(?P<container>[^/?]+)/?(?P<path>[^?]*)(?:\?.*)?"
)


def artifact_prefix(job: str) -> str:
    """Return the path of a job's artifacts, as the SDK expects it."""
    return f"ExperimentRun/dcid.{job}"


def artifact_place(job: str) -> BlobPlace:
    """Return the container and path of a job's artifacts."""
    return BlobPlace(container=ARTIFACTS, path=f"{artifact_prefix(job)}/")


def output_uri(job: str, name: str, value: Mapping[str, Any]) -> str:
    """Return the URI of an output: the one in the job, or Azure ML's default."""
    given = str(value.get("uri") or "").replace("${{name}}", job)
    given = given.replace("${{output_name}}", name)
    return given or f"azureml://datastores/{DEFAULT}/paths/azureml/{job}/{name}/"


def output_place(state: WorkspaceState, job: str, name: str, value: Mapping[str, Any]) -> BlobPlace:
    """Return the container and path of an output."""
    return place_of(state, output_uri(job, name, value))


def input_place(state: WorkspaceState, value: Mapping[str, Any]) -> BlobPlace | None:
    """Return the container and path of an input, or None if it is a literal value."""
    if value.get("jobInputType") == "literal":
        return None
    return place_of(state, str(value.get("uri") or ""))


def code_place(state: WorkspaceState, code: str | None) -> BlobPlace | None:
    """Return the container and path of a job's code, or None if it has no code."""
    if not code:
        return None
    found = _CODE.fullmatch(code)
    if found is None:
        raise bad_request(f"The code '{code}' has no name and version.")
    version = state.codes.get_version(found["name"], found["version"])
    return place_of(state, str(version.given.get("codeUri") or ""))


def resolved_uri(state: WorkspaceState, uri: str) -> str:
    """Replace the URI of a job's output by the URI of its blobs, which stays valid."""
    found = _OUTPUT.fullmatch(uri)
    if found is None:
        return uri
    job = state.jobs.get(found["job"])
    if found["output"] == "default":
        place = f"azureml://datastores/{ARTIFACT_STORE}/paths/{artifact_place(job.name).path}"
    else:
        declared = (job.given.get("outputs") or {}).get(found["output"])
        if declared is None:
            raise bad_request(f"The job {job.name} has no output '{found['output']}'.")
        place = output_uri(job.name, found["output"], declared)
    return f"{place.rstrip('/')}/{found['path']}"


def place_of(state: WorkspaceState, uri: str) -> BlobPlace:
    """Return the container and path that a URI of a datastore, blob or data asset names."""
    uri = resolved_uri(state, uri)
    if found := _DATASTORE.fullmatch(uri):
        store = find_datastore(state.arm_ids, found["store"])
        return BlobPlace(container=store.container, path=found["path"])
    if found := _ASSET.fullmatch(uri) or _SHORT_ASSET.fullmatch(uri):
        asset = state.data.get_version(found["name"], found["version"])
        return place_of(state, str(asset.given.get("dataUri") or ""))
    if found := _BLOB.fullmatch(uri):
        return BlobPlace(container=found["container"], path=unquote(found["path"]))
    raise bad_request(f"drydock does not support the URI '{uri}'.")
