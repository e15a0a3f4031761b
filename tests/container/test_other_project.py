"""Each folder of tests/cases is a whole project of its own: rendered, built, run and verified."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
import pytest

from tests.container.conftest import ROOT

pytestmark = pytest.mark.container
CASES = sorted(path.parent for path in (ROOT / "tests/cases").glob("*/pyproject.toml"))

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_the_committed_lock_gives_the_committed_dockerfile(
    hakobune: Hakobune, case: Path, tmp_path: Path
) -> None:
    project = tmp_path / case.name
    shutil.copytree(case, project)
    shutil.rmtree(project / "docker")
    done = hakobune("render", cwd=project)
    assert done.returncode == 0, done.stderr
    for name in ("Dockerfile", "Dockerfile.dockerignore"):
        assert (project / "docker" / name).read_bytes() == (case / "docker" / name).read_bytes()
    assert hakobune("lock", "--check", cwd=project).returncode == 0


def test_another_project_is_built_run_and_verified(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    # Docker takes none of these signs in a container's name, nor a colon in a short volume.
    project = tmp_path / "箱舟 My Project (v2): café"
    shutil.copytree(ROOT / "tests/cases/word-count", project)
    text = tmp_path / "text.txt"
    text.write_text("a b a\n", encoding="utf-8")
    built = hakobune("build", cwd=project)
    assert built.returncode == 0, built.stderr
    verify = (project / "verify.py").read_text(encoding="utf-8")
    output = engine.containers.run(
        "word-count:local", ["python", "-c", verify], remove=True, network_mode="none"
    )
    assert output == b"verified\n"
    done = hakobune("train", "--text", str(text), cwd=project)
    assert done.returncode == 0, done.stderr
    name, path = done.stdout.strip().split(maxsplit=1)
    assert name == "counts.json"
    result = json.loads(Path(path).read_text(encoding="utf-8"))
    assert (result["words"], result["total"]) == ({"a": 2, "b": 1}, 3)
