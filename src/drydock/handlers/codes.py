"""Code: found by its hash, and uploaded to a container of its own."""

import hashlib

from drydock import members
from drydock.blob_store import PUBLIC_SUFFIX, SUFFIX
from drydock.handlers.assets import AssetHandlers
from drydock.http_values import Answer, Context, Request, page_of
from drydock.state.assets import find_by_hash

CODES = AssetHandlers(
    kind="codes",
    form=members.CODE,
    store=lambda state: state.codes,
    render=lambda _context, version: {
        "codeUri": _public(str(version.given.get("codeUri") or "")),
        "provisioningState": "Succeeded",
    },
)


def list_versions(request: Request, context: Context) -> Answer:
    """Return the versions under this name, or those with a hash under any name."""
    digest = request.query.get("hash")
    if digest is None:
        return CODES.list_versions(request, context)
    found = find_by_hash(context.state.codes, digest)
    return page_of([CODES.version(context, version) for version in found])


def start_upload(request: Request, context: Context) -> Answer:
    """Create a container for a code version, and return the URL to upload to."""
    state = context.state
    # A container's name has at most 63 small letters, digits and dashes.
    digest = hashlib.sha256("/".join(request.names.values()).encode()).hexdigest()
    container = f"{state.arm_ids.guid}-{digest[:26]}"
    state.blobs.ensure_container(container)
    signature = state.blobs.account.container_signature(container, state.clock.now())
    return Answer(
        body={
            "blobReferenceForConsumption": {
                "blobUri": state.blobs.account.url(container),
                "storageAccountArmId": None,
                "credential": {
                    "credentialType": "SAS",
                    "sasUri": state.blobs.account.url(container, signature=signature),
                },
            },
            "pendingUploadId": state.ids.guid(),
            "pendingUploadType": "TemporaryBlobReference",
        }
    )


def _public(uri: str) -> str:
    """Return the address of code below the suffix without which the SDK downloads none."""
    return uri.replace(f".blob.{SUFFIX}", f".blob.{PUBLIC_SUFFIX}", 1)
