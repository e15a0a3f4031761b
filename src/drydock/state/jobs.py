"""Jobs: their properties, their status, and which status may follow which."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from drydock.arm_ids import text_of
from drydock.clock import Clock
from drydock.refusal import Refusal, bad_request
from drydock.state.store import Store

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
FOLLOWS = {
    "Starting": {"Queued", "Preparing", "CancelRequested", "Failed"},
    "Queued": {"Preparing", "CancelRequested", "Failed"},
    "Preparing": {"Running", "CancelRequested", "Failed"},
    # A preempted job may be queued again.
    "Running": {"Finalizing", "Queued", "CancelRequested", "Failed", "Canceled"},
    "Finalizing": {"Completed", "Failed", "Canceled"},
    "CancelRequested": {"Canceled", "Failed"},
}
OVER = ("Completed", "Failed", "Canceled")
CHANGEABLE = ("description", "tags", "displayName", "properties", "isArchived")
# Returns the part of a job that may not change, with its defaults.
Fixed = Callable[[Mapping[str, Any]], Mapping[str, Any]]


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
            message = f"Job {name} was not found in this workspace."
            raise Refusal(404, "UserError", message, inner=("NotFound", "JobNotFound"))
        return held

    def add(
        self, name: str, given: Mapping[str, Any], image: str, *, fixed: Fixed | None = None
    ) -> tuple[Job, bool]:
        """Store a job; return it and whether it is new.

        `fixed` returns what may not change; without it that is all but what is `CHANGEABLE`.

        A repeated request with the same content returns the same job, because a client that lost
        the answer repeats it.
        """
        if not NAME.fullmatch(name):
            raise bad_request(
                f"The job name '{name}' is invalid: up to 255 letters, digits, dashes and "
                "underscores, a letter or digit first."
            )
        with self._adding:
            held = self._store.get(name)
            if held is not None:
                part_of = fixed or _unchangeable
                _refuse_changes(part_of(held.given), part_of(given))
                return self.describe(name, given), False
            job = Job(
                name=name,
                given=dict(given),
                status="Starting",
                image=image,
                created=text_of(self._clock.now()),
            )
            return self._store.put(name, job), True

    def describe(self, name: str, changes: Mapping[str, Any]) -> Job:
        """Change what may change: names and texts, and more tags and properties."""
        kept = {part: changes[part] for part in CHANGEABLE if changes.get(part) is not None}

        def described(job: Job) -> Job:
            merged: dict[str, Any] = {
                part: {**(job.given.get(part) or {}), **kept[part]}
                for part in ("tags", "properties")
                if part in kept
            }
            return replace(job, given={**job.given, **kept, **merged})

        return self._store.change(name, described)

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
                container=None if status == "Queued" else container or job.container,
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


def _unchangeable(given: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in given.items() if name not in CHANGEABLE}


def _refuse_changes(held: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse another job under the same name, in the service's words (azure-docs issue 122250)."""
    changed = [part for part in {**held, **given} if held.get(part) != given.get(part)]
    if changed:
        names = ", ".join(part[0].upper() + part[1:] for part in changed)
        raise bad_request(
            "A job with this name already exists. If you are trying to create a new job, use a "
            "different name. If you are trying to update an existing job, the existing job's "
            f"{names} cannot be changed. Only {', '.join(CHANGEABLE[:-1])}, and {CHANGEABLE[-1]} "
            "can be updated.",
            inner=("Immutable", "JobPropertyImmutable"),
        )
