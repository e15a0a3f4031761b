import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    EnvironmentFileInvalidError,
    HashMismatchError,
    LockMissingError,
    LockStaleError,
    PythonUnavailableError,
)
from hakobune.model.lock import Lock
from hakobune.model.project import Project
from hakobune.model.spec import Index
from hakobune.stages.lock import LockWishes, lock_environment, pin_base
from hakobune.stages.project import read_current_lock, read_fresh_lock
from hakobune.transform.write_lock import write_lock
from tests.lock_samples import Uv, debian_list
from tests.samples import (
    DIGEST,
    ENVIRONMENT,
    LIBRARY,
    NO_DEBIAN,
    NO_REGISTRY,
    Answer,
    FakeReporter,
    FakeRunner,
    completed,
    make_lock,
    make_project,
    on,
    write_project,
)

WISHES = LockWishes(index=lambda _named: {})


def test_a_lock_holds_what_the_solver_the_registry_and_debian_answered(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.lock_path.unlink()
    registry = on("imagetools", stdout=f'{{"digest": "{DIGEST}"}}')
    runner = FakeRunner([Uv(), registry, on("resolve.sh", stdout=debian_list())])
    lock = lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    assert lock == read_fresh_lock(project)
    assert lock.registry_base.digest == DIGEST
    assert [wheel.name for wheel in lock.packages] == ["six"]
    assert [wheel.name for wheel in lock.tools] == ["uv"]
    assert lock.debian_base is not None
    assert len(lock.debian_base.packages) == 5


def test_a_second_lock_changes_no_byte(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([Uv(), NO_REGISTRY, on("resolve.sh", stdout=debian_list())])
    lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    first = project.lock_path.read_bytes()
    reporter = FakeReporter()
    lock_environment(project, runner, reporter, wishes=WISHES)
    assert project.lock_path.read_bytes() == first
    assert reporter.stages[-1][1].endswith("unchanged")


def test_pins_that_still_fit_are_preferred_unless_an_upgrade_is_asked_for(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    uv = Uv()
    runner = FakeRunner([uv, NO_REGISTRY, NO_DEBIAN])
    lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    assert uv.preferred == [["six==1.17.0"], ["uv==0.9"]]
    uv.preferred.clear()
    lock_environment(project, runner, FakeReporter(), wishes=replace(WISHES, upgrade=True))
    assert uv.preferred == [[], []]


def test_pins_of_another_python_are_not_kept(tmp_path: Path) -> None:
    """A package's release for 3.12 may have no wheel for 3.13."""
    project = write_project(tmp_path, lock=replace(make_lock(), python="3.12"))
    uv = Uv()
    runner = FakeRunner([uv, NO_REGISTRY, NO_DEBIAN])
    lock = lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    assert uv.preferred == [[], ["uv==0.9"]]
    assert lock.python == "3.13"


def test_debian_packages_move_only_when_asked(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    runner = FakeRunner([Uv(), NO_REGISTRY, on("resolve.sh", stdout=debian_list())])
    lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    asked = len(runner.called("trixie"))
    lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    assert len(runner.called("trixie")) == asked
    lock_environment(project, runner, FakeReporter(), wishes=replace(WISHES, move_base=True))
    assert len(runner.called("trixie")) == asked + 1


def test_a_silent_registry_is_told_and_stays_open(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    reporter = FakeReporter()
    lock = lock_environment(
        project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), reporter, wishes=WISHES
    )
    assert lock.registry_base.digest is None
    assert any("no registry answers" in line for line in reporter.said)


def test_a_damaged_lock_is_told_and_written_anew(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    project.lock_path.write_bytes(b"schema_version = 1\n")
    reporter = FakeReporter()
    lock_environment(project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), reporter, wishes=WISHES)
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
    lock = lock_environment(native, runner, FakeReporter(), wishes=WISHES)
    assert [wheel.name for wheel in lock.tools] == ["uv", "ziglang"]
    assert lock == read_fresh_lock(native)
    lock = lock_environment(project, runner, FakeReporter(), wishes=WISHES)
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
    lock = lock_environment(
        project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), reporter, wishes=WISHES
    )
    assert lock.environment == read_fresh_lock(project).environment == "fc-dots-1-9"
    assert reporter.said[-1] == (
        "note: environments/demo.yml:1: the name `fc.dots 1.9\\u202e` becomes `fc-dots-1-9`, which "
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
        lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    other.write_text("name: a b\ndependencies: [x]\n", encoding="utf-8")
    with pytest.raises(EnvironmentFileInvalidError) as caught:
        lock_environment(project, runner, FakeReporter(), wishes=WISHES)
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
    lock_environment(
        project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), FakeReporter(), wishes=WISHES
    )
    assert read_fresh_lock(project).environment == "a-b"


def of_file(folder: Path, text: str, **files: str) -> Project:
    """Return a project with this conda file and these others."""
    folder.mkdir(exist_ok=True)
    project = write_project(folder)
    project.environment_path.write_text(text, encoding="utf-8")
    for name, content in files.items():
        path = project.environment_path.parent / name.replace("_", ".")
        path.write_text(content, encoding="utf-8")
    return project


def locked(project: Project, *answers: Answer, **wishes: Any) -> Lock:
    runner = FakeRunner([*answers, NO_REGISTRY, NO_DEBIAN])
    return lock_environment(
        project, runner, FakeReporter(), wishes=LockWishes(index=lambda _: {}, **wishes)
    )


def test_an_included_file_belongs_to_what_was_locked(tmp_path: Path) -> None:
    text = "name: demo\ndependencies:\n  - python=3.13\n  - pip: [-r more.txt]\n"
    project = of_file(tmp_path, text, more_txt="six\n")
    lock = locked(project, Uv())
    assert [path for path, _ in lock.included] == ["environments/more.txt"]
    assert read_fresh_lock(project) == lock
    (project.environment_path.parent / "more.txt").write_text("six>=1\n", encoding="utf-8")
    with pytest.raises(LockStaleError, match=r"environments/more.txt:1: six>=1, was six"):
        read_fresh_lock(project)


def test_variables_and_indexes_of_the_file_are_in_the_lock(tmp_path: Path) -> None:
    text = (
        'name: demo\nvariables:\n  A: "1 $x"\ndependencies:\n  - python=3.13\n'
        "  - pip: [six, '--extra-index-url https://${USER}@x.y/simple']\n"
    )
    project = of_file(tmp_path, text)
    asked: list[tuple[Index, ...]] = []

    def index(named: Sequence[Index]) -> dict[str, str]:
        asked.append(tuple(named))
        return {}

    wishes = LockWishes(index=index)
    lock = lock_environment(
        project, FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN]), FakeReporter(), wishes=wishes
    )
    assert lock.variables == (("A", "1 $x"),)
    assert lock.indexes == (Index(address="https://${USER}@x.y/simple"),)
    assert asked[0] == lock.indexes
    assert read_fresh_lock(project) == lock


def test_without_a_named_python_the_newest_that_the_packages_have_is_taken(tmp_path: Path) -> None:
    """uv refuses the newest; the next is taken, and said."""

    def refuse(command: Sequence[str]) -> Completed | None:
        is_newest = "3.14.7" in command
        said = "Because six has no wheels with a matching Python ABI tag, no solution"
        return completed(exit_code=1, stderr=said) if is_newest else None

    project = of_file(tmp_path, "name: demo\ndependencies: [six]\n")
    reporter = FakeReporter()
    runner = FakeRunner([refuse, Uv(), NO_REGISTRY, NO_DEBIAN])
    lock = lock_environment(project, runner, reporter, wishes=WISHES)
    assert (lock.python, lock.requirements[0]) == ("3.13", "python")
    assert "note: python: Python 3.13 is taken" in reporter.said


def test_the_python_of_a_lock_is_kept_while_it_fits(tmp_path: Path) -> None:
    project = of_file(tmp_path, "name: demo\ndependencies: ['python>=3.9', six]\n")
    older = replace(make_lock(), python="3.12")
    project.lock_path.write_bytes(write_lock(older, written_from="x"))
    assert locked(project, Uv()).python == "3.12"
    assert locked(project, Uv(), upgrade=True).python == "3.14"


def test_the_tools_run_on_their_own_whatever_python_the_image_has(tmp_path: Path) -> None:
    project = of_file(tmp_path, "name: demo\ndependencies: ['python=3.7', six]\n")
    runner = FakeRunner([Uv(), NO_REGISTRY, NO_DEBIAN])
    lock = lock_environment(project, runner, FakeReporter(), wishes=WISHES)
    versions = [call[call.index("--python-version") + 1] for call in runner.called("compile")]
    assert versions == ["3.7.17", "3.9"]
    assert lock.registry_base.image == "docker.io/library/python:3.7-slim-bookworm"


@pytest.mark.parametrize("wanted", ["=2.7", "=3.6", "=3.8.99", ">=4"])
def test_a_python_that_no_base_has_is_refused_with_those_there_are(
    tmp_path: Path, wanted: str
) -> None:
    project = of_file(tmp_path, f"name: demo\ndependencies:\n  - python{wanted}\n")
    with pytest.raises(PythonUnavailableError) as caught:
        locked(project)
    assert caught.value.what.startswith("environments/demo.yml:3: no base image has python")
    assert "3.7, 3.8" in caught.value.remedy


def test_a_hash_of_the_file_must_be_the_index_s(tmp_path: Path) -> None:
    text = "name: demo\ndependencies: ['python=3.13', {{pip: ['six --hash=sha256:{}']}}]\n"
    assert locked(of_file(tmp_path / "right", text.format("5" * 64)), Uv())
    with pytest.raises(HashMismatchError, match=r"environments/demo.yml:2: six-1.17.0-py3"):
        locked(of_file(tmp_path / "wrong", text.format("6" * 64)), Uv())


def test_the_alternatives_of_a_version_are_tried_in_their_order(tmp_path: Path) -> None:
    def refuse(command: Sequence[str]) -> Completed | None:
        if "compile" in command and "==1.5" in Path(command[3]).read_text("utf-8"):
            return completed(exit_code=1, stderr="Because there is no version of six==1.5, no")
        return None

    project = of_file(tmp_path, "name: demo\ndependencies: ['python=3.13', 'six 1.5|1.17.0']\n")
    uv = Uv()
    assert locked(project, refuse, uv).packages
    assert uv.asked == ["six", "uv"]
