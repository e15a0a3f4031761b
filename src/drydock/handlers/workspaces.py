"""The workspace, and the sizes and usage of its location."""

from typing import Any

from drydock.arm_ids import LOCATION
from drydock.handlers.access import registry_id, storage_id
from drydock.http_values import Answer, Context, Request, page_of
from drydock.state.computes import TIERS, TOTAL_CORES, sizes


def get_workspace(_request: Request, context: Context) -> Answer:
    """Return the workspace."""
    return Answer(body=_workspace(context))


def list_workspaces(_request: Request, context: Context) -> Answer:
    """Return the one workspace."""
    return page_of([_workspace(context)])


def list_sizes(_request: Request, _context: Context) -> Answer:
    """Return the machine sizes that drydock supports."""
    return Answer(
        body={
            "value": [
                {
                    "name": size.name,
                    "family": size.family,
                    "vCPUs": size.cores,
                    "gpus": size.gpus,
                    "osVhdSizeMB": 1047552,
                    "maxResourceVolumeMB": size.disk_mb,
                    "memoryGB": size.memory_gb,
                    "lowPriorityCapable": True,
                    "premiumIO": size.has_premium_disks,
                    "supportedComputeTypes": ["AmlCompute"],
                }
                for size in sizes()
            ]
        }
    )


def list_usages(_request: Request, context: Context) -> Answer:
    """Return used cores and quota: of each family twice, by tier in `type`, and in total."""
    state = context.state
    is_full = state.faults.take(("quota-exceeded",), "usages_list") is not None
    used = context.conductor.machines.cores_in_use()
    quotas = {size.family: size.quota for size in sizes()}
    rows = []
    for tier in TIERS:
        part = f"{tier[0].lower()}{tier[1:]}Cores"
        named = [(family, f"vmFamily/{part}") for family in quotas]
        for name, kind in (*named, (f"Total{tier}Cores", f"total{tier}Cores")):
            cores = sum(
                n for (f, t), n in used.items() if t == tier and (f == name or name not in quotas)
            )
            limit = quotas.get(name, TOTAL_CORES)
            rows.append(
                {
                    "id": f"/subscriptions/{state.arm_ids.subscription}/usages/{name}",
                    "amlWorkspaceLocation": LOCATION,
                    "type": f"Microsoft.MachineLearningServices/{kind}/usages",
                    "unit": "Count",
                    "currentValue": limit if is_full else cores,
                    "limit": limit,
                    "name": {"value": name, "localizedValue": name},
                }
            )
    return page_of(rows)


def _workspace(context: Context) -> dict[str, Any]:
    state = context.state
    ids = state.arm_ids
    return {
        "id": ids.workspace_id,
        "name": ids.workspace,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": LOCATION,
        "kind": "Default",
        "tags": {},
        "identity": {"type": "SystemAssigned", "tenantId": state.workspace.tenant},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "friendlyName": ids.workspace,
            "description": "a rehearsal by drydock",
            "workspaceId": ids.guid,
            "discoveryUrl": f"{state.address}/discovery",
            "mlFlowTrackingUri": "azureml://"
            + state.address.removeprefix("https://")
            + f"/mlflow/v1.0{ids.workspace_id}",
            # Its login server is drydock's: a push must never leave this machine.
            "containerRegistry": registry_id(context),
            "storageAccount": storage_id(context),
            "systemDatastoresAuthMode": (
                "Identity" if state.blobs.account.is_keyless else "AccessKey"
            ),
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "hbiWorkspace": False,
            "tenantId": state.workspace.tenant,
        },
    }
