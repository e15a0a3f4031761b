"""The two datastores that every workspace has."""

from dataclasses import dataclass

from drydock.refusal import not_found
from drydock.scope import Scope
from drydock.storage import ARTIFACTS

DEFAULT = "workspaceblobstore"
ARTIFACT_STORE = "workspaceartifactstore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Datastore:
    """A container of the account. `has_key`: its secret is the account's key, and no signature."""

    name: str
    container: str
    is_default: bool
    has_key: bool


def datastores(scope: Scope) -> tuple[Datastore, ...]:
    """Return the datastores. The SDK streams logs from the artifact store only with a key."""
    return (
        Datastore(
            name=DEFAULT,
            container=f"azureml-blobstore-{scope.guid}",
            is_default=True,
            has_key=False,
        ),
        Datastore(name=ARTIFACT_STORE, container=ARTIFACTS, is_default=False, has_key=True),
    )


def find_datastore(scope: Scope, name: str) -> Datastore:
    """Return the datastore of this name."""
    for datastore in datastores(scope):
        if datastore.name == name:
            return datastore
    raise not_found("Datastore", name)
