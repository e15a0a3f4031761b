"""Pushed image to a job: environment, compute, job. Each is created once, or found and compared."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.commit import commit_of
from hakobune.adapters.process import Runner
from hakobune.errors import (
    ComputeNotFoundError,
    EnvironmentConflictError,
    JobNotFoundError,
    ServiceRefusedError,
    SubmitRunningError,
)
from hakobune.model.cloud import Cloud
from hakobune.model.compute import Compute, ComputePlan
from hakobune.model.image import PushedImage
from hakobune.model.job import Job, JobInput, JobPlan, JobWishes, Pairs
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.check_compute import check_compute, check_quotas
from hakobune.transform.job_note import JobNote, read_note, write_note
from hakobune.transform.plan_job import environment_version, job_tags, plan_job, planned_inputs
from hakobune.transform.write_documents import (
    compute_document,
    environment_document,
    job_document,
)

NOTES = "runs/.jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """All that a submit will create, as the texts that create it."""

    plan: JobPlan
    environment: str
    job: str
    compute: str
    wanted_compute: ComputePlan | None


def plan_submit(
    project: Project,
    wishes: JobWishes,
    pushed: PushedImage,
    *,
    runner: Runner,
    cwd: Path,
) -> Submission:
    """Return what a submit would create. Reads this machine, and asks nobody else."""
    lock = read_fresh_lock(project)
    version = environment_version(pushed.digest or pushed.image.id)
    inputs = planned_inputs(
        project,
        wishes.arguments,
        local=lambda name, value: _local_input(project, name, value, cwd),
    )
    tags = job_tags(
        image=pushed.image,
        digest=pushed.digest or pushed.image.id,
        environment_sha256=lock.environment_sha256,
        inputs=inputs,
    )
    stamp = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{secrets.token_hex(2)}"
    plan = plan_job(
        project,
        replace(wishes, tags=(*wishes.tags, *tags, *_commit_tags(project, runner))),
        name=f"{lock.environment}-{stamp}",
        environment=(lock.environment, version),
        inputs=inputs,
    )
    wanted = wishes.compute if wishes.is_compute_created else None
    return Submission(
        plan=plan,
        environment=environment_document(pushed, name=lock.environment, version=version),
        job=job_document(plan),
        compute="" if wanted is None else compute_document(wanted),
        wanted_compute=wanted,
    )


def _local_input(project: Project, name: str, value: str, cwd: Path) -> JobInput | None:
    path = (cwd / value).resolve()
    if not path.is_file():
        return None
    root = project.root.resolve()
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return JobInput(
        name=name,
        path=str(shown),
        sha256=files.sha256_of(path),
        size_bytes=path.stat().st_size,
    )


def _commit_tags(project: Project, runner: Runner) -> Pairs:
    found = commit_of(runner, project.root)
    if found is None:
        return (("git.commit", "none"),)
    commit, is_dirty = found
    return (("git.commit", commit), ("git.dirty", "true" if is_dirty else "false"))


def submit(project: Project, submission: Submission, cloud: Cloud, reporter: Reporter) -> Job:
    """Register the environment, see to the compute, and submit the job; return it.

    Raises SubmitRunningError while another submit of this project is at work. A command that died
    in the middle is continued by the next one with the same plan.
    """
    with _alone(project):
        register_environment(submission, cloud, reporter)
        compute = _ready_compute(submission, cloud, reporter)
        note, submission = _noted(project, submission)
        job = _submitted(project, submission, cloud)
        _keep(project, replace(note, is_submitted=True))
        reporter.done("submit", f"{job.name} on {compute.name}")
        if job.page:
            reporter.say(f"in the studio: {job.page}")
        return job


def _submitted(project: Project, submission: Submission, cloud: Cloud) -> Job:
    """Return the job: found, where an earlier command got that far, or created."""
    name = submission.plan.name
    found = cloud.job(name)
    if found is not None:
        return found
    try:
        return cloud.create_job(submission.job, root=project.root)
    except ServiceRefusedError:
        # "There already": another answer to a request of ours that seemed lost.
        found = cloud.job(name)
        if found is None:
            raise
        return found


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    with files.only_one(project.root / NOTES / ".lock") as is_alone:
        if not is_alone:
            raise SubmitRunningError(
                f"another hakobune submit is at work in {project.root}",
                remedy="wait for its end; it prints the job's name",
            )
        yield


def register_environment(submission: Submission, cloud: Cloud, reporter: Reporter) -> None:
    """Register the environment, or compare the one that is there. Raises EnvironmentConflictError.

    The service keeps the first image of a version whatever is sent later.
    """
    name, _, version = submission.plan.environment.partition(":")
    wanted = _image_of(submission.environment)
    found = cloud.environment_image(name, version)
    if found is None:
        cloud.create_environment(submission.environment)
        reporter.done("env", f"{name}:{version} is registered")
        return
    if found != wanted:
        raise EnvironmentConflictError(
            f"environment {name}:{version} is registered with {found}, not with {wanted}",
            remedy="archive that version in the studio, or use the registry that it names",
        )
    reporter.done("env", f"{name}:{version} is there already, with the same image")


def _image_of(document: str) -> str:
    lines = document.splitlines()
    return next(line for line in lines if line.startswith("image: ")).removeprefix("image: ")


def _ready_compute(submission: Submission, cloud: Cloud, reporter: Reporter) -> Compute:
    plan, wanted = submission.plan, submission.wanted_compute
    compute = cloud.compute(plan.compute)
    if compute is None:
        if wanted is None:
            raise ComputeNotFoundError(
                f"the workspace has no compute `{plan.compute}`",
                remedy="name another with --compute, or add --create-compute",
            )
        compute = cloud.create_compute(submission.compute)
        reporter.done("compute", f"{compute.name} ({compute.size}) is created")
    check_compute(compute, instances=plan.instances, wanted=wanted)
    if compute.size:
        check_quotas(compute, cloud.quotas(compute), instances=plan.instances)
    return compute


def _noted(project: Project, submission: Submission) -> tuple[JobNote, Submission]:
    """Return the note of this plan and the submission under its name.

    A note of the same plan that was not submitted is taken up again.
    """
    nameless = job_document(submission.plan, with_name=False)
    sha256 = hashlib.sha256(nameless.encode()).hexdigest()
    for note in notes(project):
        if note.plan_sha256 == sha256 and not note.is_submitted:
            plan = replace(submission.plan, name=note.name)
            return note, replace(submission, plan=plan, job=job_document(plan))
    note = JobNote(
        name=submission.plan.name,
        plan_sha256=sha256,
        planned=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        is_submitted=False,
        inputs={item.name: item.path for item in submission.plan.inputs if item.is_local},
    )
    _keep(project, note)
    return note, submission


def _keep(project: Project, note: JobNote) -> None:
    files.write_bytes(project.root / NOTES / f"{note.name}.json", write_note(note))


def notes(project: Project) -> tuple[JobNote, ...]:
    """Return what this machine remembers of its jobs, the newest first."""
    found = [
        read_note(files.read_bytes(path) or b"") for path in (project.root / NOTES).glob("*.json")
    ]
    known = [note for note in found if note is not None]
    return tuple(sorted(known, key=lambda note: (note.planned, note.name), reverse=True))


def last_job(project: Project) -> str:
    """Return the name of the job that was submitted last from here. Raises JobNotFoundError."""
    for note in notes(project):
        if note.is_submitted:
            return note.name
    raise JobNotFoundError(
        f"no job was submitted from {project.root} yet",
        remedy="name one, or submit: hakobune submit",
    )


def next_attempt(submission: Submission, number: int) -> Submission:
    """Return the same submission under another name, for a job that lost its node."""
    name = f"{submission.plan.name}-{number}"
    plan = replace(submission.plan, name=name)
    return replace(submission, plan=plan, job=job_document(plan))
