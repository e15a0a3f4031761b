"""Image to a model, on this machine."""

import secrets
import time
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.commit import commit_of
from hakobune.adapters.process import Runner
from hakobune.errors import OutputsMissingError, RecordIncompleteError, TrainingFailedError
from hakobune.model.image import Image
from hakobune.model.project import Project
from hakobune.model.record import Circumstances, RecordedInput
from hakobune.model.reporter import Reporter
from hakobune.model.training import Training
from hakobune.stages.build import current_image, keep_image
from hakobune.stages.project import read_current_lock
from hakobune.stages.record import complete, find_documents, has_own_record
from hakobune.transform.names import safe_name
from hakobune.transform.plan_training import compose_override, plan_training

# 128 + SIGKILL, as docker reports it.
_KILLED = 137


def plan_train(
    project: Project, arguments: tuple[str, ...], *, cwd: Path, is_terminal: bool
) -> Training:
    """Return how a training would run: the command, and the folder that its results will lie in.

    Raises InputNotFoundError for an input that is not a file of this machine.
    """
    run_id = f"{safe_name(project.root.name)}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    run_id = f"{run_id}-{secrets.token_hex(2)}"
    return plan_training(
        project,
        arguments,
        run_id=run_id,
        is_terminal=is_terminal,
        existing=lambda text: (cwd / text).resolve() if (cwd / text).is_file() else None,
    )


def override_of(project: Project, training: Training) -> str:
    """Return the compose file that the training needs beside the project's; empty: none."""
    return compose_override(project.service, training.binds) if training.binds else ""


def train(
    project: Project, training: Training, runner: Runner, reporter: Reporter
) -> tuple[tuple[str, Path], ...]:
    """Run the training in its container and complete its record.

    Return each declared output's name and path.

    Raises TrainingFailedError with the container's exit code, OutputsMissingError, or
    RecordIncompleteError where data or image changed while it ran.
    """
    docker_cli.engine_version(runner)
    docker_cli.require_compose(runner)
    image = current_image(project, runner)
    # Before the run: whoever waits for it edits the files meanwhile.
    how = _circumstances(project, training, image, runner)
    files.make_folder(project.root / "runs")
    code = docker_cli.compose_run(
        runner,
        training.command,
        training.container,
        cwd=project.root,
        override=override_of(project, training),
    )
    if code != 0:
        raise TrainingFailedError(
            f"the training program ended with exit code {code}",
            remedy=remedy_of_exit(code),
        )
    found = tuple((name, project.root / path) for name, path in training.outputs)
    missing = [name for name, path in found if not files.has_content(path)]
    if missing:
        raise OutputsMissingError(
            f"the training succeeded, but {training.folder} lacks {', '.join(missing)}",
            remedy="make the program write them, or correct `files` in [tool.hakobune.outputs]",
        )
    if found:
        _require_unmoved(project.root / training.folder, image, runner)
        complete(project, project.root / training.folder, image, runner, how)
        keep_image(read_current_lock(project), image, runner)
    reporter.done("train", training.folder, digest=image.id)
    return found


def remedy_of_exit(code: int) -> str:
    """Return what to do about a program that ended with this code."""
    if code == _KILLED:
        return (
            "the program was killed (SIGKILL), most often for too little memory: raise "
            "HAKOBUNE_MEMORY, or mem_limit in docker-compose.yml"
        )
    return "see the output of the program above"


def _circumstances(
    project: Project, training: Training, image: Image, runner: Runner
) -> Circumstances:
    """Return what the record will say, with the files of this machine that the training reads."""
    commit, is_dirty = commit_of(runner, project.root) or ("", True)
    root = project.root.resolve()
    inputs = tuple(
        RecordedInput(
            name=name,
            path=str(path.relative_to(root) if path.is_relative_to(root) else path),
            sha256=files.sha256_of(path),
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
