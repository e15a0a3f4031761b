"""Which tags an image has: the readable one moves late, and one stays for a run's image."""

import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from hakobune.adapters import docker_cli
from hakobune.adapters.process import SystemRunner
from hakobune.model.project import Project
from hakobune.model.secrets import NO_SECRETS
from hakobune.stages.build import build, image_tag, keep_image
from hakobune.stages.project import open_project, read_fresh_lock
from tests.container.conftest import ROOT
from tests.renamed import rename
from tests.samples import FakeReporter

pytestmark = pytest.mark.container
RUNNER = SystemRunner()


@pytest.fixture
def project(tmp_path: Path, engine: docker.DockerClient) -> Iterator[Project]:
    """The word-count case under a name of its own, whose images are removed."""
    folder = tmp_path / "project"
    shutil.copytree(ROOT / "tests/cases/word-count", folder)
    name = f"word-count-{secrets.token_hex(4)}"
    rename(folder, name)
    yield open_project(folder)
    for tag in tags(engine, name):
        subprocess.run(["docker", "image", "rm", tag], check=True, capture_output=True)


def tags(engine: docker.DockerClient, name: str) -> set[str]:
    return {tag for image in engine.images.list(name=name) for tag in image.tags}


def test_a_run_s_image_stays_when_the_readable_tag_moves(
    project: Project, engine: docker.DockerClient
) -> None:
    lock = read_fresh_lock(project)
    source = project.root / project.source / "__main__.py"
    first = build(project, RUNNER, FakeReporter(), secrets=NO_SECRETS)
    keep_image(lock, first, RUNNER)
    kept = f"{lock.environment}:sha-{first.id[7:19]}"
    assert tags(engine, lock.environment) == {image_tag(lock), kept}
    source.write_text(source.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    second = build(project, RUNNER, FakeReporter(), secrets=NO_SECRETS)
    assert second.id != first.id
    assert docker_cli.inspect(RUNNER, image_tag(lock)).id == second.id
    assert (
        docker_cli.inspect(RUNNER, kept).id == docker_cli.inspect(RUNNER, first.id).id == first.id
    )
    assert tags(engine, lock.environment) == {image_tag(lock), kept}
