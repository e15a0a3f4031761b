"""The same input gives the same digest: of the base, and of an image built again from nothing."""

import hashlib
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from hakobune.model.lock import Lock
from hakobune.stages.project import open_project, read_current_lock
from hakobune.transform.debian_packages import write_packages
from tests.container.conftest import ROOT
from tests.renamed import rename
from tests.samples import PATIENCE_S, assert_failed

pytestmark = pytest.mark.container
CASE = ROOT / "tests/cases/word-count"

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
            timeout=PATIENCE_S,
        )
        if done.returncode == 34:
            pytest.skip(f"this host cannot make a base: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        digests.append(hashlib.sha256(tar.read_bytes()).hexdigest())
        tar.unlink()
    assert digests[0] == digests[1]


@pytest.fixture
def project(engine: docker.DockerClient, tmp_path: Path) -> Iterator[Path]:
    """The small project under a name of its own: its tag must not move while it is looked at."""
    folder = tmp_path / "project"
    shutil.copytree(CASE, folder, ignore=shutil.ignore_patterns("runs"))
    name = f"word-count-{secrets.token_hex(4)}"
    rename(folder, name)
    yield folder
    for image in engine.images.list(name=name):
        engine.images.remove(str(image.id), force=True)


def name_of(project: Path) -> str:
    return read_current_lock(open_project(project)).environment


def test_an_image_built_again_from_nothing_has_the_same_digest(
    hakobune: Hakobune, engine: docker.DockerClient, project: Path
) -> None:
    """Of the small project; of ours, `make proof` says the same."""
    assert hakobune("build", cwd=project).returncode == 0
    first = engine.images.get(f"{name_of(project)}:local").id
    done = hakobune("reproduce", "image", cwd=project)
    assert done.returncode == 0, done.stderr[-2000:]
    assert str(first) in done.stdout
    assert engine.images.get(f"{name_of(project)}:local").id == first
    # The second build had the same id: a tag that it left would be one of this image.
    assert not [tag for tag in engine.images.get(str(first)).tags if "again" in tag]


def test_a_hidden_difference_is_found_and_named(
    hakobune: Hakobune, project: Path, tmp_path: Path
) -> None:
    """An image under the project's tag, with its labels, that another Dockerfile made."""
    assert hakobune("build", cwd=project).returncode == 0
    text = (project / "docker/Dockerfile").read_text(encoding="utf-8")
    settled = "find . /parts -exec touch -hd @315532800 {} +"
    assert settled in text
    changed = text.replace(
        settled, f"echo '# more' >> app/counter/__main__.py\n{settled}\ntouch -d @1 app/counter"
    )
    other = tmp_path / "Dockerfile"
    other.write_text(changed, encoding="utf-8")
    plan = hakobune("build", "--dry-run", cwd=project).stdout.splitlines()[0].split()
    plan[plan.index("--tag") + 1] = f"{name_of(project)}:local"
    plan[plan.index("--file") + 1] = str(other)
    subprocess.run(plan, cwd=project, capture_output=True, check=True, timeout=PATIENCE_S)
    done = hakobune("reproduce", "image", cwd=project)
    assert_failed(done, "image-not-reproduced")
    line = next(n for n, t in enumerate(text.splitlines(), 1) if t == "COPY --from=source /image /")
    size = (project / "counter/__main__.py").stat().st_size
    said = done.stderr[done.stderr.rindex("error[") :]
    assert f"layer 4 of 5 (docker/Dockerfile:{line}: COPY --from=source /image /)" in said
    assert "app/counter: time 1970-01-01T00:00:01Z and 1980-01-01T00:00:00Z" in said
    assert (
        f"app/counter/__main__.py: size {size + 7} bytes and {size} bytes, the first diff" in said
    )
    assert f"difference is at byte {size}" in said
    assert "layer 1 of" not in said
