"""Lock to a pylock.toml, for scanners and bots that know no other form. No I/O.

The format is PEP 751: https://packaging.python.org/specifications/pylock-toml/
"""

import json
from collections.abc import Iterator

from hakobune.model.lock import Lock, LockedSdist, LockedWheel


def write_pylock(lock: Lock, *, folder: str) -> str:
    """Return the text of a pylock.toml with the lock's Python packages.

    A lock has no addresses. `folder` is where `hakobune vendor` puts the files, relative to the
    pylock.toml: from there an installer takes them. Debian's packages have no place in the format.
    """
    # `3.13` means any release of it, `3.13.1` only that.
    python = f"=={lock.python}" if lock.python.count(".") > 1 else f"=={lock.python}.*"
    lines = [
        "# Written by `hakobune export --pylock`; not to be edited by hand.",
        'lock-version = "1.0"',
        'created-by = "hakobune"',
        f"requires-python = {json.dumps(python)}",
        """environments = ["sys_platform == 'linux' and platform_machine == 'x86_64'"]""",
    ]
    for package in lock.python_packages:
        lines += ["", *_package(package, folder)]
    return "\n".join(lines) + "\n"


def _package(package: LockedWheel | LockedSdist, folder: str) -> Iterator[str]:
    yield "[[packages]]"
    yield f"name = {json.dumps(package.name)}"
    yield f"version = {json.dumps(package.version)}"
    size = f", size = {package.size}" if package.size else ""
    file = (
        f"{{ name = {json.dumps(package.file)}, path = {json.dumps(f'{folder}/{package.file}')}"
        f"{size}, hashes = {{ sha256 = {json.dumps(package.sha256)} }} }}"
    )
    yield f"sdist = {file}" if isinstance(package, LockedSdist) else f"wheels = [{file}]"
