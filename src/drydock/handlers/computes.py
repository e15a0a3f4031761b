"""Clusters."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.scope import LOCATION, PROVIDER, resource
from drydock.state.computes import Compute, Operation

_CLUSTER = {
    "vmPriority": "Dedicated",
    "subnet": None,
    "currentNodeCount": 0,
    "targetNodeCount": 0,
    "nodeStateCounts": None,
    "allocationState": "Steady",
    "errors": None,
    "remoteLoginPortPublicAccess": "Enabled",
    "osType": "Linux",
    "virtualMachineImage": None,
    "isolatedNetwork": False,
    "enableNodePublicIp": True,
    "enableBatchPrivateLink": False,
}


def get_compute(request: Request, stage: Stage) -> Answer:
    """Return a cluster."""
    return Answer(body=_rendered(stage, stage.world.computes.get(request.names["name"])))


def list_computes(_request: Request, stage: Stage) -> Answer:
    """Return every cluster."""
    return page_of([_rendered(stage, compute) for compute in stage.world.computes.all()])


def list_nodes(request: Request, stage: Stage) -> Answer:
    """Return the cluster's nodes: none, since its jobs run on this machine."""
    stage.world.computes.get(request.names["name"])
    return Answer(body={"nodes": [], "nextLink": None})


def put_compute(request: Request, stage: Stage) -> Answer:
    """Make a cluster; the answer says where to ask whether that went well."""
    world = stage.world
    is_full = world.weather.strikes(("quota-exceeded",), "compute_create_or_update") is not None
    made, operation = world.computes.put(
        request.names["name"],
        request.properties(),
        request.json().get("tags"),
        is_quota_full=is_full,
    )
    body = _rendered(stage, made)
    body["properties"]["provisioningState"] = "Creating"
    return Answer(status=201, body=body, headers=_headers(stage, operation))


def delete_compute(request: Request, stage: Stage) -> Answer:
    """Forget a cluster."""
    operation = stage.world.computes.remove(request.names["name"])
    return Answer(status=202, headers=_headers(stage, operation))


def get_operation(request: Request, stage: Stage) -> Answer:
    """Say what became of a request."""
    operation = stage.world.computes.operation(request.names["operation"])
    body: dict[str, Any] = {"status": "Failed" if operation.error else "Succeeded"}
    if operation.error:
        code, _, message = operation.error.partition(": ")
        body["error"] = {"code": code, "message": message}
    return Answer(body=body, headers={"Retry-After": "1"})


def _headers(stage: Stage, operation: Operation) -> dict[str, str]:
    world = stage.world
    address = (
        f"{world.address}/subscriptions/{world.scope.subscription}/providers/{PROVIDER}"
        f"/locations/{LOCATION}/computeOperationsStatus/{operation.guid}"
    )
    # Without Retry-After the SDK waits for 30 seconds between its questions.
    return {"Azure-AsyncOperation": address, "Retry-After": "1"}


def _rendered(stage: Stage, compute: Compute) -> dict[str, Any]:
    given = compute.given
    scale = {"minNodeCount": 0, "nodeIdleTimeBeforeScaleDown": "PT2M"}
    scale |= compute.settings.get("scaleSettings") or {}
    properties = {
        "createdOn": compute.created,
        "modifiedOn": compute.modified,
        "disableLocalAuth": bool(given.get("disableLocalAuth")),
        "description": given.get("description"),
        "resourceId": None,
        "computeType": "AmlCompute",
        "computeLocation": LOCATION,
        "provisioningState": "Succeeded",
        "provisioningErrors": None,
        "provisioningWarnings": None,
        "isAttachedCompute": False,
        "properties": {**_CLUSTER, **compute.settings, "scaleSettings": scale},
    }
    times = (compute.created, compute.modified)
    body = resource(stage.world.scope, ("computes", compute.name), properties, times)
    return body | {"location": LOCATION, "tags": compute.tags}
