"""Debian packages in the image: a library that a wheel needs and a program, from lock to run."""

import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from hakobune.stages.project import open_project, read_fresh_lock
from tests.container.conftest import ROOT
from tests.renamed import rename

# Needs Python's index and a Debian mirror: a locked Debian package does not stay on a mirror.
pytestmark = [pytest.mark.container, pytest.mark.minutes]

Hakobune = Callable[..., subprocess.CompletedProcess[str]]
USES_BOTH = """\
import subprocess, lightgbm
print(lightgbm.__version__)
print(subprocess.run(["patch", "--version"], capture_output=True, text=True).stdout.split()[1])
"""


def test_a_wheel_s_library_and_a_program_are_there_and_the_digest_is_always_the_same(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    folder, name = tmp_path / "project", f"word-count-{secrets.token_hex(4)}"
    shutil.copytree(ROOT / "tests/cases/word-count", folder, ignore=shutil.ignore_patterns("runs"))
    rename(folder, name)
    project = open_project(folder)
    text = project.environment_path.read_text(encoding="utf-8")
    project.environment_path.write_text(f"{text}  - lightgbm\n  - patch\n", encoding="utf-8")
    done = hakobune("lock", cwd=folder)
    if "error[debian-unreachable]" in done.stderr or "error[index-unreachable]" in done.stderr:
        pytest.skip("no Debian mirror or package index answers")
    assert done.returncode == 0, done.stderr
    assert "note: lightgbm needs Debian's libgomp1: added to the image" in done.stderr
    assert dict(read_fresh_lock(project).debian).keys() == {"libgomp1", "patch"}
    try:
        done = hakobune("build", cwd=folder)
        assert done.returncode == 0, done.stderr[-3000:]
        first = engine.images.get(f"{name}:local").id
        output = engine.containers.run(
            f"{name}:local",
            ["python", "-c", USES_BOTH],
            remove=True,
            network_mode="none",
            read_only=True,
            user="54321:54321",
        )
        assert len(output.split()) == 2
        again = hakobune("reproduce", "image", cwd=folder)
        assert again.returncode == 0, again.stderr[-3000:]
        vendored = hakobune("vendor", cwd=folder)
        assert vendored.returncode == 0, vendored.stderr[-3000:]
        offline = hakobune("build", "--offline", cwd=folder)
        assert offline.returncode == 0, offline.stderr[-3000:]
        assert engine.images.get(f"{name}:local").id == first
    finally:
        for image in engine.images.list(name=name):
            for tag in image.tags:
                engine.images.remove(tag, force=True)
