"""Image to a model, on this machine."""

import secrets
import time
from pathlib import Path

from hakobune.adapters import docker_cli, files
from hakobune.adapters.process import Runner
from hakobune.errors import OutputsMissingError, TrainingFailedError
from hakobune.model.project import Project
from hakobune.model.record import Circumstances, RecordedInput
from hakobune.model.reporter import Reporter
from hakobune.model.training import Training
from hakobune.stages.build import current_image
from hakobune.stages.record import complete
from hakobune.transform.plan_training import plan_training


def plan_train(
    project: Project, arguments: tuple[str, ...], *, cwd: Path, is_terminal: bool
) -> Training:
    """Return how a training would run: the command, and the folder that its results will lie in."""
    run_id = f"{project.root.name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}"
    run_id = f"{run_id}-{secrets.token_hex(2)}"
    return plan_training(
        project,
        arguments,
        run_id=run_id,
        is_terminal=is_terminal,
        existing=lambda text: (cwd / text).resolve() if (cwd / text).is_file() else None,
    )


def train(
    project: Project, training: Training, runner: Runner, reporter: Reporter
) -> tuple[tuple[str, Path], ...]:
    """Run the training in its container and complete its record.

    Return each declared output's name and path.

    Raises TrainingFailedError with the container's exit code, or OutputsMissingError.
    """
    docker_cli.engine_version(runner)
    docker_cli.require_compose(runner)
    image = current_image(project, runner)
    files.make_folder(project.root / "runs")
    code = docker_cli.compose_run(runner, training.command, training.container, cwd=project.root)
    if code != 0:
        raise TrainingFailedError(
            f"the training program ended with exit code {code}",
            remedy="its own message stands above; docs/reference/trainer.md lists its exit codes",
            container_exit_code=code,
        )
    found = tuple((name, project.root / path) for name, path in training.outputs)
    missing = [name for name, path in found if not files.has_content(path)]
    if missing:
        raise OutputsMissingError(
            f"the training ended well, but {training.folder} lacks {', '.join(missing)}",
            remedy="let the program write them, or correct `files` in [tool.hakobune.outputs]",
        )
    if found:
        complete(
            project,
            project.root / training.folder,
            image,
            runner,
            Circumstances(
                found_by="container",
                arguments=training.arguments,
                inputs=recorded_inputs(project, training),
            ),
        )
    reporter.done("train", training.folder, digest=image.id)
    return found


def recorded_inputs(project: Project, training: Training) -> tuple[RecordedInput, ...]:
    """Return the files of this machine that the training reads."""
    root = project.root.resolve()
    return tuple(
        RecordedInput(
            name=name,
            path=str(path.relative_to(root) if path.is_relative_to(root) else path),
            sha256=files.sha256_of(path),
        )
        for name, path in training.inputs
    )
