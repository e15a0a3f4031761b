"""What this machine remembers of the jobs that it submitted: a note for each, in a file."""

import time

from hakobune.adapters import files
from hakobune.errors import JobNotFoundError
from hakobune.model.job import JobPlan
from hakobune.model.project import Project
from hakobune.transform.job_note import JobNote, plan_digest, read_note, write_note

NOTES = ".hakobune/jobs"


def notes(project: Project) -> tuple[JobNote, ...]:
    """Return what this machine remembers of its jobs, the newest first."""
    found = []
    for path in (project.root / NOTES).glob("*.json"):
        note = read_note(files.read_inside(path.parent, path.name) or b"")
        if note is not None:
            # Of two notes of one second, the file's time says which came later.
            found.append((note.planned, path.lstat().st_mtime_ns, note.name, note))
    return tuple(note for *_, note in sorted(found, key=lambda one: one[:3], reverse=True))


def notes_of(project: Project, plan: JobPlan) -> list[JobNote]:
    """Return the notes of this plan, the newest first."""
    sha256 = plan_digest(plan)
    return [note for note in notes(project) if note.plan_sha256 == sha256]


def note_of(project: Project, job: str) -> JobNote | None:
    """Return the note of a job, or None."""
    return next((note for note in notes(project) if note.name == job), None)


def attempt_of(project: Project, job: str) -> int:
    """Return which attempt at its plan a job is; the first is 1."""
    note = note_of(project, job)
    return 1 if note is None else note.attempt


def shards_of(project: Project, job: str) -> tuple[JobNote, ...]:
    """Return the newest note of each shard whose work a job merges, in the shards' order."""
    found: dict[str, JobNote] = {}
    for note in notes(project):
        if note.group == job:
            found.setdefault(note.first_name, note)
    return tuple(found[name] for name in sorted(found, key=lambda one: (len(one), one)))


def last_job(project: Project) -> str:
    """Return the name of the job that was submitted last from here, of shards that of the group.

    Raises JobNotFoundError.
    """
    for note in notes(project):
        if note.is_submitted:
            return note.group or note.name
    raise JobNotFoundError(
        f"no job was submitted from {project.root} yet",
        remedy="name one, or submit: hakobune submit",
    )


def new_note(plan: JobPlan, name: str, *, attempt: int = 1) -> JobNote:
    """Return the note of a job of this plan under this name, which is not submitted yet."""
    return JobNote(
        name=name,
        plan_sha256=plan_digest(plan),
        planned=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        is_submitted=False,
        inputs={item.name: item.path for item in plan.inputs if item.is_local},
        attempt=attempt,
        group=plan.kept_at,
    )


def keep(project: Project, note: JobNote) -> None:
    """Write a note, durably."""
    files.write_durably(project.root / NOTES / f"{note.name}.json", write_note(note))
