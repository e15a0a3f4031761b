from collections.abc import Callable
from pathlib import Path

import pytest

from hakobune.cli.wiring import Wiring
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render
from tests.command_samples import run
from tests.samples import (
    ENGINE,
    NO_IMAGE,
    NO_REPOSITORY,
    FakeReporter,
    FakeRunner,
    write_project,
)

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hakobune(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return the command line on an engine that has no image; nothing else is answered."""
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        wiring = Wiring()
        wiring.runner = FakeRunner([ENGINE, NO_IMAGE, NO_REPOSITORY])
        return run(monkeypatch, capsys, *arguments, wiring=wiring)

    return call


def test_without_leave_to_build_a_missing_image_is_an_error(hakobune: Command) -> None:
    code, out, err = hakobune("train", "--no-build")
    assert (code, out) == (6, "")
    assert err.startswith("error[image-missing]: the engine has no image demo:local")


def test_without_leave_to_lock_a_stale_lock_is_an_error(hakobune: Command, tmp_path: Path) -> None:
    with (tmp_path / "environments/demo.yml").open("a", encoding="utf-8") as file:
        file.write("      - toml\n")
    code, _, err = hakobune("train", "--locked")
    assert code == 4
    assert err.startswith("error[lock-stale]: environments/demo.lock is out of date")
    (tmp_path / "environments/demo.lock").unlink()
    assert hakobune("train", "--locked")[2].startswith("error[lock-missing]: ")


def test_limits_of_the_environment_are_the_container_s(
    hakobune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert " --memory 4g --cpus 0 " in hakobune("train", "--dry-run")[1]
    monkeypatch.setenv("HAKOBUNE_MEMORY", "512m")
    monkeypatch.setenv("HAKOBUNE_CPUS", "1.5")
    assert " --memory 512m --cpus 1.5 " in hakobune("train", "--dry-run")[1]


@pytest.mark.parametrize("value", ["-1", "4 g", "4g --privileged", "lots", "0", "4gb\n", "٤g"])
def test_a_limit_that_is_none_is_refused(
    hakobune: Command, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("HAKOBUNE_MEMORY", value)
    code, _, err = hakobune("train", "--dry-run")
    assert err.startswith("error[configuration-invalid]: HAKOBUNE_MEMORY is ")
    assert code == 3


def test_a_project_without_a_lock_has_a_plan_too(hakobune: Command, tmp_path: Path) -> None:
    (tmp_path / "environments/demo.lock").unlink()
    code, out, _ = hakobune("train", "--dry-run")
    assert code == 0
    assert " '<the image>' -c " in out
