import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.errors import EnvironmentFileInvalidError, LockMissingError, LockStaleError
from hakobune.model.project import Project
from hakobune.stages.lock import lock_environment, pin_base
from hakobune.stages.project import read_current_lock, read_fresh_lock
from tests.lock_samples import Uv, debian_list
from tests.samples import (
    DIGEST,
    ENVIRONMENT,
    LIBRARY,
    NO_DEBIAN,
    NO_REGISTRY,
    FakeReporter,
    FakeRunner,
    make_lock,
    make_project,
    on,
    write_project,
)


def test_a_lock_holds_what_the_solver_the_registry_and_debian_answered(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.lock_path.unlink()
    registry = on("imagetools", stdout=f'{{"digest": "{DIGEST}"}}')
    runner = FakeRunner([Uv(), registry, on("resolve.sh", stdout=debian_list())])
    lock = lock_environment(project, runner, FakeReporter(), index={})
    assert lock == read_fresh_lock(project)
    assert lock.registry_base.digest == DIGEST
    assert [wheel.name for wheel in lock.packages] == ["six"]
    assert [wheel.name for wheel in lock.tools] == ["uv"]
    assert lock.debian_base is not None
    assert len(lock.debian_base.packages) == 5


def test_a_second_lock_changes_no_byte(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([Uv(), NO_REGISTRY, on("resolve.sh", stdout=debian_list())])
    lock_environment(project, runner, FakeReporter(), index={})
    first = project.lock_path.read_bytes()
    reporter = FakeReporter()
    lock_environment(project, runner, reporter, index={})
    assert project.lock_path.read_bytes() == first
    assert reporter.stages[-1][1].endswith("unchanged")


def test_pins_that_still_fit_are_preferred_unless_an_upgrade_is_asked_for(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    uv = Uv()
    runner = FakeRunner([uv, NO_REGISTRY, NO_DEBIAN])
    lock_environment(project, runner, FakeReporter(), index={})
    assert uv.preferred == [["six==1.17.0"], ["uv==0.9"]]
    uv.preferred.clear()
    lock_environment(project, runner, FakeReporter(), index={}, upgrade=True)
    assert uv.preferred == [[], []]


def test_pins_of_another_python_are_not_kept(tmp_path: Path) -> None:
    """A package's release for 3.12 may have no wheel for 3.13."""
    project = write_project(tmp_path, lock=replace(make_lock(), python="3.12"))
    uv = Uv()
    runner = FakeRunner([uv, NO_REGISTRY, NO_DEBIAN])
    lock = lock_environment(project, runner, FakeReporter(), index={})
    assert uv.preferred == [[], []]
    assert lock.python == "3.13"


def test_debian_packages_move_only_when_asked(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([Uv(), NO_REGISTRY, on("resolve.sh", stdout=debian_list())])
    lock_environment(project, runner, FakeReporter(), index={})
    asked = len(runner.called("trixie"))
    lock_environment(project, runner, FakeReporter(), index={})
    assert len(runner.called("trixie")) == asked
    lock_environment(project, runner, FakeReporter(), index={}, move_base=True)
    assert len(runner.called("trixie")) == asked + 1


def test_a_silent_registry_is_told_and_stays_open(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    reporter = FakeReporter()
    lock = lock_environment(project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), reporter, index={})
    assert lock.registry_base.digest is None
    assert any("no registry answers" in line for line in reporter.said)


def test_a_damaged_lock_is_told_and_written_anew(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.lock_path.write_bytes(b"schema_version = 1\n")
    reporter = FakeReporter()
    lock_environment(project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), reporter, index={})
    assert any("its pins are not kept" in line for line in reporter.said)
    read_fresh_lock(project)


def test_a_missing_lock_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(LockMissingError) as caught:
        read_current_lock(make_project(tmp_path))
    assert caught.value.remedy.startswith("hakobune lock")


def test_a_stale_lock_names_what_moved(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    text = project.environment_path.read_text(encoding="utf-8")
    project.environment_path.write_text(text.replace("1.17.0", "1.16.0"), encoding="utf-8")
    with pytest.raises(LockStaleError) as caught:
        read_fresh_lock(project)
    assert caught.value.what == (
        "environments/demo.lock is out of date: environments/demo.yml was changed since\n"
        "  environments/demo.yml:7: six==1.16.0, was six==1.17.0"
    )
    assert caught.value.remedy == "hakobune lock"


def test_the_compiler_is_locked_only_where_the_project_has_libraries(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN])
    native = replace(project, libraries=(LIBRARY,))
    lock = lock_environment(native, runner, FakeReporter(), index={})
    assert [wheel.name for wheel in lock.tools] == ["uv", "ziglang"]
    assert lock == read_fresh_lock(native)
    lock = lock_environment(project, runner, FakeReporter(), index={})
    assert [wheel.name for wheel in lock.tools] == ["uv"]


def test_a_lock_from_before_the_libraries_is_stale_and_names_them(tmp_path: Path) -> None:
    project = replace(write_project(tmp_path), libraries=(LIBRARY,))
    with pytest.raises(LockStaleError) as caught:
        read_fresh_lock(project)
    assert caught.value.what == (
        "environments/demo.lock was made before pyproject.toml named C libraries\n"
        "  pyproject.toml: inner/fast.so is new, and the lock has no ziglang to compile it"
    )
    assert caught.value.remedy == "hakobune lock"


def test_a_registry_that_answers_later_is_written_into_the_lock(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    reporter = FakeReporter()
    pin_base(project, read_fresh_lock(project), DIGEST, reporter)
    assert read_fresh_lock(project).registry_base.digest == DIGEST
    assert len(reporter.said) == 1
    assert DIGEST in reporter.said[0]


def named(root: Path, name: str) -> Project:
    project = write_project(root)
    text = project.environment_path.read_text(encoding="utf-8")
    text = text.replace("name: demo", f"name: {json.dumps(name)}")
    project.environment_path.write_text(text, encoding="utf-8")
    return project


def test_a_name_is_mapped_once_and_told(tmp_path: Path) -> None:
    project, reporter = named(tmp_path, "fc.dots 1.9\u202e"), FakeReporter()
    lock = lock_environment(project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), reporter, index={})
    assert lock.environment == read_fresh_lock(project).environment == "fc-dots-1-9"
    assert reporter.said[-1] == (
        "environments/demo.yml:1: the name `fc.dots 1.9\\u202e` becomes `fc-dots-1-9`, which "
        "Docker, registries and Azure ML all accept; docker-compose.yml must name the image "
        "fc-dots-1-9:local"
    )


@pytest.mark.parametrize("place", ["other.yml", "environments/other.yaml"])
def test_two_names_that_become_the_same_are_refused(tmp_path: Path, place: str) -> None:
    project = named(tmp_path, "a.b")
    other = tmp_path / place
    runner = FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN])
    for name in ("a.b", "b"):
        other.write_text(f"name: {name}\ndependencies: [x]\n", encoding="utf-8")
        lock_environment(project, runner, FakeReporter(), index={})
    other.write_text("name: a b\ndependencies: [x]\n", encoding="utf-8")
    with pytest.raises(EnvironmentFileInvalidError) as caught:
        lock_environment(project, runner, FakeReporter(), index={})
    assert caught.value.what == (
        f"environments/demo.yml:1: the name `a.b` and the name `a b` in {place} both become "
        "`a-b`, the image's name"
    )


def test_a_lock_with_a_name_that_azure_ml_refuses_is_made_anew(tmp_path: Path) -> None:
    content = ENVIRONMENT.replace(b"demo", b"a.b")
    lock = make_lock(environment_sha256=hashlib.sha256(content).hexdigest())
    project = write_project(tmp_path, lock=replace(lock, environment="a.b"))
    project.environment_path.write_bytes(content)
    with pytest.raises(LockStaleError, match=r"a\.b"):
        read_fresh_lock(project)
    lock_environment(project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), FakeReporter(), index={})
    assert read_fresh_lock(project).environment == "a-b"
