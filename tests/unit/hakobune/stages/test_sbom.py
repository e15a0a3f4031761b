import json
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import ImageInvalidError, SbomInvalidError
from hakobune.model.image import Image
from hakobune.stages.sbom import ensure_sbom, sbom_path
from tests.samples import DIGEST, FakeReporter, FakeRunner, on, write_project

IMAGE = Image(
    tag="demo:local",
    id=DIGEST,
    base="b:1",
    size_bytes=1,
    environment_sha256="e",
    lock_sha256="d",
    source_sha256="f",
)
SIX = {"name": "six", "version": "1.17.0", "expression": "", "licence": "", "classifiers": []}
TOLD = json.dumps({"distribution": "trixie", "debian": [], "python": [SIX]})


def test_a_new_digest_s_document_is_written_once(tmp_path: Path) -> None:
    project, reporter = write_project(tmp_path), FakeReporter()
    runner = FakeRunner([on("run", stdout=TOLD)])
    path = ensure_sbom(project, IMAGE, runner, reporter)
    assert path == sbom_path(project, IMAGE)
    assert path == tmp_path / ".hakobune/sbom" / f"{DIGEST.removeprefix('sha256:')}.cdx.json"
    assert json.loads(path.read_bytes())["components"][1]["name"] == "six"
    assert reporter.stages[0][1].startswith("1 packages in .hakobune/sbom/")
    assert "1 without a licence" in reporter.stages[0][1]
    assert ensure_sbom(project, IMAGE, runner, reporter) == path
    assert len(runner.called("run")) == 1
    assert (tmp_path / ".hakobune/.gitignore").read_text(encoding="utf-8") == "*\n"


def test_the_image_is_asked_without_a_network(tmp_path: Path) -> None:
    runner = FakeRunner([on("run", stdout=TOLD)])
    ensure_sbom(write_project(tmp_path), IMAGE, runner, FakeReporter())
    (command,) = runner.called("docker", "run", "--read-only")
    assert command[command.index("--network") + 1] == "none"
    # The document is filed under the id: the tag may name another image by now.
    assert DIGEST in command
    assert IMAGE.tag not in command


@pytest.mark.parametrize("image_id", ["", "sha256:../../x", "a1" * 32, f"{DIGEST}/.."])
def test_an_id_that_is_not_a_digest_is_no_path(tmp_path: Path, image_id: str) -> None:
    runner = FakeRunner([on("run", stdout=TOLD)])
    with pytest.raises(ImageInvalidError, match="not a digest"):
        ensure_sbom(write_project(tmp_path), replace(IMAGE, id=image_id), runner, FakeReporter())
    assert runner.calls == []


def test_an_image_that_does_not_tell_is_an_error_and_leaves_no_document(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([on("run", exit_code=127, stderr="x\nno python here\n")])
    with pytest.raises(SbomInvalidError, match="no python here"):
        ensure_sbom(project, IMAGE, runner, FakeReporter())
    assert not sbom_path(project, IMAGE).exists()
