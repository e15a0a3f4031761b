import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import BuildFailedError, SdistUnstableError
from hakobune.model.lock import Lock, LockedSdist, LockedWheel
from hakobune.model.project import Project
from hakobune.model.secrets import NO_SECRETS
from hakobune.stages.built_wheels import settle_wheels
from hakobune.stages.project import read_current_lock
from hakobune.stages.solve import Solution, accepted_notes, settled
from hakobune.transform.wheel_difference import wheel_difference
from tests.samples import FakeReporter, FakeRunner, completed, make_lock, write_project

SETUPTOOLS = LockedWheel(name="setuptools", version="1", file="s.whl", size=1, sha256="7" * 64)
OLD = LockedSdist(
    name="old",
    version="1.0",
    file="old-1.0.tar.gz",
    size=1,
    sha256="8" * 64,
    builders=("setuptools==1",),
)


def wheel(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name.replace("_dot_", ".")), text)
    return content.getvalue()


class Engine:
    """Exports these two wheels, as a build of the target `twice` does."""

    def __init__(self, *wheels: bytes) -> None:
        self.wheels, self.targets = wheels, list[str]()

    def __call__(self, command: Sequence[str]) -> Completed | None:
        if "--output" not in command:
            return None
        self.targets.append(command[command.index("--target") + 1])
        folder = Path(command[command.index("--output") + 1].partition("dest=")[2])
        for part, content in zip(("first", "second"), self.wheels, strict=False):
            path = folder / part / "old" / "old-1.0-py3-none-any.whl"
            path.parent.mkdir(parents=True)
            # uv leaves this beside what it builds.
            (path.parent / ".gitignore").write_text("*", encoding="utf-8")
            path.write_bytes(content)
        return completed()


def given(tmp_path: Path, sdist: LockedSdist = OLD) -> tuple[Project, Lock]:
    packages = (*make_lock().packages, sdist)
    lock = replace(make_lock(), packages=packages, builders=(SETUPTOOLS,))
    project = write_project(tmp_path, lock=lock)
    (project.root / project.source).mkdir(parents=True, exist_ok=True)
    (project.root / project.source / "a.py").write_text("", encoding="utf-8")
    return project, read_current_lock(project)


def settle(project: Project, lock: Lock, engine: Engine, reporter: FakeReporter) -> Lock:
    return settle_wheels(
        project,
        lock,
        FakeRunner([engine]),
        reporter,
        arguments={},
        secrets=NO_SECRETS,
        options=(),
    )


def test_two_wheels_of_the_same_bytes_are_locked(tmp_path: Path) -> None:
    project, lock = given(tmp_path)
    engine, reporter = Engine(wheel(a="1"), wheel(a="1")), FakeReporter()
    found = settle(project, lock, engine, reporter)
    assert found.sdists[0].wheel_sha256 == hashlib.sha256(wheel(a="1")).hexdigest()
    assert read_current_lock(project) == found
    assert any("built twice, with the same bytes: old" in line for line in reporter.said)
    assert found.sdists[0].wheel_sha256 in project.dockerfile_path.read_text(encoding="utf-8")
    # A second build has nothing to compare.
    assert settle(project, found, engine, reporter) == found
    assert engine.targets == ["twice"]


def test_two_wheels_that_differ_are_refused_with_the_file_and_nothing_is_written(
    tmp_path: Path,
) -> None:
    project, lock = given(tmp_path)
    before = project.lock_path.read_bytes()
    engine = Engine(wheel(old_dot_py="1", same="x"), wheel(old_dot_py="2", same="x"))
    with pytest.raises(SdistUnstableError, match=r"two different wheels: old\.py$") as caught:
        settle(project, lock, engine, FakeReporter())
    assert "hakobune lock --accept old" in caught.value.remedy
    assert project.lock_path.read_bytes() == before


def test_a_build_without_a_wheel_is_refused(tmp_path: Path) -> None:
    project, lock = given(tmp_path)
    with pytest.raises(BuildFailedError, match=r"old 1\.0 gave 0 wheels"):
        settle(project, lock, Engine(), FakeReporter())


def test_what_was_accepted_is_not_compared(tmp_path: Path) -> None:
    project, lock = given(tmp_path, replace(OLD, is_accepted=True))
    engine = Engine()
    assert settle(project, lock, engine, FakeReporter()) == lock
    assert engine.targets == []


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        (wheel(a="1"), wheel(a="1", b="2"), "b"),
        (wheel(a="1", b="2"), wheel(b="2", a="1"), "the same files with other times, modes or in"),
        (wheel(a="1"), b"no zip", "one of them is not a zip archive"),
        (
            wheel(**dict.fromkeys("abcdef", "1")),
            wheel(**dict.fromkeys("abcdef", "2")),
            "a, b, c, d and 2 more",
        ),
    ],
)
def test_what_differs_is_named(first: bytes, second: bytes, difference: str) -> None:
    assert wheel_difference(first, second).startswith(difference)


def old_lock(**changes: object) -> Lock:
    known = replace(OLD, wheel_sha256="9" * 64)
    return replace(make_lock(), packages=(replace(known, **changes),))  # type: ignore[arg-type] # by name


def test_the_same_sources_and_builders_keep_their_wheel() -> None:
    solution = Solution(packages=(OLD,))
    python = make_lock().python
    (kept,) = settled(solution, old_lock(), python, ())
    assert isinstance(kept, LockedSdist)
    assert kept.wheel_sha256 == "9" * 64
    for other in (old_lock(sha256="7" * 64), old_lock(builders=("flit==1",))):
        assert settled(solution, other, python, ()) == (OLD,)
    assert settled(solution, old_lock(), "3.7", ()) == (OLD,)


def test_accepting_forgets_the_wheel_and_is_kept() -> None:
    python = make_lock().python
    (accepted,) = settled(Solution(packages=(OLD,)), old_lock(), python, ("Old",))
    assert accepted == replace(OLD, is_accepted=True)
    (note,) = accepted_notes((accepted,))
    assert note.startswith("old 1.0: each build may give another wheel, which was accepted")
    assert accepted_notes((OLD, replace(OLD, is_accepted=True, wheel_sha256="9" * 64))) == ()
    again = settled(Solution(packages=(OLD,)), old_lock(is_accepted=True), python, ())
    assert again == (replace(OLD, is_accepted=True, wheel_sha256="9" * 64),)
    # Another source: its bytes are accepted, and of its builds nothing is known.
    other = settled(Solution(packages=(OLD,)), old_lock(sha256="7" * 64), python, ("old",))
    assert other == (OLD,)
