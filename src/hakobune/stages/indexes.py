"""Which indexes a lock is made from, and what they changed since the last one."""

from collections.abc import Iterable

from hakobune.errors import HashMismatchError, IndexChangedError
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.secrets import AskedIndex
from hakobune.model.spec import EnvironmentSpec, Index, requirement_name
from hakobune.transform.lock_changes import moved_packages, replaced_files


def indexes_of(project: Project, spec: EnvironmentSpec) -> tuple[Index, ...]:
    """Return the indexes that are named, the project's first."""
    return (*project.indexes, *spec.indexes)


def require_same_source(
    project: Project,
    old: Lock,
    new: Lock,
    asked: tuple[AskedIndex, ...],
    *,
    accepted: tuple[str, ...],
) -> None:
    """Raise HashMismatchError or IndexChangedError for what an index changed since the last lock.

    Raises IndexChangedError, too, where a package of an index that is not asked any more would come
    from another one: whoever offers its name there could put in anything. What is `accepted`, by
    name, may change.
    """
    names = {requirement_name(name) for name in accepted}
    replaced, moved = (
        {name: line for name, line in found.items() if name not in names}
        for found in (replaced_files(old, new), moved_packages(old, new))
    )
    if replaced:
        raise HashMismatchError(
            f"{project.lock} names other bytes of what the index has now\n"
            + "\n".join(f"  {line}" for line in replaced.values()),
            remedy="find out from the index's owner why a file was replaced. "
            f"If the new one is right: hakobune lock {_accepting(replaced)}",
            place=project.lock,
        )
    if moved:
        named = ", ".join(index.name for index in asked)
        raise IndexChangedError(
            f"packages would come from another index than {project.lock} names\n"
            + "\n".join(f"  {line}" for line in moved.values())
            + f"\n  queried in this order: {named}",
            remedy="name the index as before (HAKOBUNE_EXTRA_INDEX_URL, pip's configuration, or "
            f"[tool.hakobune.indexes]). If the change is right: hakobune lock {_accepting(moved)}",
            place=project.lock,
        )


def _accepting(names: Iterable[str]) -> str:
    return " ".join(f"--accept {name}" for name in names)
