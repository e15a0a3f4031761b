"""Where the blobs of a job, of an input and of an output lie."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from drydock.job_spec import BlobPlace
from drydock.refusal import bad_request
from drydock.state.datastores import ARTIFACT_STORE, DEFAULT, find_datastore
from drydock.storage import ARTIFACTS, SUFFIX
from drydock.world import World

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
    """Return the path of a job's artifacts, as the SDK knows it."""
    return f"ExperimentRun/dcid.{job}"


def artifact_place(job: str) -> BlobPlace:
    """Return where a job's artifacts lie."""
    return BlobPlace(container=ARTIFACTS, path=f"{artifact_prefix(job)}/")


def output_uri(job: str, name: str, value: Mapping[str, Any]) -> str:
    """Return the address of an output: the one that the job gives, or Azure ML's own."""
    given = str(value.get("uri") or "").replace("${{name}}", job)
    given = given.replace("${{output_name}}", name)
    return given or f"azureml://datastores/{DEFAULT}/paths/azureml/{job}/{name}/"


def output_place(world: World, job: str, name: str, value: Mapping[str, Any]) -> BlobPlace:
    """Return where an output's blobs go."""
    return place_of(world, output_uri(job, name, value))


def input_place(world: World, value: Mapping[str, Any]) -> BlobPlace | None:
    """Return where an input's blobs lie, or None where it is a plain value."""
    if value.get("jobInputType") == "literal":
        return None
    return place_of(world, str(value.get("uri") or ""))


def code_place(world: World, code: str | None) -> BlobPlace | None:
    """Return where a job's code lies, or None where it has none."""
    if not code:
        return None
    found = _CODE.fullmatch(code)
    if found is None:
        raise bad_request(f"The code '{code}' has no name and version.")
    version = world.codes.get_version(found["name"], found["version"])
    return place_of(world, str(version.given.get("codeUri") or ""))


def settled_uri(world: World, uri: str) -> str:
    """Return an address for ever: what names a job's output becomes where that output lies."""
    found = _OUTPUT.fullmatch(uri)
    if found is None:
        return uri
    job = world.jobs.get(found["job"])
    if found["output"] == "default":
        place = f"azureml://datastores/{ARTIFACT_STORE}/paths/{artifact_place(job.name).path}"
    else:
        declared = (job.given.get("outputs") or {}).get(found["output"])
        if declared is None:
            raise bad_request(f"The job {job.name} has no output '{found['output']}'.")
        place = output_uri(job.name, found["output"], declared)
    return f"{place.rstrip('/')}/{found['path']}"


def place_of(world: World, uri: str) -> BlobPlace:
    """Return what an address of a datastore, a blob or a data asset names."""
    uri = settled_uri(world, uri)
    if found := _DATASTORE.fullmatch(uri):
        store = find_datastore(world.scope, found["store"])
        return BlobPlace(container=store.container, path=found["path"])
    if found := _ASSET.fullmatch(uri) or _SHORT_ASSET.fullmatch(uri):
        asset = world.data.get_version(found["name"], found["version"])
        return place_of(world, str(asset.given.get("dataUri") or ""))
    if found := _BLOB.fullmatch(uri):
        return BlobPlace(container=found["container"], path=unquote(found["path"]))
    raise bad_request(f"The address '{uri}' is none that drydock can read.")
