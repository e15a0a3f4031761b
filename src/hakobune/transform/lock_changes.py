"""What a new lock changes in an earlier one, for people. No I/O."""

from collections.abc import Iterable

from hakobune.model.lock import Lock, LockedDebian, LockedPackage, LockedSdist, LockedWheel

_MOST = 20


def lock_changes(old: Lock | None, new: Lock) -> tuple[str, ...]:
    """Return a line for each thing that changed, the Python packages first; empty: nothing did.

    After twenty lines of one kind the rest is counted. Without an earlier lock, all is new, and
    one line says so.
    """
    if old is None:
        count = len(new.packages)
        return ("1 package, new" if count == 1 else f"{count} packages, all new",)
    return (
        *_moved("Python", old.python, new.python),
        *_some(_packages(_others(old), _others(new))),
        *_some(_packages(old.builders, new.builders, "builds wheels: ")),
        *_some(_packages(old.tools, new.tools, "tool: ")),
        *_moved("base image", old.registry_base.image, new.registry_base.image),
        *_moved("its digest", old.registry_base.digest or "", new.registry_base.digest or ""),
        *_some(_packages(_debian(old), _debian(new), "Debian: ")),
    )


def _others(lock: Lock) -> list[LockedPackage]:
    """Return the packages that are not Debian's, which may have the same names."""
    return [package for package in lock.packages if not isinstance(package, LockedDebian)]


def _debian(lock: Lock) -> tuple[LockedPackage, ...]:
    base = () if lock.debian_base is None else lock.debian_base.packages
    return (*base, *lock.debian_packages)


def _moved(what: str, then: str, now: str) -> tuple[str, ...]:
    return () if then == now else (f"{what} {then or 'open'} → {now or 'open'}",)


def _packages(
    old: Iterable[LockedPackage], new: Iterable[LockedPackage], prefix: str = ""
) -> list[str]:
    """Return the lines of one kind of packages, by name."""
    then, now = _by_name(old), _by_name(new)
    lines = []
    for name in sorted(then.keys() | now.keys()):
        before, after = then.get(name, []), now.get(name, [])
        versions = [", ".join(dict.fromkeys(p.version for p in found)) for found in (before, after)]
        if not before:
            lines.append(f"{prefix}{name} {versions[1]} added")
        elif not after:
            lines.append(f"{prefix}{name} {versions[0]} removed")
        elif versions[0] != versions[1]:
            lines.append(f"{prefix}{name} {versions[0]} → {versions[1]}")
        elif {p.sha256 for p in before} != {p.sha256 for p in after}:
            lines.append(f"{prefix}{name} {versions[1]}: another file of the same release")
        if before and after and _index(before[0]) != _index(after[0]):
            lines.append(f"{prefix}{name}: from {_index(after[0])}, was from {_index(before[0])}")
    return lines


def replaced_files(old: Lock, new: Lock) -> dict[str, str]:
    """Return, by package, a line for each file that is in both locks with other bytes."""
    then = {package.file: package for package in _files(old)}
    return {
        package.name: f"{package.file} ({_index(package)}): sha256 {package.sha256}, "
        f"was {then[package.file].sha256}"
        for package in _files(new)
        if package.file in then and then[package.file].sha256 != package.sha256
    }


def moved_packages(old: Lock, new: Lock) -> dict[str, str]:
    """Return, by name, a line for each package of a named index that another would serve now."""
    moved: dict[str, str] = {}
    for before, after in zip(_groups(old), _groups(new), strict=True):
        then = {package.name: package for package in before if package.index}
        moved |= {
            package.name: f"{package.name} {package.version} from {_index(package)}; "
            f"{then[package.name].version} was from {_index(then[package.name])}"
            for package in after
            if package.name in then and then[package.name].index != package.index
        }
    return moved


def _groups(lock: Lock) -> tuple[tuple[LockedWheel | LockedSdist, ...], ...]:
    return (lock.python_packages, lock.builders, lock.tools)


def _files(lock: Lock) -> tuple[LockedWheel | LockedSdist, ...]:
    return tuple(package for group in _groups(lock) for package in group)


def _index(package: LockedPackage) -> str:
    """Return in words where a package comes from."""
    return getattr(package, "index", "") or "the default index"


def _by_name(packages: Iterable[LockedPackage]) -> dict[str, list[LockedPackage]]:
    found: dict[str, list[LockedPackage]] = {}
    for package in packages:
        found.setdefault(package.name, []).append(package)
    return found


def _some(lines: list[str]) -> list[str]:
    left = len(lines) - _MOST
    return lines if left <= 1 else [*lines[:_MOST], f"… and {left} more"]
