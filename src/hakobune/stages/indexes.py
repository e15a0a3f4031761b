"""Which indexes a lock is made from, and what they changed since the last one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from hakobune.adapters.package_index import faults
from hakobune.errors import HashMismatchError, IndexChangedError
from hakobune.model.lock import PYTORCH_CPU, Lock, LockedSdist, LockedWheel
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.model.secrets import AskedIndex
from hakobune.model.spec import EnvironmentSpec, Index, requirement_name
from hakobune.transform.lock_changes import moved_packages, replaced_files

if TYPE_CHECKING:
    from hakobune.stages.lock import LockWishes

_LARGE = 1_000_000_000
_SHOWN = 3


def indexes_of(
    project: Project, spec: EnvironmentSpec, wishes: "LockWishes", reporter: Reporter
) -> tuple[Index, ...]:
    """Return the indexes that are named, the project's first.

    Where the conda file wants PyTorch without CUDA, PyTorch's own index is added, unless another
    one is named for it. If it does not answer, that is reported, and the usual wheels are taken.
    """
    named = (*project.indexes, *spec.indexes)
    owned = {name for index in project.indexes for name in index.packages}
    has_own = owned & {*PYTORCH_CPU.packages} or any("/cpu" in one.address for one in spec.indexes)
    if not spec.cpu_place or has_own:
        return named
    asked = [index for index in wishes.asked((PYTORCH_CPU,)) if index.packages]
    ca_bundle = wishes.index(()).get("SSL_CERT_FILE", "")
    for fault in faults(asked, "torch", ca_bundle=ca_bundle):
        reporter.say(
            f"{spec.cpu_place}: warning: {fault.what}; torch is locked with CUDA. Name a mirror of "
            f"{PYTORCH_CPU.address}: [tool.hakobune.indexes] {PYTORCH_CPU.name} = "
            '{ address = "…", packages = ["torch", "torchaudio", "torchvision"] }'
        )
        return named
    return (*project.indexes, PYTORCH_CPU, *spec.indexes)


def download_size(lock: Lock) -> tuple[str, ...]:
    """Return a line for a lock whose packages are more than a gigabyte; sizes as the index has."""
    size = sum(package.size for package in lock.python_packages)
    if size < _LARGE:
        return ()
    largest = sorted(lock.python_packages, key=lambda package: -package.size)[:_SHOWN]
    named = [f"{p.name} {p.size / 1e9:.1f} GB" for p in largest if p.size >= _LARGE // _SHOWN]
    most = f" ({', '.join(named)}, …)" if named else ""
    return (f"the packages are a download of {size / 1e9:.1f} GB{most}",)


def require_hashes(spec: EnvironmentSpec, packages: tuple[LockedWheel | LockedSdist, ...]) -> None:
    """Raise HashMismatchError where a line of the file names other bytes than the index has."""
    locked = {package.name: package for package in packages}
    for wanted in spec.requirements:
        package = locked.get(wanted.name)
        if wanted.hashes and package is not None and package.sha256 not in wanted.hashes:
            raise HashMismatchError(
                f"{wanted.place}: {package.file} on the index has none of the sha256 that "
                "`--hash` names",
                remedy="the hashes are of another file of this release, or the index's file was "
                "changed: find out which",
            )


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
