"""A project under another name: its image's tag is its own, so no other test moves it."""

import hashlib
import re
from dataclasses import replace
from pathlib import Path

from hakobune.model.lock import Lock
from hakobune.stages.build import image_tag
from hakobune.stages.project import open_project
from hakobune.transform.read_lock import read_lock
from hakobune.transform.write_lock import write_lock


def rename(folder: Path, name: str) -> Lock:
    """Name environment and image anew, in conda file, lock and compose file; return the lock."""
    project = open_project(folder)
    text = project.environment_path.read_text(encoding="utf-8")
    text = re.sub(r"(?m)^name: .*$", f"name: {name}", text)
    project.environment_path.write_text(text, encoding="utf-8")
    before = read_lock(project.lock_path.read_bytes(), file="lock")
    lock = replace(
        before, environment=name, environment_sha256=hashlib.sha256(text.encode()).hexdigest()
    )
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    compose = folder / "docker-compose.yml"
    if compose.exists():
        # What stands above the services is kept: they refer to its anchors.
        rest = re.sub(r"(?m)^name: .*\n", "", compose.read_text(encoding="utf-8"))
        rest = rest.replace(image_tag(before), image_tag(lock))
        compose.write_text(f"name: {name}\n{rest}", encoding="utf-8")
    return lock
