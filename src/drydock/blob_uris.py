"""From the URIs of inputs, outputs and code to the container and path of their blobs."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from drydock.blob_store import ACCOUNT, ARTIFACTS, PUBLIC_SUFFIX, SUFFIX
from drydock.job_spec import BlobPlace
from drydock.refusal import bad_request, not_served
from drydock.state.datastores import ARTIFACT_STORE, DEFAULT
from drydock.workspace_state import WorkspaceState

_DATASTORE = re.compile(r"azureml://(?:.*/)?datastores/(?P<store>[^/]+)(?:/paths)?/(?P<path>.*)")
_ASSET = re.compile(r"(?:azureml:/?)?.*/data/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_CODE = re.compile(r"(?:azureml:/?)?.*/codes/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_OUTPUT = re.compile(
    r"azureml://jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?/?(?P<path>.*)"
)
_MODEL = re.compile(r"(?:azureml:/?)?.*/models/(?P<name>[^/]+)/versions/(?P<version>[^/]+)")
_RUN = re.compile(r"runs:/(?P<job>[^/]+)/(?P<path>.+)")
_REGISTRY = re.compile(r"azureml://registries/(?P<registry>[^/]+)/.*")
_LONG = re.compile(r"azureml://subscriptions/.*")
_SHORT_ASSET = re.compile(r"azureml:(?P<name>[^/:]+):(?P<version>[^/:]+)")
_BLOB = re.compile(
    rf"https://(?P<account>[^/.]+)\.blob\.(?:{re.escape(SUFFIX)}|{re.escape(PUBLIC_SUFFIX)})(?::\d+)?"
    r"/(?P<container>[^/?]+)/?(?P<path>[^?]*)(?:\?.*)?"
)
_OUTSIDE = re.compile(r"(?:https?|wasbs?|abfss?|adl)://.*", re.DOTALL)
# The job's artifacts: the output that each job has, and its name in Microsoft's guides.
_ARTIFACT_OUTPUTS = ("default", "artifacts")
MODEL_TYPES = ("custom_model", "mlflow_model", "triton_model")
_FOLDERS = ("uri_folder", "mltable")


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
    uri = str(value.get("uri") or "")
    short = _SHORT_ASSET.fullmatch(uri)
    if short and value.get("jobInputType") in MODEL_TYPES:
        return _model_place(state, short)
    return place_of(state, uri)


def is_outside(uri: str) -> bool:
    """Return whether a URI leads out of the workspace: the service accepts it, the job reads it."""
    return _OUTSIDE.fullmatch(uri) is not None and _own_blob(uri) is None


def stored_uri(state: WorkspaceState, uri: str, kind: str) -> str:
    """Return the URI of an asset's files as the service keeps it.

    A datastore's is the long form, and a folder's ends with a slash.
    """
    found = _DATASTORE.fullmatch(resolved := resolved_uri(state, uri))
    if found and not _LONG.fullmatch(resolved):
        ids = state.arm_ids
        resolved = (
            f"azureml://subscriptions/{ids.subscription}/resourcegroups/{ids.group}"
            f"/workspaces/{ids.workspace}/datastores/{found['store']}/paths/{found['path']}"
        )
    return f"{resolved.rstrip('/')}/" if kind in _FOLDERS and resolved else resolved


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
    if found := _RUN.fullmatch(uri):
        uri = f"azureml://jobs/{found['job']}/outputs/artifacts/paths/{found['path']}"
    found = _OUTPUT.fullmatch(uri)
    if found is None:
        return uri
    job = state.jobs.get(found["job"])
    if found["output"] in _ARTIFACT_OUTPUTS:
        place = f"azureml://datastores/{ARTIFACT_STORE}/paths/{artifact_place(job.name).path}"
    else:
        declared = (job.given.get("outputs") or {}).get(found["output"])
        if declared is None:
            raise bad_request(f"The job {job.name} has no output '{found['output']}'.")
        place = output_uri(job.name, found["output"], declared)
    return f"{place.rstrip('/')}/{found['path']}"


def place_of(state: WorkspaceState, uri: str) -> BlobPlace:
    """Return the container and path that a URI of a datastore, blob, data asset or model names."""
    uri = resolved_uri(state, uri)
    if found := _REGISTRY.fullmatch(uri):
        raise not_served(f"drydock has no registries: '{uri}' is in '{found['registry']}'.")
    if found := _DATASTORE.fullmatch(uri):
        container = state.datastores.container(found["store"])
        return BlobPlace(container=container, path=found["path"])
    if found := _MODEL.fullmatch(uri):
        return _model_place(state, found)
    if found := _ASSET.fullmatch(uri) or _SHORT_ASSET.fullmatch(uri):
        asset = state.data.get_version(found["name"], found["version"])
        return place_of(state, str(asset.given.get("dataUri") or ""))
    if found := _own_blob(uri):
        return BlobPlace(container=found["container"], path=unquote(found["path"]))
    if is_outside(uri):
        raise bad_request(f"Nothing of a rehearsal leaves this machine: '{uri}' is not read.")
    raise bad_request(f"drydock does not support the URI '{uri}'.")


def _own_blob(uri: str) -> re.Match[str] | None:
    found = _BLOB.fullmatch(uri)
    return found if found and found["account"] == ACCOUNT else None


def _model_place(state: WorkspaceState, found: re.Match[str]) -> BlobPlace:
    model = state.models.get_version(found["name"], found["version"])
    return place_of(state, str(model.given.get("modelUri") or ""))
