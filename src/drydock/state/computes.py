"""Clusters, which exist at once and without machines; a machine counts against a quota."""

import csv
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from drydock.arm_ids import text_of
from drydock.clock import Clock, Ids
from drydock.refusal import Refusal, bad_request, not_served
from drydock.state.store import Store

NAME = re.compile(r"[a-zA-Z](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?")
QUOTA_CORES = 24  # of a family and tier; a machine that would exceed it is not allocated
TOTAL_CORES = 48  # of a tier
TIERS = ("Dedicated", "LowPriority")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A machine size, as Azure documents it; its temporary disk in MB."""

    name: str
    family: str
    cores: int
    memory_gb: float
    gpus: int
    disk_mb: int
    has_premium_disks: bool

    @property
    def quota(self) -> int:
        """The cores of its family and a tier: none of GPUs, as in a new subscription."""
        return 0 if self.gpus else QUOTA_CORES


@cache
def sizes() -> tuple[Size, ...]:
    """Return the sizes of vm_sizes.csv, whose columns are the fields of the service's list.

    https://learn.microsoft.com/rest/api/azureml/virtual-machine-sizes/list and, for the numbers,
    https://learn.microsoft.com/azure/virtual-machines/sizes/overview
    """
    text = files("drydock").joinpath("vm_sizes.csv").read_text(encoding="utf-8")
    return tuple(
        Size(
            name=row["name"],
            family=row["family"],
            cores=int(row["vCPUs"]),
            memory_gb=float(row["memoryGB"]),
            gpus=int(row["gpus"]),
            disk_mb=int(row["maxResourceVolumeMB"]),
            has_premium_disks=row["premiumIO"] == "true",
        )
        for row in csv.DictReader(text.splitlines())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Compute:
    """A cluster; `given` is what the client requested."""

    name: str
    given: Mapping[str, Any]
    tags: Mapping[str, str] | None
    created: str
    modified: str
    identity: Mapping[str, Any] | None = None

    @property
    def has_identity(self) -> bool:
        """Whether its jobs can log in as the cluster."""
        return str((self.identity or {}).get("type") or "None") != "None"

    @property
    def settings(self) -> Mapping[str, Any]:
        """The cluster's own properties."""
        return self.given.get("properties") or {}

    @property
    def size(self) -> Size:
        """The size of its machines."""
        return find_size(str(self.settings.get("vmSize", "")))

    @property
    def tier(self) -> str:
        """Whether its machines may be taken away: Dedicated or LowPriority."""
        given = str(self.settings.get("vmPriority") or TIERS[0])
        return next((tier for tier in TIERS if tier.lower() == given.lower()), TIERS[0])

    @property
    def nodes(self) -> int:
        """The maximal number of machines."""
        return int((self.settings.get("scaleSettings") or {}).get("maxNodeCount", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A long-running request, which succeeds.

    `asked` counts the answers: in the first one the operation is still in progress.
    """

    guid: str
    asked: int = 0


def find_size(name: str) -> Size:
    """Return the size with this name; case is ignored."""
    for size in sizes():
        if size.name.lower() == name.lower():
            return size
    raise bad_request(f"The specified VM size '{name}' is not available in this location.")


class Computes:
    """All clusters of the workspace."""

    def __init__(self, folder: Path, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids
        self._store = Store(folder / "computes", Compute)
        self._operations = Store(folder / "operations", Operation)
        self._putting = threading.Lock()  # of two concurrent requests, one is first

    def all(self) -> tuple[Compute, ...]:
        """Return every cluster."""
        return self._store.all()

    def get(self, name: str) -> Compute:
        """Return the cluster of this name."""
        held = self.find(name)
        if held is None:
            raise Refusal(404, "NotFound", f"Compute {name} was not found in this workspace.")
        return held

    def find(self, name: str) -> Compute | None:
        """Return the cluster with this name, or None; case is ignored."""
        return self._store.get(name.lower())

    def put(
        self,
        name: str,
        given: Mapping[str, Any],
        tags: Mapping[str, str] | None,
        *,
        identity: Mapping[str, Any] | None = None,
    ) -> tuple[Compute, Operation]:
        """Create or change a cluster, whatever the quota: that counts machines, not clusters."""
        if not NAME.fullmatch(name):
            raise bad_request(
                f"The compute name '{name}' is invalid: 2 to 32 letters, digits or dashes, "
                "a letter first and no dash last."
            )
        if given.get("computeType") != "AmlCompute":
            raise not_served(
                f"drydock supports clusters (AmlCompute) only, not {given.get('computeType')}."
            )
        now = text_of(self._clock.now())
        made = Compute(
            name=name,
            given=dict(given),
            tags=tags,
            created=now,
            modified=now,
            identity=self._identity_of(identity),
        )
        with self._putting:
            held = self.find(name)
            kept = made if held is None else replace(made, created=held.created)
            _ = kept.size  # an unknown one is refused
            self._store.put(name.lower(), kept)
            return kept, self._note()

    def _identity_of(self, given: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Return an identity with the ids that the directory gives it."""
        if not given or not given.get("type"):
            return None
        found = {"type": given["type"], "principalId": None, "tenantId": None}
        if "SystemAssigned" in str(given["type"]):
            found |= {"principalId": self._ids.guid(), "tenantId": self._ids.guid()}
        users = given.get("userAssignedIdentities") or {}
        if users:
            found["userAssignedIdentities"] = {
                name: {"principalId": self._ids.guid(), "clientId": self._ids.guid()}
                for name in users
            }
        return found

    def remove(self, name: str) -> Operation:
        """Remove a cluster."""
        self.get(name)
        self._store.remove(name.lower())
        return self._note()

    def operation(self, guid: str) -> Operation:
        """Return the result of a request, and count that it was asked for."""
        if self._operations.get(guid) is None:
            raise Refusal(404, "NotFound", f"No operation {guid}.")
        return self._operations.change(guid, lambda one: replace(one, asked=one.asked + 1))

    def _note(self) -> Operation:
        operation = Operation(guid=self._ids.guid())
        return self._operations.put(operation.guid, operation)
