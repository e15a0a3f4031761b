"""The Debian packages of a lock: what is asked for, what stays, and what a security build moves."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.errors import (
    DebianPackageUnknownError,
    DebianReleaseGoneError,
    DebianUnreachableError,
    EnvironmentDoubtfulError,
    LockStaleError,
)
from hakobune.model.lock import Lock, LockedDebian, LockedSdist, LockedWheel
from hakobune.model.project import Project
from hakobune.stages.debian import asked_for
from hakobune.stages.doubts import require_no_doubt, security_news
from hakobune.stages.lock import LockWishes, lock_environment
from hakobune.stages.project import conda_names, open_project, read_fresh_lock
from hakobune.transform.read_spec import read_spec
from tests.lock_samples import Uv, debian_list
from tests.samples import (
    NO_DEBIAN,
    NO_REGISTRY,
    PYPROJECT,
    Answer,
    FakeReporter,
    FakeRunner,
    completed,
    make_lock,
    on,
    write_project,
)

WISHES = LockWishes(index=lambda _named: {})
UNKNOWN = "unknown: libgomp libgomp-plugin-nvptx1 libgomp1\nunknown: nosuch \n"


def row(name: str, version: str = "1-1", *, fixed: str = "-", role: str = "added") -> str:
    suite = "trixie-security" if fixed == version else "trixie"
    path = f"pool/main/{name[0]}/{name}/{name}_{version}_amd64.deb"
    return "\t".join([name, version, "amd64", "5", "7" * 64, path, suite, fixed, role]) + "\n"


def dpkg(command: Sequence[str]) -> Completed | None:
    """Compare versions that are numbers with a revision."""
    if list(command[:2]) != ["dpkg", "--compare-versions"]:
        return None
    one, other = (tuple(map(int, word.split("-"))) for word in (command[2], command[4]))
    return completed(exit_code=0 if one < other else 1)


def project_with(root: Path, *dependencies: str, debian: str = "") -> Project:
    project = write_project(root)
    lines = "".join(f"  - {line}\n" for line in ("python=3.13", *dependencies))
    project.environment_path.write_text(f"name: demo\ndependencies:\n{lines}", encoding="utf-8")
    text = PYPROJECT.replace('service = "train"\n', "")
    text = text.replace("[tool.hakobune.inputs]", f"{debian}\n[tool.hakobune.inputs]")
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    project.lock_path.unlink()
    return open_project(root)


def lock_with(
    project: Project, *answers: Answer, wishes: LockWishes = WISHES
) -> tuple[Lock, FakeRunner, list[str]]:
    runner, reporter = FakeRunner([*answers, dpkg, Uv(), NO_REGISTRY]), FakeReporter()
    return lock_environment(project, runner, reporter, wishes=wishes), runner, reporter.said


def listed(*added: str) -> Answer:
    return on("resolve.sh", stdout="".join(sorted([*debian_list().splitlines(True), *added])))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return project_with(tmp_path, "six", debian='debian = ["libgomp1"]')


def test_what_pyproject_names_is_locked_with_what_it_needs(project: Project) -> None:
    answer = listed(row("libgomp1"), row("libother2"), row("python3-extra", role="both"))
    lock, runner, _ = lock_with(project, answer)
    (asked,) = runner.called("trixie")
    assert asked[asked.index("--") :] == ["--", "libgomp1"]
    assert lock.debian == (("libgomp1", "pyproject.toml"),)
    assert [p.name for p in lock.debian_packages] == ["libgomp1", "libother2", "python3-extra"]
    assert {p.suite for p in lock.debian_packages} == {"trixie"}
    assert read_fresh_lock(project) == lock


def test_the_next_lock_asks_nobody_and_changes_nothing(project: Project) -> None:
    first, _, _ = lock_with(project, listed(row("libgomp1")))
    second, runner, said = lock_with(project, NO_DEBIAN)
    assert second == first
    assert not runner.called("trixie")
    assert not [line for line in said if "added to the image" in line]


def test_a_change_of_pyproject_makes_the_lock_stale(project: Project) -> None:
    lock_with(project, listed(row("libgomp1")))
    other = replace(project, debian=("libgomp1", "git"))
    with pytest.raises(LockStaleError, match="`git` is new"):
        read_fresh_lock(other)
    with pytest.raises(LockStaleError, match="`libgomp1` is gone"):
        read_fresh_lock(replace(project, debian=()))


def test_a_package_that_is_no_longer_asked_for_goes(project: Project) -> None:
    lock_with(project, listed(row("libgomp1")))
    lock, _, _ = lock_with(replace(project, debian=()), NO_DEBIAN)
    assert (lock.debian, lock.debian_packages) == ((), ())


def test_a_wheel_s_known_need_is_added_and_told(tmp_path: Path) -> None:
    project = project_with(tmp_path, "lightgbm")
    lock, _, said = lock_with(project, listed(row("libgomp1")))
    assert lock.debian == (("libgomp1", "lightgbm"),)
    assert "note: lightgbm needs Debian's libgomp1: added to the image" in said


@pytest.mark.parametrize(
    ("lines", "names"),
    [(("psycopg",), ["libpq5"]), (("psycopg", "pip: [psycopg-binary]"), []), (("six",), [])],
)
def test_a_need_goes_where_another_package_brings_it(
    tmp_path: Path, lines: tuple[str, ...], names: list[str]
) -> None:
    lock, _, _ = lock_with(project_with(tmp_path, *lines), listed(*map(row, names)))
    assert [name for name, _ in lock.debian] == names


def test_the_packages_are_resolved_for_each_release_that_a_base_has(tmp_path: Path) -> None:
    """Python 3.11 is bookworm's; the official image of it is made of trixie."""
    project = project_with(tmp_path, "git")
    text = project.environment_path.read_text(encoding="utf-8").replace("3.13", "3.11")
    project.environment_path.write_text(text, encoding="utf-8")
    old = row("git", "2-1").replace("trixie", "bookworm")
    base = debian_list().replace("trixie", "bookworm")
    bookworm = on("resolve.sh", "bookworm", stdout="".join(sorted([*base.splitlines(True), old])))
    lock, _, _ = lock_with(project, bookworm, on("resolve.sh", "trixie", stdout=row("git", "3-1")))
    found = [(p.name, p.version, p.suite) for p in lock.debian_packages]
    assert found == [("git", "2-1", "bookworm"), ("git", "3-1", "trixie")]


def test_a_name_that_debian_lacks_is_refused_with_who_asks_for_it(tmp_path: Path) -> None:
    project = project_with(tmp_path, "six", debian='debian = ["libgomp",\n  "nosuch"]')
    unknown = on("resolve.sh", exit_code=31, stderr=UNKNOWN)
    with pytest.raises(DebianPackageUnknownError) as caught:
        lock_with(project, unknown)
    first, second = caught.value.what.splitlines()
    place = project.root.joinpath("pyproject.toml").read_text("utf-8").splitlines()
    line = next(n for n, text in enumerate(place, 1) if "libgomp" in text)
    similar = "similar: libgomp-plugin-nvptx1, libgomp1"
    assert first == f"pyproject.toml:{line}: Debian trixie has no `libgomp`; {similar}"
    assert second == f"pyproject.toml:{line + 1}: Debian trixie has no `nosuch`"
    assert not project.lock_path.exists()


def test_a_host_that_cannot_ask_debian_refuses_what_the_lock_lacks(project: Project) -> None:
    with pytest.raises(DebianUnreachableError, match="the image needs libgomp1"):
        lock_with(project, NO_DEBIAN)


def test_a_release_that_the_mirror_no_longer_has_is_named(project: Project) -> None:
    """As apt says it of buster, which Debian moved to its archive."""
    said = "E: The repository 'http://mirror.example buster Release' does not have a Release file."
    gone = on("resolve.sh", exit_code=30, stderr=f"{said}\n")
    with pytest.raises(DebianReleaseGoneError) as caught:
        lock_with(project, gone)
    assert "is not on the mirror that this host uses" in caught.value.what
    assert "needs from it: libgomp1 (pyproject.toml)" in caught.value.what


def test_sources_get_what_they_are_compiled_with(tmp_path: Path) -> None:
    project = project_with(tmp_path, "psycopg2")
    spec = read_spec(project.environment_path.read_bytes(), file="demo.yml", names=conda_names(()))
    source = LockedSdist(name="psycopg2", version="2.9", file="p.tar.gz", size=1, sha256="1" * 64)
    assert asked_for(project, spec, [source], "trixie") == {"libpq-dev": "psycopg2"}
    (six,) = make_lock().python_packages
    assert asked_for(project, spec, [replace(six, name="psycopg2")], "trixie") == {}


def test_another_version_than_a_line_asks_for_is_refused(tmp_path: Path) -> None:
    project = project_with(tmp_path, "nodejs=18", "git>=2", "six")
    answer = listed(row("nodejs", "20-1"), row("git", "2-1"))
    with pytest.raises(DebianPackageUnknownError) as caught:
        lock_with(project, answer)
    assert caught.value.what == (
        "environments/demo.yml:4: `nodejs=18`: Debian trixie has nodejs 20"
    )
    assert caught.value.place == "environments/demo.yml:4"


def test_the_version_may_be_that_of_another_package(tmp_path: Path) -> None:
    project = project_with(tmp_path, "openjdk=21")
    rows = (row("default-jdk-headless", "2-1"), row("openjdk-21-jdk-headless", "21-1"))
    lock, _, _ = lock_with(project, listed(*rows))
    assert len(lock.debian_packages) == 2


def test_an_exported_file_s_version_is_only_compared(tmp_path: Path) -> None:
    project = project_with(tmp_path, "_libgcc_mutex=0.1", "git=1")
    _, _, said = lock_with(project, listed(row("git", "2-1")))
    assert "note: environments/demo.yml:5: `git=1`: Debian trixie has git 2, which is taken" in said


def test_a_security_build_moves_its_package_and_no_other(project: Project) -> None:
    first, _, _ = lock_with(project, listed(row("libgomp1"), row("libone1")))
    newer = listed(row("libgomp1", "1-3", fixed="1-2"), row("libone1", "2-1"), row("libnew1"))
    wishes = replace(WISHES, security=True)
    lock, _, said = lock_with(project, newer, wishes=wishes)
    found = [(p.name, p.version) for p in lock.debian_packages]
    assert found == [("libgomp1", "1-3"), ("libnew1", "1-1"), ("libone1", "1-1")]
    assert lock.debian_base == first.debian_base
    assert "Debian: libgomp1 1-1 → 1-3" in said


def test_a_package_of_the_base_that_is_needed_now_names_its_suite(project: Project) -> None:
    lock_with(project, listed(row("libgomp1"), row("zlib1g", role="base")))
    newer = listed(row("libgomp1"), row("zlib1g", role="both"))
    lock, _, _ = lock_with(project, newer, wishes=replace(WISHES, security=True))
    assert [(p.name, p.suite) for p in lock.debian_packages][-1] == ("zlib1g", "trixie")
    assert read_fresh_lock(project) == lock


def test_a_move_of_the_base_moves_every_debian_package(project: Project) -> None:
    lock_with(project, listed(row("libgomp1")))
    wishes = replace(WISHES, move_base=True)
    lock, _, _ = lock_with(project, listed(row("libgomp1", "2-1")), wishes=wishes)
    assert [p.version for p in lock.debian_packages] == ["2-1"]


def locked(*packages: LockedDebian | LockedWheel) -> Lock:
    lock = make_lock()
    assert lock.debian_base is not None
    base = replace(lock.debian_base.packages[0], name="zlib1g", version="1-1")
    return replace(lock, packages=packages, debian_base=replace(lock.debian_base, packages=(base,)))


GIT = LockedDebian(
    name="git",
    version="1-1",
    architecture="amd64",
    size=1,
    sha256="7" * 64,
    path="pool/main/g/git.deb",
    suite="trixie",
)


def test_newer_security_builds_are_named_and_older_ones_are_not() -> None:
    news = "zlib1g\t1-0\nzlib1g\t1-2\nzlib1g\t1-1\ngit\t1-1\nother\t9-9\n"
    runner = FakeRunner([on("resolve.sh", "--security", stdout=news), dpkg])
    assert security_news(locked(GIT), runner) == ("zlib1g 1-1: trixie-security has 1-2",)


def test_an_archive_that_does_not_answer_is_no_news() -> None:
    assert security_news(locked(GIT), FakeRunner([NO_DEBIAN])) is None


def test_a_strict_check_fails_where_a_security_build_is_newer(tmp_path: Path) -> None:
    project = write_project(tmp_path)
    with pytest.raises(EnvironmentDoubtfulError) as caught:
        require_no_doubt(project, read_fresh_lock(project), ["zlib1g 1-1: has 1-2"])
    assert "zlib1g 1-1: has 1-2" in caught.value.what
    assert caught.value.remedy.startswith("hakobune lock --security")
