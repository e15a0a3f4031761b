"""A build from the vendored folder: no network, no cache, the same digest."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from hakobune.adapters.docker_cli import remove_caches
from hakobune.adapters.process import SystemRunner
from tests.container.conftest import ROOT

pytestmark = pytest.mark.container
CASE = ROOT / "tests/cases/word-count"
NAMESPACE = "hakobune-test-offline"

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


def test_without_network_cache_and_proxy_the_digest_is_the_online_one(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    folder = str(tmp_path / "vendor")
    assert hakobune("build", cwd=CASE).returncode == 0
    online = engine.images.get("word-count:local").id
    done = hakobune("vendor", "--folder", folder, cwd=CASE)
    assert done.returncode == 0, done.stderr[-2000:]
    planned = hakobune("build", "--offline", "--dry-run", "--folder", folder, cwd=CASE)
    command = planned.stdout.split()
    assert command[command.index("--network") + 1] == "none"
    command[3:3] = ["--no-cache", "--build-arg", f"BUILDKIT_CACHE_MOUNT_NS={NAMESPACE}"]
    command[command.index("--tag") + 1] = "word-count:offline"
    env = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    try:
        built = subprocess.run(
            command, cwd=CASE, env=env, capture_output=True, text=True, check=False, timeout=300
        )
        assert built.returncode == 0, built.stderr[-2000:]
        assert engine.images.get("word-count:offline").id == online
    finally:
        subprocess.run(["docker", "image", "rm", "word-count:offline"], check=False)
        remove_caches(SystemRunner(), NAMESPACE)
    # The product's own command; the steps are there by now.
    done = hakobune("build", "--offline", "--folder", folder, cwd=CASE)
    assert (done.returncode, done.stdout.split()) == (0, ["word-count:local", str(online)])


def test_what_the_folder_lacks_is_named(hakobune: Hakobune, tmp_path: Path) -> None:
    done = hakobune("build", "--offline", "--folder", str(tmp_path), cwd=CASE)
    assert done.returncode == 7
    assert "hakobune vendor" in done.stderr
