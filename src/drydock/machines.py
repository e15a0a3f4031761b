"""Which jobs have a machine of their cluster, and which wait because of the quota."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from drydock.state.computes import Compute, Computes


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """For each machine the job that has it, and for each that the quota refuses who wants it."""

    running: tuple[str, ...]
    refused: tuple[str, ...]


class Machines:
    """The machines of all clusters. `changed` is held while a job takes one, and notified."""

    def __init__(self, computes: Computes) -> None:
        self._computes = computes
        self.changed = threading.Condition()
        # A job with machines, or without because of the quota: its cluster, and how many.
        self._busy: dict[str, tuple[str, int]] = {}
        self._refused: dict[str, tuple[str, int]] = {}

    def take(self, job: str, compute: Compute | None, *, is_refused: bool, count: int = 1) -> bool:
        """Give the job its machines and return True, or return False if it must wait.

        A serverless job always gets them. The service creates a cluster beyond the quota and lets
        its jobs wait, for up to a day; `is_refused` is an injected quota.
        """
        self._refused.pop(job, None)
        if compute is not None:
            if len(_machines(self._busy, compute.name)) + count > compute.nodes:
                return False
            used = self._cores().get((compute.size.family, compute.tier), 0)
            if is_refused or used + count * compute.size.cores > compute.size.quota:
                self._refused[job] = (compute.name, count)
                return False
        self._busy[job] = ("" if compute is None else compute.name, count)
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
        """Return the jobs that have or want machines of a cluster."""
        with self.changed:
            return Nodes(
                running=_machines(self._busy, compute), refused=_machines(self._refused, compute)
            )

    def _cores(self) -> dict[tuple[str, str], int]:
        found: dict[tuple[str, str], int] = {}
        for name, count in self._busy.values():
            if (compute := self._computes.find(name)) is not None:
                kind = (compute.size.family, compute.tier)
                found[kind] = found.get(kind, 0) + count * compute.size.cores
        return found


def _machines(jobs: Mapping[str, tuple[str, int]], compute: str) -> tuple[str, ...]:
    return tuple(
        job for job, (name, count) in jobs.items() if name == compute for _ in range(count)
    )
