"""Clusters."""

from typing import Any

from drydock import members
from drydock.arm_ids import LOCATION, resource
from drydock.http_values import Answer, Context, Request, operation_headers, page_of
from drydock.state.computes import Compute

_OPERATIONS = "computeOperationsStatus"
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

_NO_NODES_YET = {"currentNodeCount": None, "targetNodeCount": None, "allocationState": None}


def get_compute(request: Request, context: Context) -> Answer:
    """Return a cluster."""
    return Answer(body=_rendered(context, context.state.computes.get(request.names["name"])))


def list_computes(_request: Request, context: Context) -> Answer:
    """Return every cluster."""
    return page_of([_rendered(context, compute) for compute in context.state.computes.all()])


def list_nodes(request: Request, context: Context) -> Answer:
    """Return the nodes of each job that runs: all of them are this machine."""
    compute = context.state.computes.get(request.names["name"])
    nodes = [
        {
            "nodeId": f"node-{number}-{job}",
            "privateIpAddress": None,
            "publicIpAddress": None,
            "port": None,
            "nodeState": "running",
            "runId": job,
        }
        for number, job in enumerate(context.conductor.machines.nodes(compute.name).running)
    ]
    return Answer(body={"nodes": nodes, "nextLink": None})


def put_compute(request: Request, context: Context) -> Answer:
    """Create a cluster; the answer has the address of the operation's status."""
    state = context.state
    given, tags = request.properties(), request.json().get("tags")
    members.check(members.COMPUTE, given)
    if given.get("computeType") == "AmlCompute":
        members.check(members.CLUSTER, given.get("properties") or {}, "properties.properties")
    identity = request.json().get("identity")
    members.check(members.COMPUTE_BODY, {"tags": tags, "identity": identity}, "body")
    made, operation = state.computes.put(request.names["name"], given, tags, identity=identity)
    body = _rendered(context, made, is_new=True)
    return Answer(
        status=201,
        body=body,
        headers=operation_headers(context, request, _OPERATIONS, operation.guid),
    )


def delete_compute(request: Request, context: Context) -> Answer:
    """Remove a cluster."""
    operation = context.state.computes.remove(request.names["name"])
    return Answer(
        status=202, headers=operation_headers(context, request, _OPERATIONS, operation.guid)
    )


def get_operation(request: Request, context: Context) -> Answer:
    """Return the result of an operation."""
    operation = context.state.computes.operation(request.names["operation"])
    if operation.asked == 1:
        return Answer(body={"status": "InProgress"}, headers={"Retry-After": "1"})
    return Answer(body={"status": "Succeeded"}, headers={"Retry-After": "1"})


def _nodes(context: Context, compute: Compute) -> dict[str, Any]:
    """Return what a cluster's machines do: nothing more is known of one that has none."""
    nodes = context.conductor.machines.nodes(compute.name)
    if not nodes.running and not nodes.refused:
        return {}
    states = ("idle", "running", "preparing", "unusable", "leaving", "preempted")
    counts = {f"{state}NodeCount": 0 for state in states}
    counts["runningNodeCount"] = len(nodes.running)
    error = {
        "code": "ClusterCoreQuotaReached",
        "message": f"Operation results in exceeding quota limits of {compute.size.family}.",
    }
    return {
        "currentNodeCount": len(nodes.running),
        "targetNodeCount": len(nodes.running) + len(nodes.refused),
        "nodeStateCounts": counts,
        "allocationState": "Resizing" if nodes.refused else "Steady",
        "errors": [{"error": error}] if nodes.refused else None,
    }


def _rendered(context: Context, compute: Compute, *, is_new: bool = False) -> dict[str, Any]:
    """Return a cluster; one that is being made has no location, no nodes and no state yet."""
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
        **({} if is_new else {"computeLocation": LOCATION}),
        "provisioningState": "Creating" if is_new else "Succeeded",
        "provisioningErrors": None,
        "provisioningWarnings": None,
        "isAttachedCompute": False,
        "properties": {
            **_CLUSTER,
            **(_NO_NODES_YET if is_new else _nodes(context, compute)),
            **compute.settings,
            "vmSize": compute.size.name.upper(),
            "scaleSettings": scale,
        },
    }
    times = (compute.created, compute.modified)
    body = resource(context.state.arm_ids, ("computes", compute.name), properties, times)
    del body["systemData"]  # the service has none for a compute
    identity = {} if compute.identity is None else {"identity": dict(compute.identity)}
    return body | {"location": LOCATION, "tags": compute.tags} | identity
