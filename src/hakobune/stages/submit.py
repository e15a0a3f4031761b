"""Pushed image to a job: environment, compute, job. Each is created once, or found and compared."""

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
from hakobune.model.image import PushedImage
from hakobune.model.job import (
    Compute,
    ComputePlan,
    EnvironmentPlan,
    Job,
    JobInput,
    JobPlan,
    JobWishes,
    Pairs,
)
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.check_compute import check_compute, check_quotas
from hakobune.transform.job_note import JobNote, plan_digest, read_note, write_note
from hakobune.transform.plan_job import job_tags, plan_environment, plan_job, planned_inputs

NOTES = "runs/.jobs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """All that a submit will create. `compute` is None where the cluster must exist already."""

    environment: EnvironmentPlan
    compute: ComputePlan | None
    job: JobPlan


def plan_submit(
    project: Project,
    wishes: JobWishes,
    pushed: PushedImage,
    *,
    runner: Runner,
    cwd: Path,
) -> Submission:
    """Return what a submit would create. It reads this machine only, without a network."""
    lock = read_fresh_lock(project)
    environment = plan_environment(pushed, name=lock.environment)
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
        environment=environment,
        inputs=inputs,
    )
    compute = wishes.compute if wishes.is_compute_created else None
    return Submission(environment=environment, compute=compute, job=plan)


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
    """Register the environment, check or create the compute, and submit the job; return it.

    Raises SubmitRunningError while another submit of this project runs. The next command with the
    same plan continues one that was killed.
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
    found = cloud.job(submission.job.name)
    if found is not None:
        return found
    try:
        return cloud.create_job(submission.job, root=project.root)
    except ServiceRefusedError:
        # The service may say that the job exists: an earlier request of ours reached it after all.
        found = cloud.job(submission.job.name)
        if found is None:
            raise
        return found


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    with files.only_one(project.root / NOTES / ".lock") as is_alone:
        if not is_alone:
            raise SubmitRunningError(
                f"another hakobune submit runs in {project.root}",
                remedy="wait until it ends; it prints the job's name",
            )
        yield


def register_environment(submission: Submission, cloud: Cloud, reporter: Reporter) -> None:
    """Register the environment, or compare the existing one. Raises EnvironmentConflictError.

    The service keeps the first image of a version, whatever is sent later.
    """
    wanted = submission.environment
    found = cloud.environment_image(wanted.name, wanted.version)
    if found is None:
        cloud.create_environment(wanted)
        reporter.done("env", f"{wanted.reference} is registered")
        return
    if found != wanted.image:
        raise EnvironmentConflictError(
            f"environment {wanted.reference} already has the image {found}; this command uses "
            f"{wanted.image}",
            remedy=f"use the registry that is registered: --registry {found.partition('/')[0]}",
        )
    reporter.done("env", f"{wanted.reference} exists already, with the same image")


def _ready_compute(submission: Submission, cloud: Cloud, reporter: Reporter) -> Compute:
    plan, wanted = submission.job, submission.compute
    compute = cloud.compute(plan.compute)
    if compute is None:
        if wanted is None:
            raise ComputeNotFoundError(
                f"the workspace has no compute `{plan.compute}`",
                remedy="name another with --compute, or add --create-compute",
            )
        compute = cloud.create_compute(wanted)
        reporter.done("compute", f"{compute.name} ({compute.size}) is created")
    check_compute(compute, instances=plan.instances, wanted=wanted)
    if compute.size:
        check_quotas(compute, cloud.quotas(compute), instances=plan.instances)
    return compute


def _noted(project: Project, submission: Submission) -> tuple[JobNote, Submission]:
    """Return the note of this plan and the submission under its name.

    A note of the same plan that was not submitted yet is used again.
    """
    plan = submission.job
    sha256 = plan_digest(plan)
    for note in notes(project):
        if note.plan_sha256 == sha256 and not note.is_submitted:
            return note, replace(submission, job=replace(plan, name=note.name))
    note = JobNote(
        name=plan.name,
        plan_sha256=sha256,
        planned=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        is_submitted=False,
        inputs={item.name: item.path for item in plan.inputs if item.is_local},
    )
    _keep(project, note)
    return note, submission


def _keep(project: Project, note: JobNote) -> None:
    files.write_bytes(project.root / NOTES / f"{note.name}.json", write_note(note))


def notes(project: Project) -> tuple[JobNote, ...]:
    """Return what this machine remembers of its jobs, the newest first."""
    found = [
        read_note(files.read_inside(path.parent, path.name) or b"")
        for path in (project.root / NOTES).glob("*.json")
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
    job = replace(submission.job, name=f"{submission.job.name}-{number}")
    return replace(submission, job=job)
