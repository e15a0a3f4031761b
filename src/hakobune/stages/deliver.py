"""A training as a job, from the push of its image to its registered model.

The order of the steps and the rules between them are here and nowhere else:

- Login, workspace, plan, receipt and, for a model, the local run that it will be compared with are
  checked before anything is pushed.
- The same plan is the same job, whenever an earlier command was interrupted, unless another one is
  asked for.
- A job that lost its node is submitted again; the training program's own failure is not retried.
- Of a plan in shards, the merging job is submitted once every shard is completed.
- A fetched run is graded beside the local run of the same image, data and arguments.
- A model that was not compared with a local run is registered on request only, and one whose
  results are different is not registered.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from enum import IntEnum
from pathlib import Path

from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import (
    JobCanceledError,
    JobFailedError,
    JobNotFoundError,
    JobUnfinishedError,
)
from hakobune.model.cloud import Cloud
from hakobune.model.job import SERVERLESS, Fate, Job, JobWishes, Pairs, WatchWishes
from hakobune.model.project import Project
from hakobune.stages.compare import (
    NO_REFERENCE,
    grade_missing,
    require_alike,
    require_reference,
)
from hakobune.stages.complete_job import complete_job
from hakobune.stages.fetch import declared_files, fetch
from hakobune.stages.job_notes import attempt_of, shards_of
from hakobune.stages.push import plan_push, push
from hakobune.stages.register import planned_model, register
from hakobune.stages.shards import Shards
from hakobune.stages.smoke import require_receipt
from hakobune.stages.submit import (
    Submission,
    alone_with,
    plan_submit,
    reserve,
    submit,
    submit_after,
)
from hakobune.stages.watch import require_unfailed, watch


class Step(IntEnum):
    """How far a delivery goes; each step needs those before it."""

    SUBMIT = 1
    WATCH = 2
    FETCH = 3
    REGISTER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What a delivery works with. `patience` also has the clock and the reporter."""

    project: Project
    cloud: Cloud
    runner: Runner
    patience: Patience


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the user asked for. Without a registry the image goes to the workspace's own.

    The paths of the job's arguments start at `cwd`. `is_again` asks for another job of a plan that
    has one, `is_ungraded` allows a model that was not compared with a local run.
    """

    wishes: JobWishes
    registry: str
    cwd: Path
    until: Step = Step.SUBMIT
    retries: int = 0
    is_again: bool = False
    is_ungraded: bool = False
    how: WatchWishes = field(default_factory=WatchWishes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a job. None stands for what no step was asked to find out.

    `files` are name and path of each declared output. A fetched run has no grade where its record
    stays incomplete or where one output alone was fetched. Where no local run was there to compare
    it with, the grade says so.
    """

    job: str
    status: str | None = None
    is_over: bool | None = None
    page: str | None = None
    environment: str | None = None
    compute: str | None = None
    folder: Path | None = None
    files: Pairs = ()
    grade: str | None = None
    model: str | None = None
    version: str | None = None

    def values(self) -> dict[str, object]:
        """Return what `--json` prints: what is known, and of a fetched run always the grade."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        del found["files"]
        found = {name: value for name, value in found.items() if value is not None}
        if self.folder is not None:
            found |= {"folder": str(self.folder), "files": dict(self.files), "grade": self.grade}
        return found


def deliver(services: Services, order: Order, write_log: Callable[[bytes], None]) -> Delivery:
    """Push the image, submit the job, and take the further steps that were asked for.

    Raises what each step raises; nothing was pushed where login, workspace, plan or receipt is
    wrong. Run again it continues where it stopped.
    """
    project, cloud, runner = services.project, services.cloud, services.runner
    own_registry = cloud.registry()  # also where a registry is named: this proves the login
    pushing = plan_push(project, runner, registry_name=order.registry or own_registry)
    planned = plan_submit(project, order.wishes, pushing, runner=runner, cwd=order.cwd)
    require_receipt(project, pushing.image)
    if order.until >= Step.REGISTER:
        planned_model(project, planned.job.name)
        if not order.is_ungraded:
            require_reference(project, pushing.image, order.wishes.arguments, planned.job.inputs)
    pushed = push(pushing, runner, services.patience, services.patience.reporter)
    submission = plan_submit(project, order.wishes, pushed, runner=runner, cwd=order.cwd)
    if order.wishes.shards:
        submission = reserve(project, submission, is_again=order.is_again)
        order = replace(order, is_again=False)
        if not _is_shared_work_done(services, submission, order):
            return Delivery(job=submission.job.name, environment=submission.job.environment)
    job = submit(project, submission, cloud, services.patience.reporter, is_again=order.is_again)
    if order.until is Step.SUBMIT:
        require_unfailed(cloud, job)
    else:
        job = _completed_job(services, submission, job, write_log, order)
    found = Delivery(
        job=job.name,
        status=job.status,
        is_over=job.is_over,
        page=job.page,
        environment=submission.job.environment,
        compute=submission.job.compute or SERVERLESS,
    )
    if order.until >= Step.FETCH:
        brought = bring(services, job.name)
        found = replace(found, folder=brought.folder, files=brought.files, grade=brought.grade)
    if order.until < Step.REGISTER:
        return found
    return _registered(services, found, is_ungraded=order.is_ungraded)


def bring(services: Services, job: str, *, output: str = "") -> Delivery:
    """Fetch a job's outputs and grade them; with `output` only the one of this name, ungraded.

    Raises what fetch and complete_job raise, ModelDiffersError, and SubmitRunningError while
    another command fetches the same job.
    """
    project, reporter = services.project, services.patience.reporter
    with alone_with(project, job):
        try:
            folder = fetch(project, services.cloud, job, reporter, output=output)
        except JobNotFoundError as exc:
            if not (shards := shards_of(project, job)):
                raise
            raise JobUnfinishedError(
                f"the work of {job} is not merged yet: it is shared by {len(shards)} jobs",
                remedy="run the same hakobune submit again with --fetch",
            ) from exc
        is_complete = not output and complete_job(
            project, services.cloud, folder, services.runner, reporter
        )
    files = declared_files(project, folder, output=output)
    grade = require_alike(project, folder) if is_complete else None
    return Delivery(job=job, folder=folder, files=files, grade=grade)


def bring_model(services: Services, job: str, *, is_ungraded: bool = False) -> Delivery:
    """Fetch and grade a job's outputs, and register its model, once.

    Raises what bring raises, RecordIncompleteError for a run whose record is incomplete, and
    GradeMissingError for one without a grade, unless `is_ungraded` allows that.
    """
    return _registered(services, bring(services, job), is_ungraded=is_ungraded)


def _registered(services: Services, brought: Delivery, *, is_ungraded: bool) -> Delivery:
    assert brought.folder is not None  # noqa: S101 - for mypy
    project, reporter = services.project, services.patience.reporter
    if brought.grade == NO_REFERENCE and not is_ungraded:
        raise grade_missing(brought.folder.name)
    with alone_with(project, brought.job):
        model, version = register(
            project,
            services.cloud,
            brought.folder,
            reporter,
            grade=brought.grade,
        )
    return replace(brought, model=model, version=version)


def _is_shared_work_done(services: Services, submission: Submission, order: Order) -> bool:
    """Submit the shards, wait for their end if that was asked for, and tell whether they ended."""
    if services.cloud.job(submission.job.name) is not None:
        return True
    reporter = services.patience.reporter
    shards = Shards(services.project, submission.job.name, services.cloud, reporter)
    jobs = shards.submit(submission)
    if order.until is Step.SUBMIT:
        if all(job.fate is Fate.COMPLETED for job in jobs):
            return True
        reporter.say(
            "to follow these jobs, resubmit lost ones and merge their work, run the same command "
            "again with --watch or --fetch"
        )
        return False
    shards.follow(services.patience.clock, retries=order.retries, how=order.how)
    return True


def _completed_job(
    services: Services,
    submission: Submission,
    job: Job,
    write_log: Callable[[bytes], None],
    order: Order,
) -> Job:
    """Follow the submitted job to its end, and return it.

    Where its node was lost it is submitted again under another name, up to `order.retries` times.
    """
    project, cloud = services.project, services.cloud
    reporter, clock = services.patience.reporter, services.patience.clock
    while True:
        try:
            return watch(cloud, job.name, reporter, clock, write_log, how=order.how)
        except (JobFailedError, JobCanceledError) as exc:
            attempt = attempt_of(project, job.name) + 1
            if not exc.is_node_fault or attempt > order.retries + 1:
                raise
            reporter.say(
                f"{exc.what}\nthe node was lost; resubmitting: attempt {attempt} of "
                f"{order.retries + 1}"
            )
            reporter.done("watch", f"{job.name} lost its node")  # the next stage has its own time
        job = submit_after(project, submission, job.name, cloud, reporter)
