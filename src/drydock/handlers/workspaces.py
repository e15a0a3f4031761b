"""The workspace, and what its place has."""

from typing import Any

from drydock.exchange import Answer, Request, Stage, page_of
from drydock.scope import LOCATION
from drydock.state.computes import QUOTA_CORES, SIZES


def get_workspace(_request: Request, stage: Stage) -> Answer:
    """Return the workspace."""
    return Answer(body=_workspace(stage))


def list_workspaces(_request: Request, stage: Stage) -> Answer:
    """Return the one workspace."""
    return page_of([_workspace(stage)])


def list_sizes(_request: Request, _stage: Stage) -> Answer:
    """Return the sizes of machine that the stand-in knows."""
    return Answer(
        body={
            "value": [
                {
                    "name": size.name,
                    "family": size.family,
                    "vCPUs": size.cores,
                    "gpus": 0,
                    "osVhdSizeMB": 1047552,
                    "maxResourceVolumeMB": 16384,
                    "memoryGB": size.memory_gb,
                    "lowPriorityCapable": True,
                    "premiumIO": True,
                    "supportedComputeTypes": ["AmlCompute"],
                }
                for size in SIZES
            ]
        }
    )


def list_usages(_request: Request, stage: Stage) -> Answer:
    """Return how many cores of each family are used, and how many may be."""
    world = stage.world
    is_full = world.weather.strikes(("quota-exceeded",), "usages_list") is not None
    return page_of(
        [
            {
                "id": f"/subscriptions/{world.scope.subscription}/usages/{family}",
                "amlWorkspaceLocation": LOCATION,
                "type": "Microsoft.MachineLearningServices/vmFamily/usages",
                "unit": "Count",
                "currentValue": QUOTA_CORES if is_full else world.computes.cores_used(family),
                "limit": QUOTA_CORES,
                "name": {"value": family, "localizedValue": family},
            }
            for family in dict.fromkeys(size.family for size in SIZES)
        ]
    )


def _workspace(stage: Stage) -> dict[str, Any]:
    world = stage.world
    scope = world.scope
    return {
        "id": scope.workspace_id,
        "name": scope.workspace,
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": LOCATION,
        "kind": "Default",
        "tags": {},
        "identity": {"type": "SystemAssigned", "tenantId": world.workspace.tenant},
        "sku": {"name": "Basic", "tier": "Basic"},
        "properties": {
            "friendlyName": scope.workspace,
            "description": "a rehearsal by drydock",
            "workspaceId": scope.guid,
            "discoveryUrl": f"{world.address}/discovery",
            "mlFlowTrackingUri": "azureml://"
            + world.address.removeprefix("https://")
            + f"/mlflow/v1.0{scope.workspace_id}",
            # No name of a registry that exists in Azure: a push must never leave this machine.
            "containerRegistry": None,
            "provisioningState": "Succeeded",
            "publicNetworkAccess": "Enabled",
            "hbiWorkspace": False,
            "tenantId": world.workspace.tenant,
        },
    }
