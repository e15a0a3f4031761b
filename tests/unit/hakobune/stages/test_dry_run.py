from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.model.project import Project
from hakobune.stages.dry_run import plan_rows
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push
from tests.cloud_samples import make_patience
from tests.delivery_samples import MANIFEST, image, planned
from tests.samples import CONTAINERD, Answer, FakeRunner, on, write_project

THERE = on("imagetools", stdout=MANIFEST)


def rows(
    project: Project,
    registry: str,
    *answers: Answer,
    lacking: str = "",
    **wishes: object,
) -> dict[str, str]:
    runner = FakeRunner([*answers, CONTAINERD, image(project)])
    pushed = plan_push(project, runner, registry_name=registry)
    (project.root / "x.csv").write_bytes(b"abc")
    submission = planned(project, "--input", "x.csv", **wishes)
    found = dict(plan_rows(submission, pushed, runner, make_patience(), lacking=lacking))
    assert not runner.called("push")
    return found


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (THERE, "there already, not pushed"),
        (on("imagetools", exit_code=1, stderr="not found"), "pushed (up to 9 bytes"),
        (on("imagetools", exit_code=1, stderr="unauthorized"), "not known whether it is there"),
        (on("imagetools", exit_code=1, stderr="no such host"), "not known whether it is there"),
    ],
)
def test_what_the_registry_has_is_told(tmp_path: Path, answer: Answer, words: str) -> None:
    assert words in rows(write_project(tmp_path), "registry.example", answer)["image"]


def test_whether_the_image_may_go_is_told_first(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    found = rows(project, "registry.example", THERE, lacking="has not passed `x`")
    assert found["receipt"].startswith("a submit is refused until hakobune smoke has passed")
    assert found["receipt"].endswith("the image has not passed `x`")
    found = rows(project, "registry.example", THERE)
    assert found["receipt"].startswith("there: ")
    assert next(iter(found)) == "receipt"


def test_a_registry_that_only_the_workspace_knows_is_not_asked(tmp_path: Path) -> None:
    def refuse(command: object) -> None:
        assert "imagetools" not in list(command)  # type: ignore[call-overload] # words

    text = rows(write_project(tmp_path), UNKNOWN_REGISTRY, refuse)["image"]
    assert "pushed unless it is there" in text


def test_upload_compute_and_ceiling_are_told(tmp_path: Path) -> None:
    found = rows(
        replace(write_project(tmp_path), distributed=True),
        "registry.example",
        THERE,
        instances=2,
        timeout_s=5400,
        is_compute_created=True,
    )
    assert found["upload"] == "x.csv (3 bytes)"
    assert found["at most"] == "3 node-hours (2 x 5400 s)"
    assert (
        "created unless it is there (Standard_D2s_v3, 0 to 1 nodes, with an id" in found["compute"]
    )
