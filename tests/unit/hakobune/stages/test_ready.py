"""What a training makes first, and what it says of that."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    DockerfileStaleError,
    EngineMissingError,
    HakobuneError,
    ImageMissingError,
    ImageStaleError,
    LockMissingError,
    LockStaleError,
)
from hakobune.model.project import Project
from hakobune.model.secrets import NO_SECRETS
from hakobune.stages import ready
from hakobune.stages.lock import LockWishes
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.ready import Making, ready_image
from hakobune.stages.render import render
from tests.lock_samples import Uv, debian_list
from tests.run_samples import engine_of, image_of
from tests.samples import (
    BUILDS,
    BUILDX,
    DIGEST,
    ENVIRONMENT,
    NO_IMAGE,
    NO_REGISTRY,
    REMOVES_IMAGE,
    Answer,
    FakeReporter,
    FakeRunner,
    begins,
    on,
    write_project,
)

HOW = Making(wishes=lambda: LockWishes(index=lambda _: {}), secrets=lambda: NO_SECRETS)
CHANGED = ENVIRONMENT + b"      - toml==0.10.2\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(ready, "ensure_sbom", lambda *_: None)
    found = write_project(tmp_path)
    render(found, read_fresh_lock(found), FakeRunner(), FakeReporter())
    return found


def engine(project: Project, *answers: Answer, **labels: str) -> FakeRunner:
    """Return an engine that can build and has an image with these labels."""
    image = replace(image_of(project, DIGEST), **labels)  # type: ignore[arg-type] # its texts
    debian = on("resolve.sh", stdout=debian_list())
    makes = (BUILDX, BUILDS, NO_REGISTRY, REMOVES_IMAGE, Uv(), debian)
    return engine_of(image, b"", *answers, *makes)


def made(runner: FakeRunner) -> list[str]:
    """Name what was made: a lock, an image."""
    asked = {"lock": ("pip", "compile"), "image": ("buildx", "build")}
    return [name for name, words in asked.items() if runner.called(*words)]


def files_of(project: Project) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in project.root.rglob("*") if path.is_file()}


def test_what_is_current_is_taken_and_nothing_is_said(project: Project) -> None:
    runner, reporter = engine(project), FakeReporter()
    assert ready_image(project, runner, reporter, how=HOW).id == DIGEST
    assert (made(runner), reporter.said, reporter.stages) == ([], [], [])


def test_a_missing_lock_is_made_and_that_is_said(project: Project) -> None:
    runner, reporter = engine(project), FakeReporter()
    project.lock_path.unlink()
    ready_image(project, runner, reporter, how=HOW)
    assert reporter.said[0] == "environments/demo.lock: there is no lock yet\nlocking it now"
    # The other lock makes another image.
    assert made(runner) == ["lock", "image"]


def test_a_stale_lock_is_made_again_with_what_changed(project: Project) -> None:
    runner, reporter = engine(project), FakeReporter()
    project.environment_path.write_bytes(CHANGED)
    ready_image(project, runner, reporter, how=HOW)
    before, _, after = "\n".join(reporter.said).partition("locking it now")
    assert "environments/demo.lock is out of date: environments/demo.yml was changed" in before
    assert "environments/demo.yml:8: toml==0.10.2 is new" in before
    assert "toml" in after.partition("building it now")[0]
    assert made(runner) == ["lock", "image"]


@pytest.mark.parametrize("error", [LockMissingError, LockStaleError])
def test_locked_refuses_and_writes_nothing(project: Project, error: type[HakobuneError]) -> None:
    runner, reporter = engine(project), FakeReporter()
    if error is LockStaleError:
        project.environment_path.write_bytes(CHANGED)
    else:
        project.lock_path.unlink()
    before = files_of(project)
    with pytest.raises(error):
        ready_image(project, runner, reporter, how=replace(HOW, may_lock=False))
    assert (made(runner), reporter.said, files_of(project)) == ([], [], before)


STALE: dict[str, tuple[dict[str, str], type[HakobuneError], str]] = {
    "missing": ({}, ImageMissingError, "the engine has no image demo:local"),
    "of another lock": ({"lock_sha256": "0" * 64}, ImageStaleError, "earlier version of env"),
    "of other code": ({"source_sha256": "0" * 64}, ImageStaleError, "earlier version of src"),
}


@pytest.mark.parametrize("case", STALE)
def test_an_image_that_is_missing_or_stale_is_built_and_that_is_said(
    project: Project, case: str
) -> None:
    labels, error, words = STALE[case]
    built: list[int] = []

    def missing(command: Sequence[str]) -> Completed | None:
        if "build" in command:
            built.append(1)
        is_asked = command[-1] == "demo:local" and not labels and not built
        return NO_IMAGE(command) if is_asked else None

    runner, reporter = engine(project, missing, **labels), FakeReporter()
    with pytest.raises(error, match=words):
        ready_image(project, runner, reporter, how=replace(HOW, may_build=False))
    assert (made(runner), reporter.said) == ([], [])
    ready_image(project, runner, reporter, how=HOW)
    assert made(runner) == ["image"]
    assert words in reporter.said[0]
    assert reporter.said[0].endswith("\nbuilding it now")


def test_a_table_that_changed_since_the_dockerfile_is_built(project: Project) -> None:
    other = replace(project, command=("python", "-m", "other"))
    runner = engine(project)
    with pytest.raises(DockerfileStaleError):
        ready_image(other, runner, FakeReporter(), how=replace(HOW, may_build=False))
    ready_image(other, runner, FakeReporter(), how=HOW)
    assert made(runner) == ["image"]
    assert b'CMD ["python", "-m", "other"]' in other.dockerfile_path.read_bytes()


def test_a_dockerfile_that_was_edited_is_not_overwritten(project: Project) -> None:
    edited = project.dockerfile_path.read_bytes().replace(b"USER 1000", b"USER 0")
    project.dockerfile_path.write_bytes(edited)
    with pytest.raises(DockerfileStaleError, match="edited by hand"):
        ready_image(project, engine(project), FakeReporter(), how=HOW)
    assert project.dockerfile_path.read_bytes() == edited


def test_without_an_engine_nothing_is_locked(project: Project) -> None:
    project.lock_path.unlink()
    runner = FakeRunner([begins("docker", "version", exit_code=1)])
    with pytest.raises(EngineMissingError):
        ready_image(project, runner, FakeReporter(), how=HOW)
    assert [call[1] for call in runner.calls] == ["version"]
