import csv
import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.errors import (
    BuildFailedError,
    BuildkitMissingError,
    DockerfileStaleError,
    EngineMissingError,
    ImageMissingError,
    ImportFailedError,
    LockStaleError,
)
from hakobune.model.secrets import NO_SECRETS, BuildSecrets
from hakobune.stages.build import build, keep_image, plan_build
from hakobune.stages.project import read_fresh_lock
from hakobune.transform.render_dockerfile import render_dockerfile
from tests.run_samples import image_of
from tests.samples import (
    BUILDS,
    BUILDX,
    DIGEST,
    ENGINE,
    NO_IMAGE,
    NO_REGISTRY,
    REMOVES_IMAGE,
    TAGS,
    Answer,
    FakeReporter,
    FakeRunner,
    on,
    write_project,
)

IMAGE = on("image", "inspect", stdout=json.dumps([{"Id": DIGEST, "Size": 1}]))
BASE_HERE = on("image", "inspect", "hakobune-base", stdout="[{}]")
REGISTRY = on("imagetools", stdout=json.dumps({"digest": DIGEST}))
CAN_BUILD = (ENGINE, BUILDX, BUILDS, TAGS, REMOVES_IMAGE)


def test_an_image_is_built_on_its_base_and_named_by_its_id(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    reporter = FakeReporter()
    runner = FakeRunner([*CAN_BUILD, NO_REGISTRY, IMAGE])
    image = build(project, runner, reporter, secrets=NO_SECRETS)
    assert (image.tag, image.id) == ("demo:local", DIGEST)
    (command,) = runner.called("buildx", "build")
    new = command[command.index("--tag") + 1]
    assert re.fullmatch(r"demo:new-[0-9a-f]{12}", new)
    ends = [call for call in runner.calls if call[1] in ("tag", "image") or call == command]
    assert ends[-4:] == [
        command,
        ["docker", "image", "inspect", "--", new],
        ["docker", "tag", new, "demo:local"],
        ["docker", "image", "rm", "--force", new],
    ]
    assert f"HAKOBUNE_BASE={image.base}" in command
    assert "SOURCE_DATE_EPOCH=315532800" in command
    assert [stage for stage, _, _ in reporter.stages] == ["render", "build"]


def test_secrets_are_handed_over_by_the_environment_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    bundle = tmp_path / 'a, "b".pem'
    bundle.write_text("CA", encoding="utf-8")
    secrets = BuildSecrets(ca_bundle=bundle, pip_conf="[global]\n", extra_index_url="https://u:p@x")
    runner = FakeRunner([*CAN_BUILD, NO_REGISTRY, IMAGE])
    build(project, runner, FakeReporter(), secrets=secrets)
    (command,) = runner.called("buildx", "build")
    given = [next(csv.reader([word])) for word in command if word.startswith("id=")]
    assert given == [
        ["id=ca_bundle", f"src={bundle}"],
        ["id=pip_conf", "env=HAKOBUNE_SECRET_PIP_CONF"],
        ["id=extra_index_url", "env=HAKOBUNE_SECRET_EXTRA_INDEX_URL"],
    ]
    assert runner.shown_env == [
        {
            "HAKOBUNE_SECRET_PIP_CONF": "[global]\n",
            "HAKOBUNE_SECRET_EXTRA_INDEX_URL": "https://u:p@x",
        }
    ]
    assert "u:p" not in " ".join(word for call in runner.calls for word in call)


def test_without_an_engine_nothing_is_written(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([on("version", exit_code=1, stderr="Cannot connect")])
    with pytest.raises(EngineMissingError):
        build(project, runner, FakeReporter(), secrets=NO_SECRETS)
    assert not project.dockerfile_path.exists()


def test_without_buildkit_nothing_is_written(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    no_buildx = on("buildx", "version", exit_code=1, stderr="'buildx' is not a docker command")
    runner = FakeRunner([ENGINE, no_buildx, NO_REGISTRY, IMAGE, BUILDS])
    with pytest.raises(BuildkitMissingError):
        build(project, runner, FakeReporter(), secrets=NO_SECRETS)
    assert not project.dockerfile_path.exists()


def test_a_stale_lock_is_not_built(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.environment_path.write_bytes(project.environment_path.read_bytes() + b"#\n")
    runner = FakeRunner([*CAN_BUILD, BUILDX])
    with pytest.raises(LockStaleError):
        build(project, runner, FakeReporter(), secrets=NO_SECRETS)
    assert not runner.called("build")


def test_a_build_that_fails_is_a_failure(tmp_path: Path) -> None:
    failing = on("buildx", "build", "--load", exit_code=1, stdout="#1 ERROR: x")
    runner = FakeRunner([failing, *CAN_BUILD, NO_REGISTRY, IMAGE])
    with pytest.raises(BuildFailedError):
        build(write_project(tmp_path), runner, FakeReporter(), secrets=NO_SECRETS)
    assert not runner.called("docker", "tag"), "the last image that worked keeps its name"


def test_an_image_whose_digest_cannot_be_read_gets_no_readable_tag(tmp_path: Path) -> None:
    runner = FakeRunner([*CAN_BUILD, NO_REGISTRY, BASE_HERE, NO_IMAGE])
    with pytest.raises(ImageMissingError):
        build(write_project(tmp_path), runner, FakeReporter(), secrets=NO_SECRETS)
    assert not runner.called("docker", "tag")


def test_an_image_that_a_run_names_gets_a_tag_that_stays(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([TAGS])
    image = replace(image_of(project, DIGEST), tag="demo:local")
    keep_image(read_fresh_lock(project), image, runner)
    assert runner.calls == [["docker", "tag", DIGEST, f"demo:sha-{'a1' * 6}"]]


def test_a_package_that_cannot_be_imported_fails_each_build(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    said = "#9 1.2 hakobune: cannot import six: six.so needs the system library libx.so.1\n"
    failing = on("buildx", "build", "--load", exit_code=1, stdout=said)
    for _ in range(2):
        runner = FakeRunner([failing, *CAN_BUILD, NO_REGISTRY, IMAGE])
        with pytest.raises(ImportFailedError, match=r"cannot import six: .* libx\.so\.1"):
            build(project, runner, FakeReporter(), secrets=NO_SECRETS)


def test_a_registry_that_answers_first_time_is_pinned_and_told(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    reporter = FakeReporter()
    image = build(project, FakeRunner([*CAN_BUILD, REGISTRY, IMAGE]), reporter, secrets=NO_SECRETS)
    assert image.base == f"docker.io/library/python@{DIGEST}"
    assert read_fresh_lock(project).registry_base.digest == DIGEST
    assert DIGEST in project.dockerfile_path.read_text(encoding="utf-8")
    assert [line for line in reporter.said if DIGEST in line]


@pytest.mark.parametrize("registry", [NO_REGISTRY, REGISTRY])
def test_a_build_renders_the_dockerfile_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Answer
) -> None:
    project = write_project(tmp_path)
    rendered: list[bytes] = []

    def count(*values: Any, **named: Any) -> bytes:
        rendered.append(render_dockerfile(*values, **named))
        return rendered[-1]

    monkeypatch.setattr("hakobune.stages.render.render_dockerfile", count)
    for builds in (1, 2):
        runner = FakeRunner([*CAN_BUILD, registry, IMAGE])
        build(project, runner, FakeReporter(), secrets=NO_SECRETS)
        assert len(rendered) == builds
    assert rendered[0] == rendered[1] == project.dockerfile_path.read_bytes()


def test_an_edited_dockerfile_is_not_built_and_the_lock_not_pinned(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    build(project, FakeRunner([*CAN_BUILD, NO_REGISTRY, IMAGE]), FakeReporter(), secrets=NO_SECRETS)
    project.dockerfile_path.write_bytes(project.dockerfile_path.read_bytes() + b"USER 0\n")
    before = project.lock_path.read_bytes()
    runner = FakeRunner([*CAN_BUILD, REGISTRY, IMAGE])
    with pytest.raises(DockerfileStaleError, match="edited by hand"):
        build(project, runner, FakeReporter(), secrets=NO_SECRETS)
    assert not runner.called("buildx", "build")
    assert project.lock_path.read_bytes() == before


def test_a_plan_is_the_commands_and_changes_nothing(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    built = FakeRunner([*CAN_BUILD, NO_REGISTRY, IMAGE])
    build(project, built, FakeReporter(), secrets=NO_SECRETS)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
    runner = FakeRunner([IMAGE])
    commands = plan_build(project, runner)
    assert [words[1] for words in commands] == ["buildx", "tag", "image"]
    assert commands == built.calls[-4:-3] + built.calls[-2:]
    assert not runner.called("buildx")
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before
