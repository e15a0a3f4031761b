"""The ids that ARM gives to the one workspace and to the resources in it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

PROVIDER = "Microsoft.MachineLearningServices"
LOCATION = "drydock"
# The host of run history and tracking, the same inside and outside a job.
API_HOST = "api.drydock.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmIds:
    """Subscription, resource group and name of the workspace, and its GUID."""

    subscription: str
    group: str
    workspace: str
    guid: str

    @property
    def workspace_id(self) -> str:
        """The workspace's ARM id."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"
            f"/providers/{PROVIDER}/workspaces/{self.workspace}"
        )

    def id_of(self, *parts: str) -> str:
        """Return the ARM id of a resource in the workspace."""
        return "/".join([self.workspace_id, *parts])


def tracking_uri(ids: ArmIds) -> str:
    """Return the tracking URI for MLflow's plugin."""
    return f"azureml://{API_HOST}/mlflow/v1.0{ids.workspace_id}?"


def text_of(time: datetime) -> str:
    """Return a time as Azure writes it."""
    return time.isoformat(timespec="microseconds")


def resource(
    ids: ArmIds,
    parts: tuple[str, ...],
    properties: dict[str, Any],
    times: tuple[str, str],
    *,
    without: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return a resource of the workspace as an answer; `times` are its creation and last change.

    `without` names what the service leaves out of the `systemData` of this kind.
    """
    created, modified = times
    system = {
        "createdAt": created,
        "createdBy": "drydock",
        "createdByType": "User",
        "lastModifiedAt": modified,
        "lastModifiedBy": "drydock",
        "lastModifiedByType": "User",
    }
    return {
        "id": ids.id_of(*parts),
        "name": parts[-1],
        "type": "/".join([f"{PROVIDER}/workspaces", *parts[::2]]),
        "properties": properties,
        "systemData": {name: text for name, text in system.items() if name not in without},
    }
