"""The image under test, and containers of it through the docker SDK."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import DockerException
from docker.models.images import Image

from hakobune.model.lock import Lock
from hakobune.stages.build import image_tag
from hakobune.stages.project import open_project, read_fresh_lock
from tests.samples import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="session")
def lock() -> Lock:
    return read_fresh_lock(open_project(ROOT))


@pytest.fixture(scope="session")
def engine() -> Iterator[docker.DockerClient]:
    try:
        client = docker.from_env(timeout=PATIENCE_S)
        client.ping()
    except DockerException as exc:
        pytest.fail(f"no Docker engine answers ({exc}): docker/engine.sh ensure")
    yield client
    client.close()


@pytest.fixture(scope="session")
def image(engine: docker.DockerClient, lock: Lock) -> Image:
    """The image that `make image` built, from the source as it is now."""
    found = engine.images.get(image_tag(lock))
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    label = found.labels["hakobune.source.sha256"]
    assert f'hakobune.source.sha256="{label}"' in dockerfile, "the image is old: make image"
    return found


@pytest.fixture
def run(engine: docker.DockerClient, image: Image) -> Run:
    """Run the image shut in: read-only, no network, no capability. Returns exit code and output."""

    def call(command: list[str], **options: Any) -> tuple[int, str]:
        container = engine.containers.create(
            image,
            command,
            **{
                "read_only": True,
                "network_mode": "none",
                "cap_drop": ["ALL"],
                "security_opt": ["no-new-privileges:true"],
                "tmpfs": {"/tmp": ""},
                **options,
            },
        )
        try:
            container.start()
            code = int(container.wait(timeout=PATIENCE_S)["StatusCode"])
            return code, container.logs().decode()
        finally:
            container.remove(force=True)

    return call


@pytest.fixture
def hakobune(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line in a folder; what it keeps of a failed build goes with the tests."""
    temporary = str(tmp_path_factory.mktemp("temporary"))

    def call(*arguments: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hakobune", *arguments],
            cwd=cwd,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT / "src"),
                "TMPDIR": temporary,
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    return call


def read_json(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found
