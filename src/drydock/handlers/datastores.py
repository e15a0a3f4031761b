"""Datastores and their secrets."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.scope import resource, text_of
from drydock.state.datastores import Datastore, datastores, find_datastore
from drydock.storage import SUFFIX

_LONGEST_HOURS = 24


def get_datastore(request: Request, stage: Stage) -> Answer:
    """Return a datastore, without its secret."""
    found = find_datastore(stage.world.scope, request.names["name"])
    return Answer(body=_rendered(stage, found))


def list_datastores(request: Request, stage: Stage) -> Answer:
    """Return the datastores, or the default one alone."""
    wants_default = request.query.get("isDefault", "").lower() == "true"
    return page_of(
        [
            _rendered(stage, datastore)
            for datastore in datastores(stage.world.scope)
            if datastore.is_default or not wants_default
        ]
    )


def list_secrets(request: Request, stage: Stage) -> Answer:
    """Return what opens a datastore: a signature, or the key where the SDK needs it."""
    world = stage.world
    found = find_datastore(world.scope, request.names["name"])
    if found.has_key:
        return Answer(body={"secretsType": "AccountKey", "key": world.blobs.account.key})
    hours = min(int(request.json().get("expireAfterHours") or 1), _LONGEST_HOURS)
    signature = world.blobs.account_signature(world.clock.now(), hours)
    return Answer(body={"secretsType": "Sas", "sasToken": f"?{signature}"})


def _rendered(stage: Stage, datastore: Datastore) -> dict[str, Any]:
    world = stage.world
    now = text_of(world.clock.now())
    properties = {
        "description": None,
        "tags": None,
        "properties": None,
        "isDefault": datastore.is_default,
        "credentials": {"credentialsType": "AccountKey"},
        "subscriptionId": world.scope.subscription,
        "resourceGroup": world.scope.group,
        "datastoreType": "AzureBlob",
        "accountName": world.blobs.account.name,
        "containerName": datastore.container,
        "endpoint": SUFFIX,
        "protocol": "https",
        "serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity",
    }
    return resource(world.scope, ("datastores", datastore.name), properties, (now, now))
