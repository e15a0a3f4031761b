"""Submits a job: environment, compute, job. Each is created once, or found and compared."""

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
    DataChangedError,
    EnvironmentConflictError,
    ServiceRefusedError,
    SubmitRunningError,
)
from hakobune.model.cloud import Cloud
from hakobune.model.image import PushedImage
from hakobune.model.job import (
    SERVERLESS,
    UPLOAD,
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
from hakobune.stages.inputs import (
    existing_input,
    has_digest,
    look_at,
    recorded_input,
    recorded_path,
    require_uploaded_whole,
)
from hakobune.stages.job_notes import NOTES, keep, new_note, note_of, notes_of
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.check_compute import (
    check_compute,
    check_gpus,
    check_quotas,
    require_identity,
)
from hakobune.transform.job_note import JobNote
from hakobune.transform.names import valid_name
from hakobune.transform.plan_job import job_tags, plan_environment, plan_job, planned_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What was wished, and all that a submit will create for it.

    `compute` is None where the cluster must exist already.
    """

    wishes: JobWishes
    environment: EnvironmentPlan
    compute: ComputePlan | None
    job: JobPlan
    asked: ComputePlan | None = None


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
    inputs = local_inputs(project, wishes, cwd=cwd)
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
    compute = wishes.compute.whole() if wishes.is_compute_created else None
    return Submission(wishes=wishes, environment=environment, compute=compute, job=plan)


def local_inputs(project: Project, wishes: JobWishes, *, cwd: Path) -> tuple[JobInput, ...]:
    """Return the inputs that a job's arguments name, those of this machine with their digests.

    Raises InputNotFoundError, InputUnusableError or ReferenceMutableError.
    """
    return planned_inputs(
        project,
        wishes.arguments,
        local=lambda name, value: _local_input(project, name, value, cwd),
    )


def _local_input(project: Project, name: str, value: str, cwd: Path) -> JobInput | None:
    path = existing_input(cwd / value)
    if path is None:
        return None
    require_uploaded_whole(path)
    seen = look_at(path)
    return JobInput(
        name=name,
        path=recorded_path(path, root=project.root.resolve()),
        sha256=seen.sha256,
        size_bytes=seen.size_bytes,
        is_folder=seen.is_folder,
    )


def _require_uploaded(project: Project, job: Job, plan: JobPlan, cloud: Cloud) -> None:
    """Cancel the job, and raise DataChangedError, where a file changed before it was uploaded."""
    for item in plan.inputs:
        path = recorded_input(project.root, item.path) if item.is_local else None
        if item.is_local and (path is None or not has_digest(path, item.sha256)):
            cloud.cancel_job(job.name)
            raise DataChangedError(
                f"{item.path} was changed while it was uploaded; the job {job.name} is canceled",
                remedy="submit again, and change the data afterwards",
            )


def _commit_tags(project: Project, runner: Runner) -> Pairs:
    found = commit_of(runner, project.root)
    if found is None:
        return (("git.commit", "none"),)
    commit, is_dirty = found
    return (("git.commit", commit), ("git.dirty", "true" if is_dirty else "false"))


def submit(  # noqa: PLR0913 - what it submits, with what, and how
    project: Project,
    submission: Submission,
    cloud: Cloud,
    reporter: Reporter,
    *,
    is_again: bool = False,
    is_ready: bool = False,
) -> Job:
    """Return the job of this plan: the one that was submitted before, or a new one.

    Whenever an earlier command ended, killed or not, the same plan gives the same job; `is_again`
    asks for another one. For a new job the environment is registered and the compute is checked or
    created, unless `is_ready` says that both were. Raises SubmitRunningError while another submit
    of this project runs.
    """
    with _alone(project):
        for note in [] if is_again else notes_of(project, submission.job):
            job = cloud.job(note.name)
            if job is not None:
                keep(project, replace(note, is_submitted=True))
                reporter.done(
                    "submit",
                    f"{job.name}: submitted before, unchanged ({job.status})",
                )
                return job
            # A job that was submitted, and is not there, was submitted to another workspace.
            if not note.is_submitted:
                return _create(project, submission, note, cloud, reporter, is_ready=is_ready)
        note = new_note(submission.job, submission.job.name)
        return _create(project, submission, note, cloud, reporter, is_ready=is_ready)


def reserve(project: Project, submission: Submission, *, is_again: bool) -> Submission:
    """Return the submission under the name that its job has or will have, which is on the disk.

    The jobs that must end before it are named after it. Raises SubmitRunningError.
    """
    with _alone(project):
        known = [] if is_again else notes_of(project, submission.job)
        note = known[0] if known else new_note(submission.job, submission.job.name)
        if not known:
            keep(project, note)
    return replace(submission, job=replace(submission.job, name=note.first_name))


def submit_after(
    project: Project, submission: Submission, lost: str, cloud: Cloud, reporter: Reporter
) -> Job:
    """Return the job that replaces one of the same plan whose node was lost."""
    with _alone(project):
        note = note_of(project, lost)
        name = f"{lost}-2" if note is None else note.next_name()
        attempt = 2 if note is None else note.attempt + 1
        return _create(
            project, submission, new_note(submission.job, name, attempt=attempt), cloud, reporter
        )


def submit_once(project: Project, submission: Submission, cloud: Cloud, reporter: Reporter) -> Job:
    """Return a new job that no later command continues, such as the canary's."""
    register_environment(submission, cloud, reporter)
    if submission.job.compute:
        _make_ready(project, submission, cloud, reporter)
    job = _submitted(project, submission.job, cloud)
    reporter.done("submit", f"{job.name} on {submission.job.compute or SERVERLESS}")
    return job


def _create(  # noqa: PLR0913 - what it creates, and with what
    project: Project,
    submission: Submission,
    note: JobNote,
    cloud: Cloud,
    reporter: Reporter,
    *,
    is_ready: bool = False,
) -> Job:
    """Submit the job under the note's name, which is on the disk before the request."""
    if not is_ready:
        register_environment(submission, cloud, reporter)
        if submission.job.compute:
            _make_ready(project, submission, cloud, reporter)
    keep(project, note)
    kept_at = submission.job.kept_at or note.first_name
    plan = replace(submission.job, name=note.name, kept_at=kept_at)
    job = _submitted(project, plan, cloud)
    _require_uploaded(project, job, plan, cloud)
    keep(project, replace(note, is_submitted=True))
    reporter.done("submit", f"{job.name} on {submission.job.compute or SERVERLESS}")
    if job.page:
        reporter.say(f"the job's page: {job.page}")
    return job


def _submitted(project: Project, plan: JobPlan, cloud: Cloud) -> Job:
    """Return the job: found, where an earlier command got that far, or created."""
    found = cloud.job(plan.name)
    if found is not None:
        return found
    try:
        return cloud.create_job(plan, root=project.root)
    except ServiceRefusedError:
        # The service may say that the job exists: an earlier request of ours reached it after all.
        found = cloud.job(plan.name)
        if found is None:
            raise
        return found


@contextmanager
def alone_with(project: Project, job: str) -> Iterator[None]:
    """Raise SubmitRunningError unless no other command fetches or registers this job's outputs."""
    with files.only_one(project.root / NOTES / f"{valid_name('job', job)}.lock") as is_alone:
        if not is_alone:
            raise SubmitRunningError(
                f"another hakobune command fetches or registers {job}",
                remedy="wait until it ends, then run this command again",
            )
        yield


@contextmanager
def _alone(project: Project) -> Iterator[None]:
    files.own_folder(project.root)
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


def require_compute(project: Project, wishes: JobWishes, cloud: Cloud) -> Compute | None:
    """Return the compute that a job would run on; None where it is to be created, or serverless.

    Raises ComputeNotFoundError, or ComputeUnusableError where it cannot run this job.
    """
    plan = wishes.compute.whole() if wishes.is_compute_created else wishes.compute
    compute = None if plan.is_serverless else cloud.compute(plan.name)
    if compute is None and not (wishes.is_compute_created or plan.is_serverless):
        raise ComputeNotFoundError(
            f"the workspace has no compute `{plan.name}`",
            remedy="name another with --compute, or add --create-compute",
        )
    if compute is not None:
        check_compute(compute, instances=wishes.instances, wanted=plan)
        if wishes.identity != "user" and (wishes.identity or cloud.is_keyless()):
            require_identity(compute)
    if project.gpus:
        check_gpus(plan.name, compute.size if compute else plan.size)
    return compute


def _make_ready(project: Project, submission: Submission, cloud: Cloud, reporter: Reporter) -> None:
    """Create the cluster if it is missing and may be created, and check it."""
    plan, wishes = submission.job, submission.wishes
    compute = require_compute(project, wishes, cloud)
    if compute is None:
        wanted = wishes.compute.whole()
        compute = cloud.create_compute(wanted)
        reporter.done("compute", f"{compute.name} ({compute.size}) is created")
        _show_roles(compute, cloud.needed_roles(), reporter)
        check_compute(compute, instances=plan.instances, wanted=wanted)
    if compute.is_low_priority and plan.output_mode == UPLOAD:
        reporter.say(
            f"compute {compute.name} has low-priority nodes, and one that is taken away uploads "
            "nothing; to keep what was written by then: --output-mode rw_mount"
        )
    if compute.size:
        check_quotas(compute, cloud.quotas(compute), instances=plan.instances)


def _show_roles(compute: Compute, roles: Pairs, reporter: Reporter) -> None:
    """Print the roles that the new cluster's identity needs, as commands for an owner."""
    reporter.say(f"the identity of {compute.name} needs these roles; whoever owns the resources:")
    for role, scope in roles:
        reporter.say(
            f"  az role assignment create --assignee-object-id {compute.principal} "
            f'--assignee-principal-type ServicePrincipal --role "{role}" --scope {scope}'
        )
