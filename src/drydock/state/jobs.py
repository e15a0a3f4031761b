"""Jobs: their properties, their status, and which status may follow which."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drydock.arm_ids import text_of
from drydock.clock import Clock
from drydock.refusal import Refusal, bad_request
from drydock.state.store import Store

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
FOLLOWS = {
    "NotStarted": {"Queued", "Preparing", "CancelRequested", "Failed"},
    "Queued": {"Preparing", "CancelRequested", "Failed"},
    "Preparing": {"Running", "CancelRequested", "Failed"},
    "Running": {"Finalizing", "CancelRequested", "Failed"},
    "Finalizing": {"Completed", "Failed", "Canceled"},
    "CancelRequested": {"Canceled", "Failed"},
}
OVER = ("Completed", "Failed", "Canceled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job and its status; `given` are its properties as the client sent them."""

    name: str
    given: Mapping[str, Any]
    status: str
    image: str
    created: str
    started: str | None = None
    ended: str | None = None
    container: str | None = None
    error_code: str = ""
    error_message: str = ""

    @property
    def is_over(self) -> bool:
        """Whether its status is final."""
        return self.status in OVER

    @property
    def compute(self) -> str:
        """The name of its cluster."""
        return str(self.given.get("computeId") or "").rsplit("/", 1)[-1]


class CancelPendingError(Exception):
    """A cancellation was requested before the job's next step."""


class Jobs:
    """All jobs of the workspace."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        self._clock = clock
        self._store = Store(folder, Job)
        self._adding = threading.Lock()  # of two concurrent requests, one is first

    def all(self) -> tuple[Job, ...]:
        """Return every job, the oldest first."""
        return self._store.all()

    def get(self, name: str) -> Job:
        """Return the job of this name."""
        held = self._store.get(name)
        if held is None:
            raise Refusal(404, "UserError", f"Job {name} was not found in this workspace.")
        return held

    def add(self, name: str, given: Mapping[str, Any], image: str) -> tuple[Job, bool]:
        """Store a job; return it and whether it is new.

        A repeated request with the same content returns the same job, because a client that lost
        the answer repeats it. Only tags, names, description and the archived state may differ.
        """
        if not NAME.fullmatch(name):
            raise bad_request(
                f"The job name '{name}' is invalid: up to 255 letters, digits, dashes and "
                "underscores, a letter or digit first."
            )
        with self._adding:
            return self._add(name, given, image)

    def _add(self, name: str, given: Mapping[str, Any], image: str) -> tuple[Job, bool]:
        held = self._store.get(name)
        if held is None:
            job = Job(
                name=name,
                given=dict(given),
                status="NotStarted",
                image=image,
                created=text_of(self._clock.now()),
            )
            return self._store.put(name, job), True
        if any(given.get(part) != held.given.get(part) for part in ("command", "environmentId")):
            raise Refusal(
                409, "UserError", f"A job with the name {name} already exists. Choose another name."
            )
        return self.describe(name, given), False

    def describe(self, name: str, changes: Mapping[str, Any]) -> Job:
        """Change a job's tags, display name, description or archived state."""
        kept = {
            part: changes[part]
            for part in ("tags", "displayName", "description", "isArchived")
            if changes.get(part) is not None
        }
        if "tags" in kept:
            kept["tags"] = {**(self.get(name).given.get("tags") or {}), **kept["tags"]}
        return self._store.change(name, lambda job: replace(job, given={**job.given, **kept}))

    def move(
        self,
        name: str,
        status: str,
        *,
        container: str | None = None,
        error_code: str = "",
        error_message: str = "",
    ) -> Job:
        """Give a job its next status; any other status is a bug."""

        def moved(job: Job) -> Job:
            if status not in FOLLOWS.get(job.status, set()):
                if job.status == "CancelRequested":
                    raise CancelPendingError(name)
                raise ValueError(f"a job cannot go from {job.status} to {status}")
            now = text_of(self._clock.now())
            return replace(
                job,
                status=status,
                started=now if status == "Running" else job.started,
                ended=now if status in OVER else None,
                container=container or job.container,
                error_code=error_code,
                error_message=error_message,
            )

        self.get(name)
        return self._store.change(name, moved)

    def request_cancel(self, name: str) -> Job:
        """Request a job's cancellation; a job that is finalizing or over stays as it is."""

        def requested(job: Job) -> Job:
            if "CancelRequested" not in FOLLOWS.get(job.status, set()):
                return job
            return replace(job, status="CancelRequested")

        self.get(name)
        return self._store.change(name, requested)

    def remove(self, name: str) -> None:
        """Remove a job that is over."""
        if not self.get(name).is_over:
            raise Refusal(409, "Conflict", f"Job {name} is not over yet: cancel it first.")
        self._store.remove(name)
