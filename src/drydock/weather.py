"""Faults by name. Each lies as a file in the state folder until it has struck often enough.

A file, and no request, because weather is set for a server that is to come as well as for one that
runs, and because what makes a server fail should not depend on it.
"""

import fnmatch
import threading
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from drydock.errors import FaultUnknownError, StateDamagedError
from drydock.files import read_json, write_json

KINDS = {
    "429": "a request is answered by 429 and `Retry-After: 1`",
    "500": "a request is answered by 500",
    "dropped-upload": "the connection breaks in the middle of an upload to the blob store",
    "dropped-download": "the connection breaks in the middle of a download from the blob store",
    "expired-secret": "the token endpoint says that the client's secret has expired",
    "expired-token": "a request is answered by 401: the token has expired",
    "expired-sas": "the blob store says that the signature has expired",
    "no-permission": "a request is answered by 403: the identity may not do this",
    "image-pull-refused": "the registry does not hand out the job's image",
    "quota-exceeded": "the quota of cores is used up: no cluster can be made, no usage is left",
    "preempted": "the job's node is taken away in mid-run",
    "out-of-memory": "the job is killed because its memory is used up",
    "output-empty": "the job ends well and leaves nothing in its outputs",
    "clock-skew": "a request is answered as if this machine's clock were an hour behind",
    "slow-network": "an answer comes two seconds late",
}
SLOW_S = 2.0
# What is asked before anything else: by the SDK while it is imported, by hakobune as it starts.
# Only a pattern that names it reaches it.
EXEMPT = ("cloud_metadata", "drydock_endpoints")
EVERYWHERE = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault that is due: where it strikes (a pattern) and how often still."""

    kind: str
    route: str
    times: int


class Weather:
    """The faults of one state folder."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "weather"
        self._lock = threading.Lock()

    def set(self, kind: str, *, route: str = EVERYWHERE, times: int = 1) -> Fault:
        """Let a fault strike at the next `times` occasions that the pattern fits."""
        if kind not in KINDS:
            raise FaultUnknownError(
                f"no weather is called {kind}", remedy=f"one of: {', '.join(KINDS)}"
            )
        fault = Fault(kind=kind, route=route, times=times)
        number = max((int(path.name.split("-")[0]) for path, _ in self._due()), default=0) + 1
        write_json(self._folder / f"{number:06}-{uuid.uuid4().hex}.json", asdict(fault))
        return fault

    def due(self) -> tuple[Fault, ...]:
        """Return the faults that have not struck often enough, the oldest first."""
        return tuple(fault for _, fault in self._due())

    def clear(self) -> int:
        """Take every fault away; return how many there were."""
        found = self._due()
        for path, _ in found:
            path.unlink(missing_ok=True)
        return len(found)

    def strikes(self, kinds: tuple[str, ...], *occasions: str) -> str | None:
        """Return the first due fault of these kinds that fits an occasion, and use it up by one.

        An occasion is the name of a route, or its method and path: `PUT /subscriptions/…`.
        """
        with self._lock:
            for path, fault in self._due():
                if fault.kind in kinds and _fits(fault.route, occasions):
                    if fault.times > 1:
                        write_json(path, asdict(replace(fault, times=fault.times - 1)))
                    else:
                        path.unlink(missing_ok=True)
                    return fault.kind
        return None

    def _due(self) -> list[tuple[Path, Fault]]:
        if not self._folder.is_dir():
            return []
        found = []
        for path in sorted(self._folder.glob("*.json")):
            content = read_json(path)
            if content is None:  # used up or cleared between
                continue
            try:
                found.append((path, Fault(**content)))
            except TypeError as exc:
                raise StateDamagedError(f"{path}: {exc}", remedy="remove the file") from exc
        return found


def _fits(pattern: str, occasions: tuple[str, ...]) -> bool:
    if pattern == EVERYWHERE:
        return not any(name in occasions for name in EXEMPT)
    return any(fnmatch.fnmatchcase(text.lower(), pattern.lower()) for text in occasions)
