"""What a submit would do, without doing any of it and without a login to Azure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from hakobune.adapters.azure_documents import (
    compute_document,
    environment_document,
    job_document,
)
from hakobune.adapters.patience import Patience
from hakobune.adapters.process import Runner
from hakobune.errors import GradeMissingError, RegistryRefusedError, RegistryUnreachableError
from hakobune.model.image import PushedImage
from hakobune.model.job import SERVERLESS, JobPlan, JobWishes, Pairs
from hakobune.model.project import Project
from hakobune.stages.compare import require_reference
from hakobune.stages.deliver import Order, Step
from hakobune.stages.job_notes import notes_of
from hakobune.stages.push import UNKNOWN_REGISTRY, find_pushed, plan_push
from hakobune.stages.smoke import lacking_of
from hakobune.stages.submit import Submission, plan_submit
from hakobune.transform.plan_job import plan_shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A row for each thing that a submit needs, and the YAML of all that it would create."""

    rows: Pairs
    documents: tuple[str, ...]


def preview(project: Project, order: Order, runner: Runner, patience: Patience) -> Preview:
    """Return what a submit would do. Raises what is wrong with the plan."""
    name = order.registry or UNKNOWN_REGISTRY
    pushed = plan_push(project, runner, registry_name=name)
    submission = plan_submit(project, order.wishes, pushed, runner=runner, cwd=order.cwd)
    lacking = lacking_of(project, pushed.image)
    rows = plan_rows(submission, pushed, runner, patience, lacking=lacking)
    return Preview(
        rows=(
            *rows,
            *_node_rows(order.wishes, submission.job),
            ("outputs", ": ".join(order.wishes.outputs)),
            *_kept_rows(project, order, submission, pushed),
        ),
        documents=documents(submission, shards=order.wishes.shards),
    )


def _node_rows(wishes: JobWishes, plan: JobPlan) -> Iterator[tuple[str, str]]:
    """Yield how several nodes share the work, and what a job after a lost node goes on from."""
    if wishes.shards:
        jobs = f"{wishes.shards} jobs of one node, {plan.name}-s0 (the last YAML) and so on"
        yield "shards", f"{jobs}; then {plan.name} merges their work"
    if plan.instances > 1:
        yield "distribution", f"pytorch: one process on each of {plan.instances} nodes"
    if plan.kept:
        names = ", ".join(plan.kept)
        yield "kept", f"{names}: a job that replaces a lost one continues from what is there"


def _kept_rows(
    project: Project, order: Order, submission: Submission, pushed: PushedImage
) -> Iterator[tuple[str, str]]:
    """Yield what is known here of the plan's job, and of the run that its model is graded by."""
    known = [] if order.is_again else notes_of(project, submission.job)
    if known:
        yield "before", f"{known[0].name} is this plan's job; --again submits another"
    if order.until >= Step.REGISTER and not order.is_ungraded:
        wanted = submission.job.inputs
        try:
            require_reference(project, pushed.image, order.wishes.arguments, wanted)
        except GradeMissingError as exc:
            yield "grade", f"a submit is refused: {exc.what}"
        else:
            yield "grade", "there: a local run of the same image, data and arguments"


def plan_rows(
    submission: Submission,
    pushed: PushedImage,
    runner: Runner,
    patience: Patience,
    *,
    lacking: str,
) -> Pairs:
    """Return the name of each thing that a submit needs, and what would be done about it.

    `lacking` is what smoke.lacking_of says of the image.
    """
    plan = submission.job
    files = [item for item in plan.inputs if item.is_local]
    upload = ", ".join(f"{item.path} ({_size(item.size_bytes)})" for item in files)
    return (
        ("receipt", _passed(lacking)),
        ("image", f"{pushed.reference}: {_push(pushed, runner, patience)}"),
        ("environment", f"{plan.environment}: registered, or compared where it is there already"),
        ("compute", f"{plan.compute or SERVERLESS}: {_compute(submission)}"),
        ("upload", upload or "nothing"),
        ("job", f"{plan.name} in experiment {plan.experiment}"),
        ("at most", _most(submission)),
    )


def documents(submission: Submission, *, shards: int = 0) -> tuple[str, ...]:
    """Return the YAML of all that a submit would create, of several shards the first one's."""
    compute = submission.compute
    parts = plan_shards(submission.job, shards)[:1]
    return (
        environment_document(submission.environment),
        *(() if compute is None else (compute_document(compute),)),
        job_document(replace(submission.job, kept_at=submission.job.name)),
        *(job_document(part) for part in parts),
    )


def _most(submission: Submission) -> str:
    """Return what the jobs can cost at most."""
    plan, jobs = submission.job, submission.wishes.shards + 1
    count = plan.instances * jobs
    return f"{plan.node_hours * jobs:g} node-hours ({count} x {plan.timeout_s} s)"


def _passed(lacking: str) -> str:
    if lacking:
        return f"a submit is refused until hakobune smoke has passed: the image {lacking}"
    return "there: the image has passed its smoke tests and a training on this machine"


def _push(pushed: PushedImage, runner: Runner, patience: Patience) -> str:
    size = f"up to {_size(pushed.image.size_bytes)}, layers that are there are left out"
    if pushed.repository.startswith(UNKNOWN_REGISTRY):
        return f"pushed unless it is there ({size})"
    try:
        found = find_pushed(pushed, runner, patience)
    except (RegistryRefusedError, RegistryUnreachableError) as exc:
        return f"not known whether it is there ({exc.what}); {size}"
    return "there already, not pushed" if found is not None else f"pushed ({size})"


def _compute(submission: Submission) -> str:
    wanted, plan = submission.compute, submission.job
    if not plan.compute:
        size = plan.size or "nodes of a size that Azure ML chooses"
        return f"{size}, {'spot' if plan.is_spot else 'standard'} tier"
    if wanted is None:
        return "must be there"
    priority = ", low priority" if wanted.is_low_priority else ""
    subnet = ", in the subnet" if wanted.subnet else ""
    return (
        f"created unless it is there ({wanted.size}, 0 to {wanted.max_instances} nodes{priority}"
        f"{subnet}, with an identity of its own)"
    )


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count} bytes"  # noqa: PLR2004 - a unit
