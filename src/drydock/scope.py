"""Where the one workspace lies, and the names that Azure gives to what is inside it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

PROVIDER = "Microsoft.MachineLearningServices"
LOCATION = "drydock"
# Where run history and tracking answer, by one name inside a job and outside of it.
API_HOST = "api.drydock.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
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

    def arm_id(self, *parts: str) -> str:
        """Return the ARM id of something inside the workspace."""
        return "/".join([self.workspace_id, *parts])


def tracking_uri(scope: Scope) -> str:
    """Return where MLflow's plugin finds the workspace."""
    return f"azureml://{API_HOST}/mlflow/v1.0{scope.workspace_id}?"


def text_of(time: datetime) -> str:
    """Return a time as Azure writes it."""
    return time.isoformat(timespec="microseconds")


def resource(
    scope: Scope, parts: tuple[str, ...], properties: dict[str, Any], times: tuple[str, str]
) -> dict[str, Any]:
    """Return a resource of the workspace as an answer; `times` are its creation and last change."""
    created, modified = times
    return {
        "id": scope.arm_id(*parts),
        "name": parts[-1],
        "type": "/".join([f"{PROVIDER}/workspaces", *parts[::2]]),
        "properties": properties,
        "systemData": {
            "createdAt": created,
            "createdBy": "drydock",
            "createdByType": "User",
            "lastModifiedAt": modified,
            "lastModifiedBy": "drydock",
            "lastModifiedByType": "User",
        },
    }
