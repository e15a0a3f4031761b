"""Arguments of a training program to the `docker compose run` that hands them over. No I/O."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from hakobune.model.project import Project
from hakobune.model.training import Training

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
    passed, mounts = list(arguments), []
    for item in project.inputs:
        place = _value_place(passed, item.flag)
        path = existing(_value(passed[place], item.flag)) if place is not None else None
        if place is not None and path is not None:
            inside = f"inputs/{path.name}"
            mounts.append(f"--volume={path}:/workspace/{inside}:ro")
            passed[place] = _with_value(passed[place], item.flag, inside)
    folder, outputs = f"{RUNS}/{run_id}", []
    for output in project.outputs:
        place = _value_place(passed, output.flag)
        if place is None:
            passed += [output.flag, folder]
        else:
            folder = _value(passed[place], output.flag).replace("{run_id}", run_id)
        if _is_ours(folder):
            outputs += [(name, f"{folder}/{name}") for name in output.files]
    container = f"hakobune-{run_id}".lower()
    command = ["docker", "compose", "run", "--rm", "--no-deps", "--name", container]
    command += [] if is_terminal else ["-T"]
    command += ["--env", f"HAKOBUNE_RUN_ID={run_id}", *mounts, project.service, *passed]
    return Training(
        command=tuple(command), container=container, folder=folder, outputs=tuple(outputs)
    )


def _value_place(arguments: list[str], flag: str) -> int | None:
    """Return where the option's value stands (`--input x` or `--input=x`); the last one counts."""
    for place in reversed(range(len(arguments))):
        if arguments[place].startswith(f"{flag}="):
            return place
        if arguments[place] == flag and place + 1 < len(arguments):
            return place + 1
    return None


def _value(argument: str, flag: str) -> str:
    return argument.removeprefix(f"{flag}=")


def _with_value(argument: str, flag: str, value: str) -> str:
    return f"{flag}={value}" if argument.startswith(f"{flag}=") else value


def _is_ours(folder: str) -> bool:
    """Tell whether a folder of the container is one of this machine: it lies in `runs`."""
    parts = PurePosixPath(folder).parts
    return len(parts) > 1 and parts[0] == RUNS and ".." not in parts
