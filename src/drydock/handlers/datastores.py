"""Datastores and their secrets."""

from typing import Any

from drydock import members
from drydock.arm_ids import resource
from drydock.blob_store import SUFFIX
from drydock.http_values import Answer, Context, Request, location_of, page_of
from drydock.refusal import bad_request
from drydock.state.datastores import Datastore

_LONGEST_HOURS = 24
# What an answer always has, null unless it was given.
_ALWAYS = {
    "description": None,
    "tags": None,
    "properties": None,
    "endpoint": SUFFIX,
    "protocol": "https",
    "serviceDataAccessAuthIdentity": "None",
}
_OF_WORKSPACE = {"serviceDataAccessAuthIdentity": "WorkspaceSystemAssignedIdentity"}


def get_datastore(request: Request, context: Context) -> Answer:
    """Return a datastore, without its secret."""
    found = context.state.datastores.get(request.names["name"])
    return Answer(body=_rendered(context, found))


def list_datastores(request: Request, context: Context) -> Answer:
    """Return the datastores, or only the default one."""
    wants_default = request.query.get("isDefault", "").lower() == "true"
    return page_of(
        [
            _rendered(context, datastore)
            for datastore in context.state.datastores.all()
            if datastore.is_default or not wants_default
        ]
    )


def put_datastore(request: Request, context: Context) -> Answer:
    """Register a datastore; what it leads to is not looked at."""
    given = request.properties()
    members.check(members.DATASTORE, given)
    made, is_new = context.state.datastores.put(request.names["name"], given)
    body = _rendered(context, made)
    headers = {"Location": location_of(context, request, body)}
    return Answer(status=201 if is_new else 200, body=body, headers=headers)


def delete_datastore(request: Request, context: Context) -> Answer:
    """Remove a datastore."""
    context.state.datastores.remove(request.names["name"])
    return Answer()


def list_secrets(request: Request, context: Context) -> Answer:
    """Return the secret of a datastore: a signature, or the key if the SDK needs it."""
    state = context.state
    found = state.datastores.get(request.names["name"])
    if not found.is_own or state.blobs.account.is_keyless:
        return Answer(body=_secrets(found, _credentials_type(context, found)))
    if found.has_key:
        return Answer(body={"secretsType": "AccountKey", "key": state.blobs.account.key})
    hours = request.json().get("expireAfterHours") or 1
    if not isinstance(hours, int) or isinstance(hours, bool) or hours < 1:
        raise bad_request(f"expireAfterHours is '{hours}', and not a number of hours.")
    signature = state.blobs.account.signature(state.clock.now(), min(hours, _LONGEST_HOURS))
    return Answer(body={"secretsType": "Sas", "sasToken": f"?{signature}"})


def _credentials_type(context: Context, datastore: Datastore) -> str:
    """Return the type of credentials; the datastores of a keyless workspace have none."""
    if datastore.is_own and context.state.blobs.account.is_keyless:
        return "None"
    return str(datastore.credentials.get("credentialsType") or "None")


def _secrets(datastore: Datastore, kind: str) -> dict[str, Any]:
    secrets = datastore.credentials.get("secrets") or {}
    if kind == "None":
        raise bad_request("No secrets for credentials of type None.")
    part = "key" if kind == "AccountKey" else "sasToken"
    return {"secretsType": kind, part: secrets.get(part)}


def _rendered(context: Context, datastore: Datastore) -> dict[str, Any]:
    ids = context.state.arm_ids
    kind = _credentials_type(context, datastore)
    given = {name: value for name, value in datastore.given.items() if value is not None}
    properties = {
        **_ALWAYS,
        **(_OF_WORKSPACE if datastore.is_own else {}),
        "subscriptionId": ids.subscription,
        "resourceGroup": ids.group,
        **given,
        "isDefault": datastore.is_default,
        "credentials": {"credentialsType": kind},
    }
    times = (datastore.created, datastore.created)
    without = ("createdBy", "createdByType") if datastore.is_own else ()
    return resource(ids, ("datastores", datastore.name), properties, times, without=without)
