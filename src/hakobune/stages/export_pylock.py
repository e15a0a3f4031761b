"""Writes the lock's Python packages as a pylock.toml (PEP 751)."""

import os.path
import re
from pathlib import Path

from hakobune.adapters import files
from hakobune.errors import ArgumentInvalidError
from hakobune.model.project import Project
from hakobune.model.reporter import Reporter
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.write_pylock import write_pylock

# Where `hakobune vendor` puts the files.
_FILES = "vendor/wheels"


def export_pylock(project: Project, to: Path, reporter: Reporter) -> None:
    """Write the file. Raises ArgumentInvalidError, or what reading the lock raises."""
    if not re.fullmatch(r"pylock(\.[^.]+)?\.toml", to.name):
        raise ArgumentInvalidError(
            f"--pylock: no program would know {to.name}",
            remedy="name it pylock.toml, or pylock.NAME.toml (PEP 751)",
        )
    lock = read_fresh_lock(project)
    way = Path(os.path.relpath(project.root.resolve() / _FILES, to.resolve().parent))
    files.write_bytes(to, write_pylock(lock, folder=way.as_posix()).encode())
    reporter.done("export", f"{len(lock.python_packages)} packages")
