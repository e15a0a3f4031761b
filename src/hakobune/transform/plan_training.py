"""Arguments of a training program to the `docker compose run` that hands them over. No I/O."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from hakobune.model.project import Project
from hakobune.model.training import Training
from hakobune.transform.arguments import put_value, value_at, value_place

RUNS = "runs"


def plan_training(
    project: Project,
    arguments: tuple[str, ...],
    *,
    run_id: str,
    is_terminal: bool,
    existing: Callable[[str], Path | None],
) -> Training:
    """Return the run. `existing` tells the absolute path of a file of this machine, or None.

    The value of an input's option that names such a file is mounted read-only and handed over as
    `inputs/<file name>`. An output's option that was not given gets `runs/<run_id>`.
    """
    passed, mounts, inputs = list(arguments), [], []
    for item in project.inputs:
        place = value_place(passed, item.flag)
        path = existing(value_at(passed, place, item.flag)) if place is not None else None
        if place is not None and path is not None:
            inside = f"inputs/{path.name}"
            mounts.append(f"--volume={path}:/workspace/{inside}:ro")
            put_value(passed, place, item.flag, inside)
            inputs.append((item.name, path))
    folder, outputs = f"{RUNS}/{run_id}", []
    for output in project.outputs:
        place = value_place(passed, output.flag)
        if place is None:
            passed += [output.flag, folder]
        else:
            folder = value_at(passed, place, output.flag).replace("{run_id}", run_id)
        if _is_ours(folder):
            outputs += [(name, f"{folder}/{name}") for name in output.files]
    container = f"hakobune-{run_id}".lower()
    command = ["docker", "compose", "run", "--rm", "--no-deps", "--name", container]
    command += [] if is_terminal else ["-T"]
    command += ["--env", f"HAKOBUNE_RUN_ID={run_id}", *mounts, project.service, *passed]
    return Training(
        command=tuple(command),
        arguments=tuple(passed),
        container=container,
        folder=folder,
        outputs=tuple(outputs),
        inputs=tuple(inputs),
    )


def _is_ours(folder: str) -> bool:
    """Tell whether a folder of the container is one of this machine: it lies in `runs`."""
    parts = PurePosixPath(folder).parts
    return len(parts) > 1 and parts[0] == RUNS and ".." not in parts
