"""What a user can get wrong around lock and build, with the real uv and the real engine."""

import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.container.conftest import ROOT
from tests.renamed import rename
from tests.samples import PATIENCE_S, assert_failed

pytestmark = pytest.mark.container

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "word-count"
    shutil.copytree(ROOT / "tests/cases/word-count", folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (("six=1.17", "six=99"), "resolution-impossible", "conda.yml:4: no set of wheels fits"),
        (
            ("six=1.17", "pip: [no-such-package-3141]"),
            "package-unknown",
            "conda.yml:4: the Python package index has no `no-such-package-3141`",
        ),
        (
            ("six=1.17", "no-such-package-3141"),
            "environment-file-invalid",
            "conda.yml:4: conda's `no-such-package-3141` is not known to be a Python package",
        ),
        (
            ("six=1.17", "r-dplyr"),
            "environment-file-invalid",
            "conda.yml:4: `r-dplyr` is not a Python package",
        ),
        (("python=3.13", "python=2.7"), "python-unavailable", "conda.yml:3: no base image has"),
        (("dependencies:", "dependencies: ["), "environment-file-invalid", "conda.yml:3: not YAML"),
        (
            ("name:", "nmae:"),
            "environment-file-invalid",
            "conda.yml:1: unknown key `nmae`; did you mean `name`?",
        ),
    ],
)
def test_a_conda_file_that_cannot_be_locked_is_named_by_its_line(
    hakobune: Hakobune, project: Path, change: tuple[str, str], name: str, words: str
) -> None:
    edit(project / "conda.yml", *change)
    before = (project / "conda.lock").read_bytes()
    done = hakobune("lock", cwd=project)
    assert_failed(done, name)
    assert not done.stdout
    assert words in done.stderr
    assert "\n  fix: " in done.stderr
    assert (project / "conda.lock").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("sha256", ["b758534767df", "bd45b967c185"])
def test_a_real_file_that_the_index_has_no_packages_for_any_more_is_refused_with_its_line(
    hakobune: Hakobune, project: Path, shared: Path, sha256: str
) -> None:
    content = (shared / f"conda-corpus/{sha256}.yml").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(sha256)
    (project / "conda.yml").write_bytes(content)
    (project / "conda.lock").unlink()
    done = hakobune("lock", cwd=project)
    assert_failed(done, "resolution-impossible")
    # Its azureml-defaults==1.33.0 needs a 1.18 of this package, which was deleted.
    assert "conda.yml:11: no set of wheels fits" in done.stderr
    assert "only azureml-dataprep-rslex>=1.19" in done.stderr
    assert not (project / "conda.lock").exists()


def test_a_silent_index_is_its_own_failure(hakobune: Hakobune, project: Path) -> None:
    done = hakobune("lock", "--upgrade", cwd=project, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert_failed(done, "index-unreachable")


def test_a_lock_with_another_hash_is_refused_before_anything_is_built(
    hakobune: Hakobune, project: Path
) -> None:
    edit(project / "conda.lock", "4721f391", "00000000")
    done = hakobune("build", cwd=project)
    assert_failed(done, "lock-damaged")
    assert "conda.lock: changed by hand or by a merge" in done.stderr


def test_a_file_that_is_not_what_the_lock_names_stops_the_build(
    hakobune: Hakobune, project: Path
) -> None:
    """A lock whose hash is wrong and whose seal is right: as if the index's file had changed."""
    from hakobune.transform.seal import seal

    text = (project / "conda.lock").read_text(encoding="utf-8").rpartition("# sha256 of")[0]
    assert "4721f391" in text
    (project / "conda.lock").write_bytes(seal(text.replace("4721f391", "00000000")))
    done = hakobune("build", cwd=project)
    assert_failed(done, "hash-mismatch")
    assert "six" in done.stderr.split("error[")[-1]


def test_a_stale_lock_is_not_built(hakobune: Hakobune, project: Path) -> None:
    edit(project / "conda.yml", "six=1.17", "six=1.16")
    done = hakobune("build", cwd=project)
    assert_failed(done, "lock-stale")
    assert "conda.yml:4: six==1.16.*, was six==1.17.*" in done.stderr


def test_an_edited_dockerfile_is_not_built_and_not_lost(hakobune: Hakobune, project: Path) -> None:
    edit(project / "docker/Dockerfile", "USER 1000:1000", "USER 0:0")
    done = hakobune("build", cwd=project)
    assert_failed(done, "dockerfile-stale")
    assert "USER 0:0" in (project / "docker/Dockerfile").read_text(encoding="utf-8")


def test_without_an_engine_the_way_out_is_named(hakobune: Hakobune, project: Path) -> None:
    for command in ("build", "train"):
        done = hakobune(command, cwd=project, DOCKER_HOST="unix:///nowhere.sock")
        assert_failed(done, "engine-missing")
        assert "docker/engine.sh ensure" in done.stderr


def test_without_buildkit_the_plugin_is_named(
    hakobune: Hakobune, project: Path, tmp_path: Path
) -> None:
    tool = tmp_path / "bin/docker"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\n[ "$1" = version ] && echo 26.1.5 || exit 1\n', encoding="utf-8")
    tool.chmod(0o755)
    done = hakobune("build", cwd=project, PATH=f"{tool.parent}:{os.environ['PATH']}")
    assert_failed(done, "buildkit-missing")
    assert "docker-buildx" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_a_build_leaves_nothing_half_written(
    project: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    name = f"word-count-{secrets.token_hex(4)}"
    rename(project, name)  # what is built here is not what others expect under their tag
    edit(project / "counter/__main__.py", "import argparse", f"import argparse  # {name}")
    before = {p: p.read_bytes() for p in project.rglob("*.lock")}
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    child = subprocess.Popen(
        [sys.executable, "-m", "hakobune", "build"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(1.0)
    child.send_signal(number)
    _, shown = child.communicate(timeout=PATIENCE_S)
    subprocess.run(["docker", "image", "rm", f"{name}:local"], check=False, capture_output=True)
    # A build that was quicker than the signal ended well, whatever its process did afterwards.
    assert child.returncode == code or f"build   {name}:local" in shown, shown
    assert {p: p.read_bytes() for p in project.rglob("*.lock")} == before
    assert not list(temporary.glob("hakobune*"))
    assert not list(project.rglob("tmp*"))


def test_a_machine_without_anything_is_told_what_it_lacks(
    hakobune: Hakobune, project: Path
) -> None:
    done = hakobune("doctor", cwd=project, DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 5
    assert "docker/engine.sh ensure" in done.stdout
