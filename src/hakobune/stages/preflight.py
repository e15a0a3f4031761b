"""What a submit needs, looked for before anything is built, trained, pushed or created.

All that is missing is reported at once. Each step checks again what it works with: this is for the
user, who would otherwise learn of the second thing only after correcting the first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hakobune.adapters import docker_cli
from hakobune.adapters.process import Runner
from hakobune.errors import HakobuneError, SubmitIncompleteError
from hakobune.model.cloud import Cloud
from hakobune.model.image import PushedImage
from hakobune.model.project import Project
from hakobune.stages.compare import require_reference
from hakobune.stages.deliver import Order, Step
from hakobune.stages.job_notes import notes_of
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, require_registry
from hakobune.stages.register import planned_model
from hakobune.stages.smoke import require_receipt
from hakobune.stages.submit import local_inputs, plan_submit, require_compute


def require_ready(
    project: Project,
    order: Order,
    runner: Runner,
    *,
    cloud: Callable[[], Cloud],
    makes_image: bool = False,
) -> None:
    """Raise the error of the one thing that is missing, or SubmitIncompleteError for several.

    `cloud` returns the workspace, or raises what is wrong with its name. With `makes_image` the
    image, its receipt and the local run are made afterwards, and an engine is all that they need.
    """
    problems: list[HakobuneError] = []
    workspace, registry = None, UNKNOWN_REGISTRY
    with _noted(problems):
        named = cloud()
        own = named.registry()  # also where another is named: this proves the login
        workspace, registry = named, order.registry or own
        require_registry(registry)
    pushed = None
    with _noted(problems):
        docker_cli.engine_version(runner)
        if not makes_image:
            pushed = plan_push(project, runner, registry_name=registry or UNKNOWN_REGISTRY)
    has_job = _check_plan(project, order, pushed, runner, problems)
    if order.until >= Step.REGISTER:
        with _noted(problems):
            planned_model(project, "")
    if workspace is not None and not has_job:
        with _noted(problems):
            require_compute(project, order.wishes, workspace)
    _raise(problems)


def _check_plan(
    project: Project,
    order: Order,
    pushed: PushedImage | None,
    runner: Runner,
    problems: list[HakobuneError],
) -> bool:
    """Check arguments, data and what the image has passed; tell whether the plan has a job.

    That job goes on whatever became of its cluster since.
    """
    if pushed is None:
        with _noted(problems):
            local_inputs(project, order.wishes, cwd=order.cwd)
        return False
    with _noted(problems):
        require_receipt(project, pushed.image)
    with _noted(problems):
        planned = plan_submit(project, order.wishes, pushed, runner=runner, cwd=order.cwd)
        if order.until >= Step.REGISTER and not order.is_ungraded:
            inputs = planned.job.inputs
            require_reference(project, pushed.image, order.wishes.arguments, inputs)
        return not order.is_again and bool(notes_of(project, planned.job))
    return False


@contextmanager
def _noted(problems: list[HakobuneError]) -> Iterator[None]:
    try:
        yield
    except HakobuneError as exc:
        problems.append(exc)


def _raise(problems: list[HakobuneError]) -> None:
    if len(problems) == 1:
        raise problems[0]
    if problems:
        listed = (
            f"{one.name()}: {one.what}\nfix: {one.remedy}".replace("\n", "\n    ")
            for one in problems
        )
        raise SubmitIncompleteError(
            f"{len(problems)} things are missing for this job; nothing was started\n"
            + "\n".join(f"  {text}" for text in listed),
            remedy="correct each of them, then run the command again",
        )
