"""The datastores that every workspace has, and those that its users registered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drydock.arm_ids import ArmIds, text_of
from drydock.blob_store import ACCOUNT, ARTIFACTS
from drydock.clock import Clock
from drydock.refusal import bad_request, not_found, not_served
from drydock.state.store import Store

DEFAULT = "workspaceblobstore"
ARTIFACT_STORE = "workspaceartifactstore"
NAME = re.compile(r"[a-zA-Z0-9_]{1,255}")
# What each type must have beside its account.
NEEDED = {
    "AzureBlob": "containerName",
    "AzureFile": "fileShareName",
    "AzureDataLakeGen2": "filesystem",
}
CREDENTIALS = ("None", "AccountKey", "Sas")


@dataclass(frozen=True, slots=True, kw_only=True)
class Datastore:
    """A datastore; `given` are its properties as ARM has them, with its secrets.

    `has_key` says of one of the workspace's own that its secret is the account's key instead of a
    signature, and `is_own` that it is one of these.
    """

    name: str
    given: Mapping[str, Any]
    created: str
    has_key: bool = False
    is_own: bool = False

    @property
    def is_default(self) -> bool:
        """Whether outputs go there unless a job says otherwise."""
        return self.name == DEFAULT

    @property
    def credentials(self) -> Mapping[str, Any]:
        """The credentials, with their secrets."""
        return self.given.get("credentials") or {"credentialsType": "None"}


class Datastores:
    """All datastores of the workspace."""

    def __init__(self, folder: Path, *, ids: ArmIds, clock: Clock) -> None:
        self._clock = clock
        self._own = {one.name: one for one in _own(ids, text_of(clock.now()))}
        self._store = Store(folder, Datastore)

    def all(self) -> tuple[Datastore, ...]:
        """Return every datastore."""
        return (*self._own.values(), *self._store.all())

    def get(self, name: str) -> Datastore:
        """Return the datastore of this name."""
        found = self._own.get(name) or self._store.get(name)
        if found is None:
            raise not_found("Datastore", name)
        return found

    def put(self, name: str, given: Mapping[str, Any]) -> tuple[Datastore, bool]:
        """Register or change a datastore; return it and whether it is new."""
        _check(name, given)
        if name in self._own:
            raise not_served(f"drydock does not change the workspace's own datastore {name}.")
        held = self._store.get(name)
        created = held.created if held else text_of(self._clock.now())
        made = Datastore(name=name, given=dict(given), created=created)
        return self._store.put(name, made), held is None

    def remove(self, name: str) -> None:
        """Remove a datastore; its data stays where it is."""
        if name in self._own:
            raise not_served(f"drydock does not remove the workspace's own datastore {name}.")
        self.get(name)
        self._store.remove(name)

    def container(self, name: str) -> str:
        """Return the container of the rehearsal's account that a datastore names."""
        given = self.get(name).given
        if given.get("datastoreType") != "AzureBlob" or given.get("accountName") != ACCOUNT:
            raise not_served(
                f"drydock has the blobs of its own account only: the datastore {name} is "
                f"{given.get('datastoreType')} of the account {given.get('accountName')}."
            )
        return str(given["containerName"])


def _check(name: str, given: Mapping[str, Any]) -> None:
    if not NAME.fullmatch(name):
        raise bad_request(f"The datastore name '{name}' is invalid: letters, digits, underscores.")
    kind = str(given.get("datastoreType"))
    if kind not in NEEDED:
        raise not_served(f"drydock keeps datastores of the types {', '.join(NEEDED)}, not {kind}.")
    lacking = [part for part in ("accountName", NEEDED[kind]) if not given.get(part)]
    if lacking:
        raise bad_request(f"The datastore {name} has no {lacking[0]}.")
    credentials = str((given.get("credentials") or {}).get("credentialsType") or "None")
    if credentials not in CREDENTIALS:
        raise not_served(
            f"drydock keeps credentials of the types {', '.join(CREDENTIALS)}, not {credentials}."
        )


def _own(ids: ArmIds, now: str) -> tuple[Datastore, ...]:
    """Return the workspace's own. The SDK streams logs from the artifact store only with a key."""

    def own(name: str, kind: str, part: str, value: str, *, has_key: bool) -> Datastore:
        given = {
            "datastoreType": kind,
            "accountName": ACCOUNT,
            part: value,
            "credentials": {"credentialsType": "AccountKey"},
        }
        return Datastore(name=name, given=given, created=now, has_key=has_key, is_own=True)

    blobs, shares = "containerName", "fileShareName"
    default = f"azureml-blobstore-{ids.guid}"
    files, folder = f"azureml-filestore-{ids.guid}", f"code-{ids.guid}"
    return (
        own(DEFAULT, "AzureBlob", blobs, default, has_key=False),
        own(ARTIFACT_STORE, "AzureBlob", blobs, ARTIFACTS, has_key=True),
        own("workspacefilestore", "AzureFile", shares, files, has_key=False),
        own("workspaceworkingdirectory", "AzureFile", shares, folder, has_key=False),
    )
