"""The one workspace of a state folder, and the one identity that may use it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from drydock.arm_ids import ArmIds
from drydock.clock import Ids
from drydock.errors import StateDamagedError
from drydock.files import read_json, write_json
from drydock.refusal import Refusal

GROUP = "drydock"
WORKSPACE = "rehearsal"
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Workspace:
    """The names and secrets of this rehearsal, created at its first start."""

    schema_version: int
    subscription: str
    guid: str
    tenant: str
    client: str
    client_secret: str
    token_key: str

    def __repr__(self) -> str:
        """Return nothing secret."""
        return f"Workspace({self.subscription}, ***)"

    @property
    def arm_ids(self) -> ArmIds:
        """The ARM ids of the workspace."""
        return ArmIds(
            subscription=self.subscription, group=GROUP, workspace=WORKSPACE, guid=self.guid
        )


def open_workspace(state: Path, ids: Ids) -> Workspace:
    """Return the workspace of this folder; create one if it is missing."""
    file = state / "workspace.json"
    content = read_json(file)
    if content is None:
        made = Workspace(
            schema_version=SCHEMA_VERSION,
            subscription=ids.guid(),
            guid=ids.guid(),
            tenant=ids.guid(),
            client=ids.guid(),
            client_secret=ids.secret(),
            token_key=ids.secret(),
        )
        write_json(file, asdict(made))
        return made
    try:
        return Workspace(**content)
    except TypeError as exc:
        raise StateDamagedError(
            f"not a file that drydock wrote ({exc})",
            remedy="remove the state folder and start again",
            place=str(file),
        ) from exc


def check_ids(ids: ArmIds, asked: dict[str, str]) -> None:
    """Refuse another subscription, group or workspace than this one, in Azure's words."""
    if _differ(asked.get("subscription"), ids.subscription):
        raise Refusal(
            404,
            "SubscriptionNotFound",
            f"The subscription '{asked['subscription']}' could not be found.",
        )
    if _differ(asked.get("group"), ids.group):
        raise Refusal(
            404,
            "ResourceGroupNotFound",
            f"Resource group '{asked['group']}' could not be found.",
        )
    if _differ(asked.get("workspace"), ids.workspace):
        raise Refusal(
            404,
            "ResourceNotFound",
            "The Resource 'Microsoft.MachineLearningServices/workspaces/"
            f"{asked['workspace']}' under resource group '{ids.group}' was not found.",
        )


def _differ(asked: str | None, held: str) -> bool:
    return asked is not None and asked.lower() != held.lower()
