"""Code: found by its hash, uploaded to a container of its own."""

import hashlib
from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.handlers.assets import version_answer, versions_page
from drydock.state.assets import AssetVersion
from drydock.state.codes import find_by_hash


def list_versions(request: Request, stage: Stage) -> Answer:
    """Return the versions under this name, or those with a hash under any name."""
    digest = request.query.get("hash")
    if digest is None:
        return versions_page(request, stage.world.codes, lambda version: _rendered(stage, version))
    found = find_by_hash(stage.world.codes, digest)
    return page_of([_rendered(stage, version) for version in found])


def start_upload(request: Request, stage: Stage) -> Answer:
    """Make a container for a code version and say how to write into it."""
    blobs = stage.world.blobs
    # A container's name has at most 63 small letters, digits and dashes.
    digest = hashlib.sha256("/".join(request.names.values()).encode()).hexdigest()
    container = f"{stage.world.scope.guid}-{digest[:26]}"
    blobs.ensure_container(container)
    signature = blobs.container_signature(container, stage.world.clock.now())
    return Answer(
        body={
            "blobReferenceForConsumption": {
                "blobUri": blobs.url(container),
                "storageAccountArmId": None,
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": blobs.url(container, signature=signature),
                },
            },
            "pendingUploadId": stage.world.ids.guid(),
            "pendingUploadType": "TemporaryBlobReference",
        }
    )


def get_version(request: Request, stage: Stage) -> Answer:
    """Return one version."""
    names = request.names
    return Answer(
        body=_rendered(stage, stage.world.codes.get_version(names["name"], names["version"]))
    )


def put_version(request: Request, stage: Stage) -> Answer:
    """Register a version; what it stands for can never change."""
    names = request.names
    version, is_new = stage.world.codes.put(names["name"], names["version"], request.properties())
    return Answer(status=201 if is_new else 200, body=_rendered(stage, version))


def _rendered(stage: Stage, version: AssetVersion) -> dict[str, Any]:
    also = {"codeUri": version.given.get("codeUri"), "provisioningState": "Succeeded"}
    return version_answer(stage, "codes", version, also)
