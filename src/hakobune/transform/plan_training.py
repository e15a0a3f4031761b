"""Arguments of a training program to the run that hands them over. No I/O."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from hakobune.errors import InputNotFoundError
from hakobune.model.project import Project
from hakobune.model.sandbox import DATA, WORKSPACE, Sandbox
from hakobune.model.training import RUNS, WAITING, Bind, Training
from hakobune.transform.arguments import put_value, value_at, value_place
from hakobune.transform.names import safe_name


def plan_training(  # noqa: PLR0913 - what a training is made of, by name
    project: Project,
    arguments: tuple[str, ...],
    *,
    run_id: str,
    is_terminal: bool,
    sandbox: Sandbox,
    existing: Callable[[str], Path | None],
) -> Training:
    """Return the run. `existing` returns the absolute path of a file or folder here, or None.

    What an input's option names is mounted read-only and handed over as `inputs/<input>/<name>`.
    An output's option that was not given gets `runs/<run_id>`, and `{run_id}` in the value of one
    that was given becomes the run's id. The program sees the folder `data`,
    if there is one, and a folder of its own in the place of `runs`.

    Raises InputNotFoundError for an input that is not on this machine.
    """
    passed = list(arguments)
    project = project.entry(arguments)
    inputs, binds = _mount_inputs(project, passed, existing)
    folder, folders, outputs = f"{RUNS}/{run_id}", [], []
    for output in project.results:
        place = value_place(passed, output.flag)
        if place is None:
            passed += [output.flag, folder]
        else:
            folder = value_at(passed, place, output.flag).replace("{run_id}", run_id)
            put_value(passed, place, output.flag, folder)
        if _is_ours(folder):
            folders.append(str(PurePosixPath(folder)))
            outputs += [(name, f"{folder}/{name}") for name in output.files]
    waiting = _waiting(run_id)
    runs = Bind(source=project.root / waiting, target=f"{WORKSPACE}/{RUNS}", is_read_only=False)
    data = existing(str(project.root / DATA))
    own = (Bind(source=data, target=f"{WORKSPACE}/{DATA}"),) if data else ()
    return Training(
        run_id=run_id,
        arguments=tuple(passed),
        is_terminal=is_terminal,
        sandbox=sandbox,
        container=f"hakobune-{safe_name(run_id)}".lower(),
        folder=folder,
        waiting=waiting,
        folders=_outermost(folders or [f"{RUNS}/{run_id}"]),
        outputs=tuple(outputs),
        inputs=tuple(inputs),
        binds=(runs, *own, *binds),
    )


def _waiting(run_id: str) -> str:
    """Return the folder that a run sees as `runs`; a run's id may come from somebody's record."""
    return f"{RUNS}/{WAITING.format(re.sub('[^A-Za-z0-9_-]', '-', run_id)[-100:])}"


def _outermost(folders: Iterable[str]) -> tuple[str, ...]:
    """Return the folders without those that lie in another of them."""
    found = dict.fromkeys(folders)
    return tuple(
        folder for folder in found if not {str(p) for p in PurePosixPath(folder).parents} & {*found}
    )


def _mount_inputs(
    project: Project, passed: list[str], existing: Callable[[str], Path | None]
) -> tuple[list[tuple[str, Path]], list[Bind]]:
    """Put the container's path of each input among the arguments; return inputs and mounts."""
    inputs, binds = [], []
    for item in project.inputs:
        place = value_place(passed, item.flag)
        if place is None:
            continue
        value = value_at(passed, place, item.flag)
        path = existing(value)
        if path is None:
            raise InputNotFoundError(
                f"{item.flag} {value}: there is no such file or folder",
                remedy="name one of this machine: the container sees that one and no other",
            )
        inside = f"inputs/{item.name}/{path.name}"
        binds.append(Bind(source=path, target=f"{WORKSPACE}/{inside}"))
        put_value(passed, place, item.flag, inside)
        inputs.append((item.name, path))
    return inputs, binds


def _is_ours(folder: str) -> bool:
    """Tell whether a folder of the container is one of this machine: it lies in `runs`."""
    parts = PurePosixPath(folder).parts
    return len(parts) > 1 and parts[0] == RUNS and ".." not in parts
