"""Which jobs have a machine of their cluster, and which wait because of the quota."""

import threading
from dataclasses import dataclass

from drydock.state.computes import Compute, Computes


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """The jobs that have a machine of a cluster, and those that the quota refuses one."""

    running: tuple[str, ...]
    refused: tuple[str, ...]


class Machines:
    """The machines of all clusters. `changed` is held while a job takes one, and notified."""

    def __init__(self, computes: Computes) -> None:
        self._computes = computes
        self.changed = threading.Condition()
        self._busy: dict[str, str] = {}  # a job with a machine, and its cluster
        self._refused: dict[str, str] = {}  # a job without one, because of the quota

    def take(self, job: str, compute: Compute | None, *, is_refused: bool) -> bool:
        """Give the job a machine and return True, or return False if it must wait.

        A serverless job always gets one. The service creates a cluster beyond the quota and lets
        its jobs wait, for up to a day; `is_refused` is an injected quota.
        """
        self._refused.pop(job, None)
        if compute is not None:
            if list(self._busy.values()).count(compute.name) >= compute.nodes:
                return False
            used = self._cores().get((compute.size.family, compute.tier), 0)
            if is_refused or used + compute.size.cores > compute.size.quota:
                self._refused[job] = compute.name
                return False
        self._busy[job] = "" if compute is None else compute.name
        return True

    def give_back(self, job: str) -> None:
        """Take the job's machine away, or its request for one."""
        with self.changed:
            self._busy.pop(job, None)
            self._refused.pop(job, None)
            self.changed.notify_all()

    def wake(self) -> None:
        """Let every job that waits look again."""
        with self.changed:
            self.changed.notify_all()

    def cores_in_use(self) -> dict[tuple[str, str], int]:
        """Return the cores of all machines that jobs have, by family and tier."""
        with self.changed:
            return self._cores()

    def nodes(self, compute: str) -> Nodes:
        """Return the jobs that have or want a machine of a cluster."""
        with self.changed:
            return Nodes(
                running=tuple(job for job, name in self._busy.items() if name == compute),
                refused=tuple(job for job, name in self._refused.items() if name == compute),
            )

    def _cores(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for name in self._busy.values():
            if (compute := self._computes.find(name)) is not None:
                kind = (compute.size.family, compute.tier)
                found[kind] = found.get(kind, 0) + compute.size.cores
        return found
