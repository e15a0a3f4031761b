"""The two datastores that every workspace has."""

from dataclasses import dataclass

from drydock.arm_ids import ArmIds
from drydock.blob_store import ARTIFACTS
from drydock.refusal import not_found

DEFAULT = "workspaceblobstore"
ARTIFACT_STORE = "workspaceartifactstore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datastore:
    """A container of the account; with `has_key` its secret is the key instead of a signature."""

    name: str
    container: str
    is_default: bool
    has_key: bool


def datastores(ids: ArmIds) -> tuple[Datastore, ...]:
    """Return the datastores. The SDK streams logs from the artifact store only with a key."""
    return (
        Datastore(
            name=DEFAULT,
            container=f"azureml-blobstore-{ids.guid}",
            is_default=True,
            has_key=False,
        ),
        Datastore(name=ARTIFACT_STORE, container=ARTIFACTS, is_default=False, has_key=True),
    )


def find_datastore(ids: ArmIds, name: str) -> Datastore:
    """Return the datastore of this name."""
    for datastore in datastores(ids):
        if datastore.name == name:
            return datastore
    raise not_found("Datastore", name)
