"""Reads the project's files: `pyproject.toml`, the conda file, and the lock."""

import hashlib
import os
import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from hakobune.adapters import files
from hakobune.errors import (
    ConfigurationInvalidError,
    EnvironmentFileInvalidError,
    LockMissingError,
    LockStaleError,
)
from hakobune.model.forms import is_of
from hakobune.model.lock import COMPILER, PYTORCH_CPU, Lock
from hakobune.model.project import PYPROJECT, Project
from hakobune.model.sandbox import INCOMING
from hakobune.model.training import RUNS, WAITING
from hakobune.transform.line_ends import line_ends_error, with_lf
from hakobune.transform.names import environment_name
from hakobune.transform.read_lock import read_lock
from hakobune.transform.read_project import read_project

if TYPE_CHECKING:  # what `lock --check` does not need, it does not wait for
    from hakobune.model.spec import EnvironmentSpec
    from hakobune.transform.spec_findings import CondaNames


def open_project(start: Path) -> Project:
    """Return the project that a folder belongs to.

    Its `pyproject.toml` is the nearest one with `[tool.hakobune]`, in the folder or above. Raises
    ConfigurationInvalidError.
    """
    for folder in (start, *start.parents):
        content = files.read_bytes(folder / "pyproject.toml", largest=files.LARGEST_DOCUMENT)
        if content is not None and b"[tool.hakobune" in content:
            return read_project(content.decode("utf-8", "replace"), root=folder)
    raise ConfigurationInvalidError(
        f"{start}: no pyproject.toml with [tool.hakobune] here or above",
        remedy="go to your project's folder, or make this one a project: hakobune init",
    )


def has_arrivals(project: Project) -> bool:
    """Tell whether something lies where containers write that is not in `runs/` yet."""
    left: list[str] = []
    try:
        with os.scandir(project.root / RUNS) as runs:
            left = [run.name for run in runs if run.name.startswith(".")]
        with os.scandir(project.root / INCOMING) as incoming:
            left += [run.name for run in incoming if not run.name.startswith(".")]
    except OSError:  # there is no such folder
        pass
    ending = WAITING.format("")[1:]
    return any(name.endswith(ending) or not name.startswith(".") for name in left)


def names_of_runs(project: Project) -> list[str]:
    """Return the names of the runs in `runs/` that a shell takes as they are, in order.

    The shell would expand the signs of other names.
    """
    names = sorted(path.parent.name for path in (project.root / RUNS).glob("*/record.json"))
    return [name for name in names if is_of("input name", name)]


def read_environment(project: Project) -> "EnvironmentSpec":
    """Read the project's conda file. Raises EnvironmentFileInvalidError with all its problems."""
    # Imported here: `lock --check` needs no YAML as long as nothing moved, and must be quick.
    from hakobune.transform.read_spec import read_spec  # noqa: PLC0415

    content = files.read_bytes(project.environment_path, largest=files.LARGEST_DOCUMENT)
    if content is None:
        raise EnvironmentFileInvalidError(
            f"{project.environment}: there is no such file",
            remedy="write it, or correct `environment` in pyproject.toml",
        )
    return read_spec(
        content,
        file=project.environment,
        names=conda_names(project.names),
        read=lambda path: files.read_bytes(project.root / path),
        source=project.source,
    )


def conda_names(own_names: Iterable[tuple[str, str]]) -> "CondaNames":
    """Return what conda's names mean; the project's own, conda's and the index's, come first."""
    from hakobune.transform.spec_findings import CondaNames  # noqa: PLC0415 - as above

    lines = files.read_data("conda_names.txt").splitlines()
    rows = (line.split() for line in lines if not line.startswith("#"))
    known = tomllib.loads(files.read_data("conda_names.toml"))
    exported = known.pop("exported")["libraries"]
    debian = {_normal(name): _debian(text) for name, text in known.pop("debian").items()}
    tables = {
        table: {_normal(name): value for name, value in names.items()}
        for table, names in known.items()
    }
    own = {_normal(name): value for name, value in own_names}
    return CondaNames(
        same={row[0]: row[-1] for row in rows},
        renamed={**tables["renamed"], **own},
        left_out={k: v for k, v in tables["left_out"].items() if k not in own},
        refused={k: v for k, v in tables["refused"].items() if k not in own},
        exported=tuple(exported),
        debian={k: v for k, v in debian.items() if k not in own},
    )


def _debian(text: str) -> tuple[tuple[str, ...], str]:
    """Return the packages of a line of the table, and whose version counts."""
    packages, _, version_of = text.partition(" @ ")
    return tuple(packages.split()), version_of or packages.split()[0]


def _normal(name: str) -> str:
    """Return a name as names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_current_lock(project: Project) -> Lock:
    """Read the lock, whether or not the conda file was changed since.

    Raises LockMissingError, LockDamagedError or LineEndsError.
    """
    content = files.read_bytes(project.lock_path, largest=files.LARGEST_DOCUMENT)
    if content is None:
        raise LockMissingError(
            f"{project.lock}: there is no lock yet",
            remedy="hakobune lock (needs the network)",
            place=project.lock,
        )
    return read_lock(content, file=project.lock)


def read_fresh_lock(project: Project) -> Lock:
    """Return the lock if it was made from the conda file as it is now.

    Raises LockStaleError, which names what changed in the conda file, LineEndsError, or what
    reading the lock raises.
    """
    lock = read_current_lock(project)
    content = files.read_bytes(project.environment_path) or b""
    is_fresh = hashlib.sha256(content).hexdigest() == lock.environment_sha256 and all(
        hashlib.sha256(files.read_bytes(project.root / path) or b"").hexdigest() == sha256
        for path, sha256 in lock.included
    )
    if not is_fresh:
        require_line_ends(project, lock)
        from hakobune.transform.compare import what_moved  # noqa: PLC0415 - as above

        moved = what_moved(read_environment(project), lock, project.environment)
        raise LockStaleError(
            f"{project.lock} is out of date: {project.environment} was changed since\n"
            + "\n".join(f"  {line}" for line in moved),
            remedy="hakobune lock",
            place=project.lock,
        )
    if environment_name(lock.environment) != lock.environment:
        raise LockStaleError(
            f"{project.lock} has the name `{lock.environment}`, which Azure ML does not accept",
            remedy="hakobune lock (it uses another name)",
            place=project.lock,
        )
    require_compiler(project, lock)
    _require_debian(project, lock)
    _require_indexes(project, lock)
    return lock


def _require_debian(project: Project, lock: Lock) -> None:
    """Raise LockStaleError if pyproject.toml names other Debian packages than it did."""
    locked = {name for name, asked_by in lock.debian if asked_by == PYPROJECT}
    moved = [
        *(f"`{name}` is new" for name in project.debian if name not in locked),
        *(f"`{name}` is gone" for name in sorted(locked - {*project.debian})),
    ]
    if moved:
        raise LockStaleError(
            f"{project.lock} is out of date: `debian` in {PYPROJECT} was changed since\n"
            + "\n".join(f"  {PYPROJECT}: {line}" for line in moved),
            remedy="hakobune lock",
            place=project.lock,
        )


def require_line_ends(project: Project, lock: Lock) -> None:
    """Raise LineEndsError where the conda file differs from the locked one in line ends alone."""
    content = files.read_bytes(project.environment_path) or b""
    unix = with_lf(content)
    if content != unix and hashlib.sha256(unix).hexdigest() == lock.environment_sha256:
        raise line_ends_error(project.environment)


def _require_indexes(project: Project, lock: Lock) -> None:
    """Raise LockStaleError if the project names other indexes than when it was locked."""
    named = {index.name for index in project.indexes} | {PYTORCH_CPU.name, ""}
    changed = [f"{one.name} differs" for one in project.indexes if one not in lock.indexes]
    changed += [f"{one.name} is gone" for one in lock.indexes if one.name not in named]
    if changed:
        raise LockStaleError(
            f"{project.lock} is out of date: [tool.hakobune.indexes] was changed since\n"
            + "\n".join(f"  pyproject.toml: {line}" for line in changed),
            remedy="hakobune lock",
            place=project.lock,
        )


def require_compiler(project: Project, lock: Lock) -> None:
    """Raise LockStaleError if the project has C libraries and the lock names no compiler."""
    if project.libraries and not lock.compilers:
        named = ", ".join(library.path for library in project.libraries)
        raise LockStaleError(
            f"{project.lock} was made before pyproject.toml named C libraries\n"
            f"  pyproject.toml: {named} is new, and the lock has no {COMPILER} to compile it",
            remedy="hakobune lock",
            place=project.lock,
        )
