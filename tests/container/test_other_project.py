"""Each folder of tests/cases is a whole project of its own: rendered, built, run and verified."""

import hashlib
import json
import secrets
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from hakobune.model.lock import LockedWheel
from hakobune.stages.project import open_project
from hakobune.transform.write_lock import write_lock
from tests.container.conftest import ROOT
from tests.renamed import rename
from tests.samples import assert_failed

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
    built = hakobune("build", "--json", cwd=project)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["tag"] == "word-count:local"
    # One for each stage that the cache lacks, and not BuildKit's hundreds.
    assert len(built.stderr.splitlines()) <= 12
    verify = (project / "verify.py").read_text(encoding="utf-8")
    output = engine.containers.run(
        "word-count:local", ["python", "-c", verify], remove=True, network_mode="none"
    )
    assert output == b"verified\n"
    done = hakobune("train", "--text", str(text), "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    path = found["files"]["counts.json"]
    assert set(found) == {"run", "files", "main"}
    assert done.stderr.splitlines()[-1] == f"open this first: {path}"
    result = json.loads(Path(path).read_text(encoding="utf-8"))
    assert (result["words"], result["total"]) == ({"a": 2, "b": 1}, 3)


FLAT = """
import argparse
from pathlib import Path
import helper
parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path, default="data/text.txt")
parser.add_argument("--out", required=True)
args = parser.parse_args()
out = Path(args.out)
out.mkdir(parents=True)
(out / "model.txt").write_text(helper.twice(args.data.read_text()))
"""


def test_a_flat_script_is_trained_after_init(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    project, name = tmp_path / "my flat project", f"flat-{secrets.token_hex(4)}"
    (project / "scripts").mkdir(parents=True)
    for file in ("conda.yml", "conda.lock"):
        shutil.copy(ROOT / "tests/cases/word-count" / file, project)
    (project / "scripts/train.py").write_text(FLAT, encoding="utf-8")
    (project / "helper.py").write_text("def twice(x): return x * 2\n", encoding="utf-8")
    (project / "data").mkdir()
    (project / "data/text.txt").write_text("ab", encoding="utf-8")
    for words in (["init"], ["train", "--data", "data/text.txt"]):
        done = hakobune(*words, cwd=project)
        assert done.returncode == 0, done.stderr
        if words == ["init"]:
            rename(project, name)
    try:
        assert "\nbuilding it now\n" in done.stderr
        assert not list(project.glob("*compose*"))
        path = Path(done.stdout.strip().split(maxsplit=1)[1])
        assert (path.name, path.read_text(encoding="utf-8")) == ("model.txt", "abab")
        verified = hakobune("verify", path.parent.name, cwd=project)
        assert verified.returncode == 0, verified.stderr
        again = hakobune("reproduce", "model", path.parent.name, "--json", cwd=project)
        assert json.loads(again.stdout)["grade"] == "bit-identical", again.stderr
    finally:
        for image in engine.images.list(name=name):
            for tag in image.tags:
                engine.images.remove(tag, force=True)


MORE = """
import argparse, ctypes, json, os
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--model-dir", required=True)
parser.add_argument("--report-dir", required=True)
parser.add_argument("--note", default="")
args = parser.parse_args()
library = ctypes.CDLL(str(Path(__file__).with_name("twice.so")))
model, report = Path(args.model_dir), Path(args.report_dir)
(model / "layers").mkdir(parents=True)
report.mkdir(parents=True, exist_ok=True)
names = sorted(path.name for path in Path(args.data).iterdir())
(model / "layers/a.bin").write_bytes(bytes([library.twice(21)]))
(model / "note.json").write_text(json.dumps([args.note, names, os.listdir("/workspace")]))
(report / "index.html").write_text("<p>")
"""


def test_any_program_has_its_arguments_folders_outputs_and_c_sources(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    project, name = tmp_path / "any", f"any-{secrets.token_hex(4)}"
    (project / "images").mkdir(parents=True)
    for file in ("conda.yml", "conda.lock"):
        shutil.copy(ROOT / "tests/cases/word-count" / file, project)
    (project / "train.py").write_text(MORE, encoding="utf-8")
    (project / "twice.c").write_text("int twice(int x) { return 2 * x; }\n", encoding="utf-8")
    for file in ("b.png", "a.png"):
        (project / "images" / file).write_text(file, encoding="utf-8")
    assert hakobune("init", cwd=project).returncode == 0
    with (project / "pyproject.toml").open("a", encoding="utf-8") as table:
        table.write('\n[tool.hakobune.libraries]\n"twice.so" = ["twice.c"]\n')
    rename(project, name)
    note = "a b; $(id) \"c\" 'd' --no-build\n*"
    given = ("--data", "images", "--note", note, "--report-dir", "runs/reports/{run_id}")
    try:
        done = hakobune("train", *given, "--model-dir=runs/models/one", cwd=project)
        assert done.returncode == 0, done.stderr
        model = project / "runs/models/one"
        assert (model / "layers/a.bin").read_bytes() == b"\x2a"
        said, names, seen = json.loads((model / "note.json").read_text(encoding="utf-8"))
        assert (said, names) == (note, ["a.png", "b.png"])
        assert sorted(seen) == ["inputs", "runs"]
        (report,) = (project / "runs/reports").iterdir()
        assert (report / "index.html").read_text(encoding="utf-8") == "<p>"
    finally:
        for image in engine.images.list(name=name):
            for tag in image.tags:
                engine.images.remove(tag, force=True)


# Its first import is that of a library which needs the system's libgomp.so.1, before NumPy's.
LIGHTGBM = LockedWheel(
    name="lightgbm",
    version="4.7.0",
    file="lightgbm-4.7.0-py3-none-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    size=3476028,
    sha256="d23e922acd891e77212e4d0fbcee9ba973c96dee479491341d05ba595357ebb7",
)


def test_an_image_that_cannot_import_a_package_is_not_made(
    hakobune: Hakobune, engine: docker.DockerClient, tmp_path: Path
) -> None:
    folder, name = tmp_path / "project", f"word-count-{secrets.token_hex(4)}"
    shutil.copytree(ROOT / "tests/cases/word-count", folder)
    lock, project = rename(folder, name), open_project(folder)
    text = project.environment_path.read_bytes() + b"  - lightgbm\n  - pip: [never; os_name=='x']\n"
    project.environment_path.write_bytes(text)
    lock = replace(
        lock,
        environment_sha256=hashlib.sha256(text).hexdigest(),
        requirements=(*lock.requirements, "lightgbm", "never; os_name == 'x'"),
        packages=(LIGHTGBM, *lock.packages),
    )
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    done = hakobune("build", cwd=folder)
    assert_failed(done, "import-failed")
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error[")]
    assert error == (
        "error[import-failed]: the image cannot import lightgbm: lightgbm/lib/lib_lightgbm.so "
        "needs the system library libgomp.so.1, which the image does not have"
    )
    assert not engine.images.list(name=name)
    assert_failed(hakobune("train", "--no-build", cwd=folder), "image-missing")
