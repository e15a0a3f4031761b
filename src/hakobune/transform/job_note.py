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

    `inputs` are the paths of files that were uploaded, by the input's name. A note that says "not
    submitted" was left by a command that died between the two: the same plan takes its name again,
    so that no job is submitted twice.
    """

    name: str
    plan_sha256: str
    planned: str
    is_submitted: bool
    inputs: dict[str, str] = field(default_factory=dict)


def plan_digest(plan: JobPlan) -> str:
    """Return the sha256 of a plan, whatever the job's name."""
    values = asdict(replace(plan, name=""))
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
        for name, path in note.inputs.items():
            required("input name", name)
            required("place", path)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return note if isinstance(note.is_submitted, bool) else None
