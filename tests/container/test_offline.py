"""A build from the vendored folder: no network, no cache, the same digest."""

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import docker
import pytest
from docker.models.containers import Container

from drydock.images import REGISTRY, ensure_image, read_build_host
from drydock.services import open_engine
from hakobune.adapters.docker_cli import remove_caches
from hakobune.adapters.process import SystemRunner
from hakobune.model.lock import RegistryBase
from hakobune.model.project import Project
from hakobune.stages.base_image import debian_tag
from hakobune.stages.project import open_project, read_fresh_lock
from hakobune.transform.write_lock import write_lock
from tests.container.conftest import ROOT
from tests.renamed import rename
from tests.samples import PATIENCE_S, assert_failed

pytestmark = pytest.mark.container
CASE = ROOT / "tests/cases/word-count"
NAMESPACE = "hakobune-test-offline"

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


def test_without_network_cache_and_proxy_the_digest_is_the_online_one(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    project, name = tmp_path / "project", f"word-count-{secrets.token_hex(4)}"
    shutil.copytree(CASE, project, ignore=shutil.ignore_patterns("runs"))
    rename(project, name)
    folder = str(tmp_path / "vendor")
    assert hakobune("build", cwd=project).returncode == 0
    online = engine.images.get(f"{name}:local").id
    done = hakobune("vendor", "--folder", folder, cwd=project)
    assert done.returncode == 0, done.stderr[-2000:]
    planned = hakobune("build", "--offline", "--dry-run", "--folder", folder, cwd=project)
    command = planned.stdout.splitlines()[0].split()
    assert command[command.index("--network") + 1] == "none"
    command[3:3] = ["--no-cache", "--build-arg", f"BUILDKIT_CACHE_MOUNT_NS={NAMESPACE}"]
    command[command.index("--tag") + 1] = f"{name}:offline"
    env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    try:
        built = subprocess.run(
            command,
            cwd=project,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        assert built.returncode == 0, built.stderr[-2000:]
        assert engine.images.get(f"{name}:offline").id == online
    finally:
        subprocess.run(["docker", "image", "rm", f"{name}:offline"], check=False)
        remove_caches(SystemRunner(), NAMESPACE)
    try:
        # The product's own command; the steps are there by now.
        done = hakobune("build", "--offline", "--folder", folder, cwd=project)
        assert (done.returncode, done.stdout.split()) == (0, [f"{name}:local", str(online)])
    finally:
        subprocess.run(["docker", "image", "rm", f"{name}:local"], check=False)


@pytest.fixture
def registry(engine: docker.DockerClient) -> Iterator[tuple[str, Container]]:
    """A registry on this machine's loopback, gone afterwards: its address and its container."""
    image = ensure_image(REGISTRY, open_engine(), read_build_host())
    container = engine.containers.run(
        image, detach=True, ports={"5000/tcp": ("127.0.0.1", 0)}, tmpfs={"/data": "mode=1777"}
    )
    try:
        container.reload()
        published = container.ports["5000/tcp"]
        assert published
        deadline = time.monotonic() + PATIENCE_S
        while container.exec_run(["python3", "-c", ASK]).exit_code != 0:
            assert time.monotonic() < deadline, container.logs()
            time.sleep(0.1)
        yield f"127.0.0.1:{published[0]['HostPort']}", container
    finally:
        container.remove(force=True)


ASK = "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/v2/', timeout=1)"


def docker_do(*arguments: str) -> None:
    subprocess.run(["docker", *arguments], check=True, capture_output=True, timeout=PATIENCE_S)


def with_base_of(registry: str, folder: Path) -> Project:
    """A copy of the project under another name, whose base an index of two platforms has."""
    shutil.copytree(CASE, folder, ignore=shutil.ignore_patterns("runs"))
    name = f"{registry}/library/python"
    base = RegistryBase(image=f"{name}:3.13", digest=None)
    lock = replace(rename(folder, "word-count-pinned"), registry_base=base)
    project = open_project(folder)
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    docker_do("tag", str(debian_tag(lock)), f"{name}:amd64")
    (folder / "arm64").mkdir()
    (folder / "arm64/Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    arm = ("--platform", "linux/arm64", "--provenance=false", "--load")
    docker_do("buildx", "build", *arm, "--tag", f"{name}:arm64", str(folder / "arm64"))
    for tag in ("amd64", "arm64"):
        docker_do("push", f"{name}:{tag}")
        docker_do("image", "rm", f"{name}:{tag}")
    both = (f"{name}:amd64", f"{name}:arm64")
    docker_do("buildx", "imagetools", "create", "--tag", f"{name}:3.13", *both)
    return project


def test_a_registry_s_base_is_kept_by_digest_and_needs_no_registry_afterwards(
    hakobune: Hakobune, engine: docker.DockerClient, registry: tuple[str, Container], tmp_path: Path
) -> None:
    address, container = registry
    project = with_base_of(address, tmp_path / "project")
    try:
        for command in ("render", "build", "vendor"):
            done = hakobune(command, cwd=project.root)
            assert done.returncode == 0, done.stderr[-2000:]
        online = engine.images.get("word-count-pinned:local").id
        base = read_fresh_lock(project).registry_base
        assert base.digest is not None
        pinned = f"{base.image.rpartition(':')[0]}@{base.digest}"
        docker_do("image", "rm", "--force", "word-count-pinned:local", pinned)
        container.stop(timeout=1)
        planned = hakobune("build", "--offline", "--dry-run", cwd=project.root).stdout
        plan, *others = [line.split() for line in planned.splitlines()]
        docker_do(*plan[1:3], "--no-cache", *plan[3:])
        for words in others:
            docker_do(*words[1:])
        assert engine.images.get("word-count-pinned:local").id == online
        assert hakobune("build", "--offline", cwd=project.root).stdout.split()[1] == online
    finally:
        subprocess.run(["docker", "image", "rm", "word-count-pinned:local"], check=False)


def test_what_the_folder_lacks_is_named(hakobune: Hakobune, tmp_path: Path) -> None:
    done = hakobune("build", "--offline", "--folder", str(tmp_path), cwd=CASE)
    assert_failed(done, "vendor-incomplete")
    assert "hakobune vendor" in done.stderr
