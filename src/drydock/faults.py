"""Injected faults, by name: each is a file in the state folder until it is used up.

A file and not a request, because a fault can also be injected before the server starts, and because
the means to make a server fail should not depend on that server.
"""

import fnmatch
import math
import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from drydock.errors import FaultUnknownError, StateDamagedError
from drydock.files import read_json, write_json

KINDS = {
    "429": "a request is answered with 429 and `Retry-After: 1`",
    "500": "a request is answered with 500",
    "dropped-upload": "the connection is reset in the middle of an upload to the blob store",
    "dropped-download": "the connection is reset in the middle of a download from the blob store",
    "expired-secret": "the token endpoint reports that the client's secret has expired",
    "expired-assertion": "the token endpoint reports that the federated assertion has expired",
    "mfa-required": "the token endpoint asks for multi-factor authentication",
    "conditional-access": "the token endpoint reports that a policy blocks the login",
    "expired-token": "a request is answered with 401: the token has expired",
    "expired-sas": "the blob store reports that the signature has expired",
    "no-permission": "a request is answered with 403: the identity lacks the permission",
    "storage-firewall": "the blob store refuses this machine's network; its firewall is on",
    "role-missing": "the login has the role Reader only; a cluster's identity has no role",
    "registry-abac": "the registry is in ABAC mode, which ignores AcrPull and AcrPush",
    "image-pull-refused": "the registry refuses to serve the job's image",
    "quota-exceeded": "the quota of cores is used up: no machine is allocated to a job",
    "mount-refused": "the node cannot mount the job's inputs",
    "preempted": "the job's node is preempted while the job runs",
    "preempted-canceled": "the job's node is preempted, and the job ends as Canceled",
    "preempted-restarted": "a node is preempted, and the job starts again with the same outputs",
    "failure-restarted": "the job's command fails, and it starts again with the same outputs",
    "out-of-memory": "the job is killed because it ran out of memory",
    "output-empty": "the job succeeds, and its outputs are empty",
    "rename-refused": "a file in a mounted output cannot be renamed: operation not permitted",
    "copy-failed": "the copy behind a renamed file of a mounted output fails: input/output error",
    "rename-corrupted": "a file that is renamed in a mounted output loses its second half",
    "clock-skew": "a request is answered as if this machine's clock were an hour behind",
    "slow-network": "an answer is delayed by two seconds",
}
SLOW_S = 2.0
# The first requests of all: the SDK sends them while it is imported, hakobune as it starts. A fault
# applies to them only if its pattern names them.
EXEMPT = ("cloud_metadata", "drydock_endpoints")
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that is still to come: a pattern of the requests to fail, and how many of them.

    One of a job's machine strikes this node, at the earliest `after_s` seconds after the job's
    start, and when its mounted outputs hold so many files (`written`).
    """

    kind: str
    route: str
    times: int
    node: int = 0
    after_s: float = 0.0
    written: int = 0

    def described(self) -> str:
        """Return in a sentence what is going to happen."""
        if not self.kind.startswith("preempted"):
            return f"{self.kind}: the next {self.times} requests that match {self.route} fail"
        when = [f"after {self.after_s:g} s"] * bool(self.after_s)
        when += [f"when its outputs hold {self.written} files"] * bool(self.written)
        return f"{self.kind}: node {self.node} of a job is taken away {' and '.join(when)}".strip()


class Faults:
    """The faults of one state folder."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "faults"
        self._lock = threading.Lock()

    def inject(  # noqa: PLR0913 - what makes a fault, by name
        self,
        kind: str,
        *,
        route: str = EVERYWHERE,
        times: int = 1,
        node: int = 0,
        after_s: float = 0.0,
        written: int = 0,
    ) -> Fault:
        """Make the next `times` occasions that match the pattern fail."""
        if kind not in KINDS:
            raise FaultUnknownError(
                f"there is no fault named {kind}", remedy=f"use one of: {', '.join(KINDS)}"
            )
        fault = Fault(
            kind=kind, route=route, times=times, node=node, after_s=after_s, written=written
        )
        number = max((int(path.name.split("-")[0]) for path, _ in self._due()), default=0) + 1
        write_json(self._folder / f"{number:06}-{uuid.uuid4().hex}.json", asdict(fault))
        return fault

    def due(self) -> tuple[Fault, ...]:
        """Return the faults that are not used up, the oldest first."""
        return tuple(fault for _, fault in self._due())

    def clear(self) -> tuple[Fault, ...]:
        """Remove all faults; return those that there were."""
        found = self._due()
        for path, _ in found:
            path.unlink(missing_ok=True)
        return tuple(fault for _, fault in found)

    def take(self, kinds: tuple[str, ...], *occasions: str) -> str | None:
        """Return the first fault of these kinds that matches an occasion, and count it.

        An occasion is the name of a route, or its method and path: `PUT /subscriptions/…`.
        """
        found = self.take_whole(kinds, *occasions)
        return None if found is None else found.kind

    def take_whole(
        self,
        kinds: tuple[str, ...],
        *occasions: str,
        age_s: float = math.inf,
        count_written: Callable[[], int] | None = None,
    ) -> Fault | None:
        """Return the first fault as `take` does.

        `age_s` is how long the job has been running, and `count_written` counts what it wrote.
        """
        with self._lock:
            for path, fault in self._due():
                is_due = fault.kind in kinds and fault.after_s <= age_s
                if not (is_due and _matches(fault.route, occasions)):
                    continue
                if fault.written <= (count_written() if fault.written and count_written else 0):
                    if fault.times > 1:
                        write_json(path, asdict(replace(fault, times=fault.times - 1)))
                    else:
                        path.unlink(missing_ok=True)
                    return fault
        return None

    def _due(self) -> list[tuple[Path, Fault]]:
        if not self._folder.is_dir():
            return []
        found = []
        for path in sorted(self._folder.glob("*.json")):
            content = read_json(path)
            if content is None:  # used up or removed in the meantime
                continue
            try:
                found.append((path, Fault(**content)))
            except TypeError as exc:
                raise StateDamagedError(
                    f"not a fault that drydock wrote ({exc})",
                    remedy="remove the file",
                    place=str(path),
                ) from exc
        return found


def _matches(pattern: str, occasions: tuple[str, ...]) -> bool:
    if pattern == EVERYWHERE:
        return not any(name in occasions for name in EXEMPT)
    return any(fnmatch.fnmatchcase(text.lower(), pattern.lower()) for text in occasions)
