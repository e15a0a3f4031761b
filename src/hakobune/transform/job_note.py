"""What this machine remembers of a job that it submitted: a value to JSON and back. No I/O."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace

from hakobune.model.forms import required
from hakobune.model.job import JobPlan
from hakobune.model.json_text import parse_json

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNote:
    """A job's name, the sha256 of its plan, when it was planned, and whether it was submitted.

    `inputs` are the paths of files that were uploaded, by the input's name. `attempt` is above 1
    for a job that replaces one whose node was lost; `group` is the job that merges this one's work,
    if it is a shard. A note is on the disk before its job is
    requested: the same plan takes the same name again, so that no job is submitted twice. A note
    that says "not submitted" was left by a command that ended before it had the answer.
    """

    name: str
    plan_sha256: str
    planned: str
    is_submitted: bool
    inputs: dict[str, str] = field(default_factory=dict)
    attempt: int = 1
    group: str = ""

    def __post_init__(self) -> None:
        """Raise TypeError for an attempt that is not a number from 1 on."""
        if type(self.attempt) is not int or self.attempt < 1:
            raise TypeError("attempt")

    @property
    def first_name(self) -> str:
        """The name of the first job of the same plan."""
        return self.name if self.attempt == 1 else self.name.rpartition("-")[0]

    def next_name(self) -> str:
        """Return the name of the job that replaces this one."""
        return f"{self.first_name}-{self.attempt + 1}"


def plan_digest(plan: JobPlan) -> str:
    """Return the sha256 of a plan, whatever the job's name.

    Whether the checkout is clean does not count: a run's own files may change that. Nor does the
    registry, which ends the environment's version: a dry run may not know it.
    """
    tags = tuple(tag for tag in plan.tags if tag[0] != "git.dirty")
    environment = plan.environment.rpartition("-")[0]
    values = asdict(replace(plan, name="", environment=environment, tags=tags))
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def write_note(note: JobNote) -> bytes:
    """Return the note as JSON."""
    document = {"schema_version": SCHEMA_VERSION, **asdict(note)}
    return (json.dumps(document, indent=2) + "\n").encode()


def read_note(content: bytes) -> JobNote | None:
    """Return the note, or None where this is none that we can read."""
    try:
        found = parse_json(content)
        if found.pop("schema_version") != SCHEMA_VERSION:
            return None
        note = JobNote(**found)
        required("job name", note.name)
        required("sha256", note.plan_sha256)
        required("time", note.planned)
        if note.group:
            required("job name", note.group)
        for name, path in note.inputs.items():
            required("input name", name)
            required("place", path)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return note if isinstance(note.is_submitted, bool) else None
