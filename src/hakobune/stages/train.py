"""Image to a model, on this machine."""

import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.commit import commit_of
from hakobune.adapters.process import Runner
from hakobune.errors import OutputsMissingError, RecordIncompleteError
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.record import Circumstances, RecordedInput
from hakobune.model.reporter import Reporter
from hakobune.model.training import RUNS, Training
from hakobune.stages.arrivals import awaited
from hakobune.stages.build import current_image, keep_image
from hakobune.stages.container_end import gone_if_interrupted, mounts_blamed, require_success
from hakobune.stages.inputs import Seen, existing_input, look_at, recorded_path, require_unchanged
from hakobune.stages.project import read_current_lock
from hakobune.stages.record import complete, find_documents, has_own_record
from hakobune.transform.names import safe_name
from hakobune.transform.plan_training import compose_override, plan_training


def plan_train(
    project: Project, arguments: tuple[str, ...], *, cwd: Path, is_terminal: bool
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
        existing=lambda text: existing_input(cwd / text),
    )


def override_of(project: Project, training: Training) -> str:
    """Return the compose file that is laid over the project's: what the program sees."""
    return compose_override(project.service, training.binds)


def train(
    project: Project, training: Training, runner: Runner, reporter: Reporter
) -> tuple[tuple[str, Path], ...]:
    """Run the training in its container and complete its record.

    Return each declared output's name and path.

    Raises TrainingFailedError, OutOfMemoryError or EndedFromOutsideError by how the program ended,
    ContainerFailedError or MountElsewhereError where it is the engine's doing, OutputsMissingError,
    or RecordIncompleteError where data or image changed while it ran. A run that a signal cuts off
    before its record is complete is removed.
    """
    with gone_if_interrupted(project.root / training.folder, runs=project.root / RUNS):
        return _train(project, training, runner, reporter)


def _train(
    project: Project, training: Training, runner: Runner, reporter: Reporter
) -> tuple[tuple[str, Path], ...]:
    docker_cli.engine_version(runner)
    docker_cli.require_compose(runner)
    image = current_image(project, runner)
    # Before the run: whoever waits for it edits the files meanwhile.
    seen = {path: look_at(path) for _, path in training.inputs}
    how = _circumstances(project, training, seen, image, runner)
    files.make_folder(project.root / RUNS)
    with (
        mounts_blamed(runner, image, project.root / RUNS),
        awaited(project, training, reporter),
    ):
        end = docker_cli.compose_run(
            runner,
            training.command,
            training.container,
            cwd=project.root,
            override=override_of(project, training),
        )
        require_success(end, reporter, what="the training program")
    found = tuple((name, project.root / path) for name, path in training.outputs)
    with mounts_blamed(runner, image, project.root / RUNS):
        _require_outputs(project, training)
    if found or _is_run(project, training):
        _require_unmoved(project.root / training.folder, image, runner)
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


def _require_unmoved(folder: Path, image: Image, runner: Runner) -> None:
    """Raise RecordIncompleteError where it cannot be known which image compose took.

    A program that writes a record names its image itself.
    """
    if has_own_record(folder) or docker_cli.inspect(runner, image.tag).id == image.id:
        return
    raise RecordIncompleteError(
        f"{image.tag} was rebuilt while the training ran: which of the two made "
        f"{folder.name} is not known",
        remedy="train again; the files of this run are kept",
    )
