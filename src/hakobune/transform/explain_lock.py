"""Why each package is in a lock, and what became of each line of the conda file. No I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hakobune.model.lock import Lock, LockedDebian, LockedPackage, LockedSdist, kind_of
from hakobune.model.spec import EnvironmentSpec, Requirement, requirement_name

_NONE = "—"
_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One line of the explanation.

    `strategy` is how the package comes into the image. `reason` is who asked for it, as
    `file:line`, or why it is not in the image.
    """

    name: str
    version: str
    strategy: str
    reason: str


def explain_lock(
    spec: EnvironmentSpec, lock: Lock, *, file: str, needed_by: Mapping[str, tuple[str, ...]]
) -> list[Explained]:
    """Return Python, the packages by name, then the lines of which nothing was locked.

    `file` is the conda file's path. `needed_by` names for a package those that need it, as far as
    that is known.
    """
    asked: dict[str, list[Requirement]] = {}
    for wanted in spec.requirements:
        asked.setdefault(wanted.name, []).append(wanted)
    locked = [
        Explained(
            name=package.name,
            version=package.version,
            strategy=_strategy(package),
            reason=_who_of_debian(package, lock)
            if isinstance(package, LockedDebian)
            else _who(package.name, asked, needed_by),
        )
        for package in lock.packages
    ]
    names = {package.name for package in lock.python_packages}
    skipped = [
        Explained(
            name=wanted.name,
            version=_NONE,
            strategy="skipped",
            reason=f"{wanted.place}: its marker does not apply to {lock.platform}",
        )
        for wanted in spec.requirements
        if wanted.name not in names
    ]
    left_out = [
        Explained(
            name=one.name, version=_NONE, strategy="left out", reason=f"{one.place}: {one.reason}"
        )
        for one in spec.left_out
    ]
    by = f"{file}:{spec.python_line}" if spec.python_line else "no line names one"
    python = Explained(name="python", version=lock.python, strategy="base image", reason=by)
    return [python, *locked, *skipped, *left_out]


def _who(
    name: str,
    asked: Mapping[str, Sequence[Requirement]],
    needed_by: Mapping[str, tuple[str, ...]],
) -> str:
    by = [_asked_by(wanted) for wanted in asked.get(name, ())]
    others = needed_by.get(name, ())
    if others:
        more = f" and {len(others) - _MOST_SHOWN} more" if len(others) > _MOST_SHOWN else ""
        by.append(f"needed by {', '.join(others[:_MOST_SHOWN])}{more}")
    if not by and name == "setuptools":
        return "comes with pip, as in conda"
    return ", ".join(by) or "needed by others"


def _who_of_debian(package: LockedDebian, lock: Lock) -> str:
    """Return who asked for a Debian package, and for which release of Debian it is."""
    by = dict(lock.debian).get(package.name.removesuffix("t64"), "needed by others")
    return f"{by}, for a base of {package.release}"


def _strategy(package: LockedPackage) -> str:
    """Return the kind, the index unless it is the default one, and what builds it."""
    index = getattr(package, "index", "")
    found = kind_of(package) + (f" from {index}" if index else "")
    if isinstance(package, LockedSdist):
        return f"{found}, built by {', '.join(package.builders)}"
    return found


def _asked_by(wanted: Requirement) -> str:
    """Return the line that asks for a package, and what it calls it where that is another name."""
    if requirement_name(wanted.written.rpartition("::")[2]) == wanted.name:
        return wanted.place
    return f"{wanted.place} (`{wanted.written}`)"
