"""Datastores and their secrets."""

from typing import Any

from drydock.arm_ids import resource, text_of
from drydock.blob_store import SUFFIX
from drydock.http_values import Answer, Context, Request, page_of
from drydock.state.datastores import Datastore, datastores, find_datastore

_LONGEST_HOURS = 24


def get_datastore(request: Request, context: Context) -> Answer:
    """Return a datastore, without its secret."""
    found = find_datastore(context.state.arm_ids, request.names["name"])
    return Answer(body=_rendered(context, found))


def list_datastores(request: Request, context: Context) -> Answer:
    """Return the datastores, or only the default one."""
    wants_default = request.query.get("isDefault", "").lower() == "true"
    return page_of(
        [
            _rendered(context, datastore)
            for datastore in datastores(context.state.arm_ids)
            if datastore.is_default or not wants_default
        ]
    )


def list_secrets(request: Request, context: Context) -> Answer:
    """Return the secret of a datastore: a signature, or the key if the SDK needs it."""
    state = context.state
    found = find_datastore(state.arm_ids, request.names["name"])
    if found.has_key:
        return Answer(body={"secretsType": "AccountKey", "key": state.blobs.account.key})
    hours = min(int(request.json().get("expireAfterHours") or 1), _LONGEST_HOURS)
    signature = state.blobs.account.signature(state.clock.now(), hours)
    return Answer(body={"secretsType": "Sas", "sasToken": f"?{signature}"})


def _rendered(context: Context, datastore: Datastore) -> dict[str, Any]:
    state = context.state
    now = text_of(state.clock.now())
    properties = {
        "description": None,
        "tags": None,
        "properties": None,
        "isDefault": datastore.is_default,
        "credentials": {"credentialsType": "AccountKey"},
        "subscriptionId": state.arm_ids.subscription,
        "resourceGroup": state.arm_ids.group,
        "datastoreType": "AzureBlob",
        "accountName": state.blobs.account.name,
        "containerName": datastore.container,
        "endpoint": SUFFIX,
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
    }
    return resource(state.arm_ids, ("datastores", datastore.name), properties, (now, now))
