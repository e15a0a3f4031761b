"""Wheels that were compiled before NumPy 2 existed, and do not say so. No I/O.

A module that was compiled against NumPy 1 does not load with NumPy 2
(https://numpy.org/doc/stable/dev/depending_on_numpy.html). Conda's packages have that bound in
their metadata; wheels of that time often have none, so that a resolver takes the newest NumPy.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from packaging.utils import InvalidWheelFilename, parse_wheel_filename
from packaging.version import Version

from hakobune.model.lock import LockedSdist, LockedWheel

# The first beta, for which nothing can have been compiled earlier:
# https://github.com/numpy/numpy/releases/tag/v2.0.0b1
FIRST_NUMPY_2 = datetime(2024, 3, 12, tzinfo=UTC)


def compiled_for_numpy_1(
    packages: Iterable[LockedWheel | LockedSdist], needed_by: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return which packages (`name version`) would not load with the NumPy that is locked.

    `needed_by` says for each package which others need it. Empty where NumPy 1 is locked, or none.
    """
    by_name = {package.name: package for package in packages}
    numpy = by_name.get("numpy")
    if numpy is None or Version(numpy.version) < Version("2"):
        return ()
    return tuple(
        f"{package.name} {package.version}"
        for name in sorted(needed_by.get("numpy", ()))
        if isinstance(package := by_name.get(name), LockedWheel)
        and package.uploaded is not None
        and package.uploaded < FIRST_NUMPY_2
        and _is_compiled(package.file)
    )


def _is_compiled(file: str) -> bool:
    try:
        tags = parse_wheel_filename(file)[3]
    except InvalidWheelFilename:
        return False
    return all(tag.platform != "any" for tag in tags)
