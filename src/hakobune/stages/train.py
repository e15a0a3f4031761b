"""Image to a model, on this machine."""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.commit import commit_of
from hakobune.adapters.process import Runner
from hakobune.errors import LockMissingError, OutputsMissingError
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.record import Circumstances, RecordedInput
from hakobune.model.reporter import Reporter
from hakobune.model.sandbox import Sandbox
from hakobune.model.training import RUNS, Training
from hakobune.stages.arrivals import awaited
from hakobune.stages.build import image_tag, keep_image
from hakobune.stages.container_end import gone_if_interrupted, mounts_blamed, require_success
from hakobune.stages.inputs import Seen, existing_input, look_at, recorded_path, require_unchanged
from hakobune.stages.project import read_current_lock
from hakobune.stages.record import complete, find_documents
from hakobune.transform.names import safe_name
from hakobune.transform.plan_training import plan_training


def plan_train(
    project: Project,
    arguments: tuple[str, ...],
    *,
    cwd: Path,
    is_terminal: bool,
    sandbox: Sandbox,
) -> Training:
    """Return how a training would run: the command, and the folder that its results will lie in.

    Raises InputNotFoundError for an input that is not on this machine.
    """
    run_id = f"{safe_name(project.root.name)}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    run_id = f"{run_id}-{secrets.token_hex(2)}"
    return plan_training(
        project,
        arguments,
        run_id=run_id,
        is_terminal=is_terminal,
        sandbox=sandbox,
        existing=lambda text: existing_input(cwd / text),
    )


def planned_command(project: Project, training: Training) -> list[str]:
    """Return the command of a training as `train` runs it, with the image's tag for its digest.

    A project without a lock has no tag yet, and a place for it is returned.
    """
    try:
        image = image_tag(read_current_lock(project))
    except LockMissingError:
        image = "<the image>"
    return docker_cli.train_command(project, training, image=image)


def train(
    project: Project, training: Training, runner: Runner, reporter: Reporter, *, image: Image
) -> tuple[tuple[str, Path], ...]:
    """Run the training in a container of this image and complete its record.

    Return each declared output's name and path. The container is the one of the sandbox, whatever
    a compose file says: that is for people, and `doctor` reports where the two differ.

    Raises TrainingFailedError, OutOfMemoryError or EndedFromOutsideError by how the program ended,
    ContainerFailedError or MountElsewhereError where it is the engine's doing, OutputsMissingError,
    or RecordIncompleteError where data changed while it ran. A run that a signal cuts off
    before its record is complete is removed.
    """
    with gone_if_interrupted(project.root / training.folder, runs=project.root / RUNS):
        return _train(project, training, image, runner, reporter)


def _train(
    project: Project, training: Training, image: Image, runner: Runner, reporter: Reporter
) -> tuple[tuple[str, Path], ...]:
    # Before the run: whoever waits for it edits the files meanwhile.
    seen = {path: look_at(path) for _, path in training.inputs}
    how = _circumstances(project, training, seen, image, runner)
    # By its digest, so that no build can put another in its place meanwhile.
    command = docker_cli.train_command(project, training, image=image.id)
    files.make_folder(project.root / RUNS)
    with (
        mounts_blamed(runner, image, project.root / RUNS),
        awaited(project, training, reporter),
    ):
        end = docker_cli.train(runner, command, training.container)
        require_success(end, reporter, what="the training program")
    found = tuple((name, project.root / path) for name, path in training.outputs)
    with mounts_blamed(runner, image, project.root / RUNS):
        _require_outputs(project, training)
    if found or _is_run(project, training):
        require_unchanged(seen, training.folder)
        complete(project, project.root / training.folder, image, runner, how)
        keep_image(read_current_lock(project), image, runner)
    reporter.done("train", training.folder, digest=image.id)
    return found


def _is_run(project: Project, training: Training) -> bool:
    """Tell whether the program left its folder in `runs`, though no file of it is declared."""
    folder = training.folder
    return folder in training.folders and (project.root / folder).is_dir()


def _require_outputs(project: Project, training: Training) -> None:
    missing = [n for n, path in training.outputs if not files.has_content(project.root / path)]
    if missing:
        raise OutputsMissingError(
            f"the training succeeded, but {training.folder} lacks {', '.join(missing)}",
            remedy="make the program write them, or correct `files` in [tool.hakobune.outputs]",
        )


def _circumstances(
    project: Project, training: Training, seen: Mapping[Path, Seen], image: Image, runner: Runner
) -> Circumstances:
    """Return what the record will say, with what of this machine the training reads."""
    commit, is_dirty = commit_of(runner, project.root) or ("", True)
    root = project.root.resolve()
    inputs = tuple(
        RecordedInput(
            name=name,
            path=recorded_path(path, root=root),
            sha256=seen[path].sha256,
        )
        for name, path in training.inputs
    )
    return Circumstances(
        found_by="container",
        documents=find_documents(project, image),
        commit=commit,
        is_dirty=is_dirty,
        arguments=training.arguments,
        inputs=inputs,
    )
