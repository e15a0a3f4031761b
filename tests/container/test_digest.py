"""The same input gives the same digest: of the base, and of an image built again from nothing."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from hakobune.model.lock import Lock
from hakobune.transform.debian_packages import write_packages
from tests.container.conftest import ROOT

pytestmark = pytest.mark.container

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


def test_the_same_debian_packages_give_the_same_tar(lock: Lock, tmp_path: Path) -> None:
    assert lock.debian_base is not None
    listing = tmp_path / "packages.tsv"
    listing.write_text(write_packages(lock.debian_base.packages), encoding="utf-8")
    digests = []
    for number, habits in enumerate(
        ({"LC_ALL": "C", "TZ": "UTC"}, {"LC_ALL": "C.UTF-8", "TZ": "Asia/Tokyo", "LANGUAGE": "ja"})
    ):
        tar = tmp_path / f"{number}.tar"
        done = subprocess.run(
            [
                *("/bin/bash", "-c", f'umask 00{7 * number}7; exec "$@"', "bash"),
                *(str(ROOT / "docker/base/build.sh"), str(listing), str(tar)),
            ],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(Path.home()), **habits},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode == 34:
            pytest.skip(f"this host cannot make a base: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        digests.append(hashlib.sha256(tar.read_bytes()).hexdigest())
        tar.unlink()
    assert digests[0] == digests[1]


def test_an_image_built_again_from_nothing_has_the_same_digest(
    hakobune: Hakobune, engine: docker.DockerClient
) -> None:
    """Of the small project; of ours, `benchmarks/rebuild.py` says the same."""
    project = ROOT / "tests/cases/word-count"
    assert hakobune("build", cwd=project).returncode == 0
    first = engine.images.get("word-count:local").id
    plan = hakobune("build", "--dry-run", cwd=project).stdout.split()
    bundle = next(
        (p for p in ("/etc/ssl/certs/ca-certificates.crt", "/dev/null") if Path(p).exists()), ""
    )
    command = [*plan[:3], "--no-cache", "--secret", f"id=ca_bundle,src={bundle}", *plan[3:]]
    done = subprocess.run(
        command, cwd=project, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert engine.images.get("word-count:local").id == first
