"""`hakobune lock`: what its options let move, print and write."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.cli.wiring import Wiring
from hakobune.errors import LockStaleError
from hakobune.model.lock import LockedWheel
from hakobune.model.spec import Index
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render
from hakobune.transform.write_lock import write_lock
from tests.command_samples import run
from tests.lock_samples import Uv, debian_list
from tests.samples import (
    NO_DEBIAN,
    NO_REGISTRY,
    FakeReporter,
    FakeRunner,
    make_lock,
    on,
    write_project,
)

Lock = Callable[..., tuple[int, str, str]]


@pytest.fixture
def uv() -> Uv:
    return Uv()


@pytest.fixture
def runner(uv: Uv) -> FakeRunner:
    security = on("resolve.sh", "--security", stdout="python3\t3.13.5-1\n")
    return FakeRunner([uv, NO_REGISTRY, security, on("resolve.sh", stdout=debian_list())])


@pytest.fixture
def lock(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    runner: FakeRunner,
) -> Lock:
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        wiring = Wiring()
        wiring.runner = runner
        return run(monkeypatch, capsys, *words, wiring=wiring)

    return call


def older(version: str = "1.0") -> LockedWheel:
    file = f"six-{version}-py3-none-any.whl"
    return LockedWheel(name="six", version=version, file=file, size=1, sha256="4" * 64)


def test_a_lock_prints_what_it_changed(lock: Lock, tmp_path: Path) -> None:
    write_project(tmp_path, lock=replace(make_lock(), packages=(older(),)))
    code, _, err = lock("lock")
    assert code == 0
    assert "six 1.0 → 1.17.0\n" in err
    assert "six" not in lock("lock")[2]


def test_a_diff_is_the_result_and_nothing_is_written(lock: Lock, tmp_path: Path) -> None:
    project = write_project(tmp_path, lock=replace(make_lock(), packages=(older(),)))
    before = project.lock_path.read_bytes()
    code, out, err = lock("lock", "--diff")
    assert (code, out.splitlines()[0]) == (0, "six 1.0 → 1.17.0")
    assert "six" not in err
    assert "six 1.0 → 1.17.0" in json.loads(lock("lock", "--diff", "--json")[1])["changes"]
    assert project.lock_path.read_bytes() == before
    lock("lock")
    assert lock("lock", "--diff")[1] == f"{project.lock} would stay as it is\n"
    project.lock_path.unlink()
    assert lock("lock", "--diff")[1] == "1 package, new\n"
    assert not project.lock_path.exists()


def test_one_package_is_upgraded_and_the_others_stay(lock: Lock, uv: Uv, tmp_path: Path) -> None:
    other = replace(older("1.0"), name="idna", file="idna-1.0-py3-none-any.whl")
    write_project(tmp_path, lock=replace(make_lock(), packages=(other, older())))
    assert lock("lock", "--diff", "--upgrade-package", "SIX")[0] == 0
    assert uv.preferred == [["idna==1.0"], ["uv==0.9"]]
    uv.preferred.clear()
    assert lock("lock", "--diff", "--upgrade-package=idna", "--upgrade-package=uv")[0] == 0
    assert uv.preferred == [["six==1.0"], []]


def test_a_package_that_the_lock_does_not_have_cannot_be_upgraded(
    lock: Lock, tmp_path: Path
) -> None:
    write_project(tmp_path)
    code, _, err = lock("lock", "--upgrade-package", "sixx")
    assert code == 2
    assert "--upgrade-package: the lock has no sixx" in err


@pytest.mark.parametrize(
    ("day", "moment"),
    [("2026-01-31", "2026-01-31T00:00:00Z"), ("2026-01-31T12:30:00Z", "2026-01-31T12:30:00Z")],
)
def test_uv_is_told_the_last_moment(
    lock: Lock, runner: FakeRunner, tmp_path: Path, day: str, moment: str
) -> None:
    write_project(tmp_path)
    assert lock("lock", "--exclude-newer", day)[0] == 0

    environment, tools = runner.called("compile")
    assert environment[environment.index("--exclude-newer") + 1] == moment
    assert "--exclude-newer" not in tools


def test_what_is_no_day_and_what_excludes_each_other_is_wrong_usage(
    lock: Lock, tmp_path: Path
) -> None:
    write_project(tmp_path)
    assert lock("lock", "--exclude-newer", "yesterday")[0] == 2
    assert lock("lock", "--check", "--diff")[0] == 2
    assert lock("lock", "--explain", "--diff")[0] == 2


def test_a_lock_is_explained_without_asking_an_index(
    lock: Lock, runner: FakeRunner, tmp_path: Path
) -> None:
    project = write_project(tmp_path)
    runner.answers = [on("--offline", exit_code=1)]
    code, out, err = lock("lock", "--explain")
    assert (code, err) == (0, "")
    assert [line.split() for line in out.splitlines()] == [
        ["python", "3.13", "base", "image", "environments/demo.yml:4"],
        ["six", "1.17.0", "wheel", "environments/demo.yml:7"],
    ]
    found = json.loads(lock("lock", "--explain", "--json")[1])["explanation"]
    assert found[1]["reason"] == "environments/demo.yml:7"
    project.environment_path.write_bytes(b"# new\n" + project.environment_path.read_bytes())
    assert lock("lock", "--explain")[0] == 4


def test_what_a_lock_warns_of_is_an_error_of_a_strict_check(lock: Lock, tmp_path: Path) -> None:
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    assert lock("lock", "--check", "--strict")[0] == 0
    text = project.environment_path.read_text(encoding="utf-8")
    project.environment_path.write_text(f"{text}      - azureml-core\n", encoding="utf-8")
    code, _, err = lock("lock")
    warning = "environments/demo.yml:8: warning: azureml-core belongs to Azure ML's SDK v1, which"
    assert (code, err.count(warning)) == (0, 1)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    assert lock("lock", "--check")[0] == 0
    code, _, err = lock("lock", "--check", "--strict")
    assert code == 4
    assert err.startswith(f"error[environment-doubtful]: {warning}")


def test_a_check_names_newer_security_builds(
    lock: Lock, runner: FakeRunner, tmp_path: Path
) -> None:
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    news = on("resolve.sh", "--security", stdout="python3\t3.13.5-2\n")
    runner.answers = [news, on("dpkg", "--compare-versions"), *runner.answers]
    code, out, _ = lock("lock", "--check")
    assert code == 0
    assert out.splitlines()[-2:] == [
        "python3 3.13.5-1: trixie-security has 3.13.5-2",
        "newer security builds: hakobune lock --security",
    ]
    assert json.loads(lock("lock", "--check", "--json")[1])["security"]
    assert "python3 3.13.5-1" in lock("lock", "--check", "--strict")[2]
    runner.answers = [NO_DEBIAN]
    code, out, err = lock("lock", "--check")
    assert (code, "security" in out) == (0, False)
    assert "security archive did not answer" in err


def test_security_moves_what_has_a_newer_build(
    lock: Lock, runner: FakeRunner, tmp_path: Path
) -> None:
    write_project(tmp_path)
    lock("lock")
    newer = (
        debian_list()
        .replace("3.13.5-1\tamd64", "3.13.5-2\tamd64")
        .replace("\t-\t", "\t3.13.5-2\t", 1)
    )
    runner.answers = [on("resolve.sh", stdout=newer), on("dpkg"), *runner.answers]
    code, _, err = lock("lock", "--security")
    assert code == 0
    moved = [line for line in err.splitlines() if "→ 3.13.5-2" in line]
    assert moved == ["Debian: ca-certificates 3.13.5-1 → 3.13.5-2"]


def test_strict_goes_with_check(lock: Lock, tmp_path: Path) -> None:
    write_project(tmp_path)
    assert lock("lock", "--strict")[0] == 2


def test_the_packages_are_exported_for_scanners_without_azure(lock: Lock, tmp_path: Path) -> None:
    project = write_project(tmp_path)
    code, out, _ = lock("export", "--pylock", "out/pylock.demo.toml")
    assert (code, out) == (0, "out/pylock.demo.toml\n")
    found = tomllib.loads((tmp_path / "out/pylock.demo.toml").read_text(encoding="utf-8"))
    ((package,), (locked,)) = (found["packages"], read_fresh_lock(project).packages)
    assert (package["name"], package["version"]) == (locked.name, locked.version)
    path = package["wheels"][0]["path"]
    assert path.startswith("../vendor/wheels/six-")
    code, _, err = lock("export", "--pylock=lock.toml")
    assert code == 2
    assert "name it pylock.toml" in err


def replaced(file: str = "six-1.17.0-py3-none-any.whl", index: str = "") -> LockedWheel:
    """Return the package as it was locked: the same release, other bytes."""
    return replace(older("1.17.0"), file=file, index=index)


@pytest.mark.parametrize("words", [(), ("--upgrade",), ("--upgrade-package", "six")])
def test_other_bytes_under_a_locked_file_s_name_are_refused(
    lock: Lock, tmp_path: Path, words: tuple[str, ...]
) -> None:
    project = write_project(tmp_path, lock=replace(make_lock(), packages=(replaced(),)))
    before = project.lock_path.read_bytes()
    done = lock("lock", *words)
    assert "error[hash-mismatch]" in done[2]
    for text in (
        "six-1.17.0-py3-none-any.whl (the default index)",
        "4" * 64,
        "5" * 64,
        "--accept six",
    ):
        assert text in done[2]
    assert project.lock_path.read_bytes() == before
    assert "six 1.17.0: another file of the same release" in lock("lock", "--diff")[1]
    assert "error[hash-mismatch]" in lock("lock", "--accept", "idna")[2]
    assert lock("lock", "--accept", "Six", *words)[0] == 0
    assert lock("lock")[0] == 0


def test_another_file_of_the_same_release_is_taken_and_reported(lock: Lock, tmp_path: Path) -> None:
    """A wheel that fits better came later: nothing that was locked has changed."""
    write_project(tmp_path, lock=replace(make_lock(), packages=(replaced("six-1.17.0.whl"),)))
    code, _, err = lock("lock")
    assert code == 0
    assert "six 1.17.0: another file of the same release" in err


def test_a_package_of_a_named_index_comes_from_no_other(lock: Lock, tmp_path: Path) -> None:
    """For instance, where the variable that names the index is not set on this machine."""
    private = replace(older(), index="packages.example")
    write_project(tmp_path, lock=replace(make_lock(), packages=(private,)))
    done = lock("lock")
    assert "error[index-changed]" in done[2]
    assert "six 1.17.0 from the default index; 1.0 was from packages.example" in done[2]
    assert "six: from the default index, was from packages.example" in lock("lock", "--diff")[1]
    assert lock("lock", "--accept", "six")[0] == 0


def test_a_lock_is_stale_when_the_project_s_indexes_change(tmp_path: Path) -> None:
    team = Index(name="team", address="https://x.y/simple", packages=("six",))
    project = write_project(tmp_path)
    with pytest.raises(LockStaleError, match=r"pyproject\.toml: team differs"):
        read_fresh_lock(replace(project, indexes=(team,)))
    lock = replace(read_fresh_lock(project), indexes=(team,))
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    assert read_fresh_lock(replace(project, indexes=(team,))).indexes == (team,)
    with pytest.raises(LockStaleError, match=r"pyproject\.toml: team is gone"):
        read_fresh_lock(project)


@pytest.mark.parametrize("option", ["--upgrade-package", "--accept"])
@pytest.mark.parametrize("text", ["six==1.0", "six>1", "", "a b", "--x"])
def test_what_is_no_package_s_name_is_refused(
    lock: Lock, tmp_path: Path, option: str, text: str
) -> None:
    """For pip, `six==1.0` there would mean that version."""
    write_project(tmp_path)
    done = lock("lock", f"{option}={text}")
    assert "error[argument-invalid]" in done[2]
    assert "is not the name of a package" in done[2]
