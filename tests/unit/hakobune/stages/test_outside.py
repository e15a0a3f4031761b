import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters.process import Completed
from hakobune.adapters.resolver import Question
from hakobune.errors import (
    BasePackageGoneError,
    BaseUnavailableError,
    HashMismatchError,
    InputNotFoundError,
    SdistInvalidError,
)
from hakobune.model.lock import Lock, LockedPackage, LockedSdist, LockedWheel
from hakobune.model.secrets import NO_SECRETS
from hakobune.stages import outside
from hakobune.stages.base_image import debian_tag
from hakobune.stages.outside import fetch_named, fetched_options
from tests.lock_samples import sdist
from tests.samples import FakeRunner, completed, make_lock, write_project

ARCHIVE = sdist(PKG_INFO="Name: old\nVersion: 2.0\nRequires-Dist: six\n")
COMMIT = "0123456789" * 4
QUESTION = Question(requirements=(), python="3.13.5", glibc=41, file="env.yml")


@pytest.fixture
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> list[str]:
    asked: list[str] = []

    def fetch(address: str, **_: object) -> bytes:
        asked.append(address)
        return content

    monkeypatch.setattr(outside, "fetch", fetch)
    monkeypatch.setattr(outside, "git_archive", lambda _runner, address, **_: fetch(address))
    return asked


def ask(*requirements: str) -> Question:
    return replace(QUESTION, requirements=requirements, places={"old": ("env.yml:7",)})


def test_a_source_archive_is_read_and_stands_for_its_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(monkeypatch, ARCHIVE)
    address = "https://files.example/old-2.0.tar.gz"
    wanted = f'old[x] @ {address} ; python_version > "3"'
    found, facts = fetch_named(FakeRunner([]), ask("six", wanted), tmp_path, env={})
    local = (tmp_path / "old-2.0.tar.gz").resolve().as_uri()
    assert found.requirements == ("six", f'old[x] @ {local} ; python_version > "3"')
    assert facts["old"].requires == ("six",)
    old = found.outside["old"]
    assert (old.version, old.address) == ("2.0", address)
    assert old.sha256 == hashlib.sha256(ARCHIVE).hexdigest()


def test_a_commit_that_states_no_version_gets_one_of_its_id(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(monkeypatch, sdist(pyproject_dot_toml='[project]\nname = "old"\ndynamic = ["version"]\n'))
    wanted = f"old @ git+https://git.example/old@{COMMIT}"
    found, _ = fetch_named(FakeRunner([]), ask(wanted), tmp_path, env={})
    assert found.outside["old"].version == "0+g012345678901"
    assert found.outside["old"].file == "old-012345678901.tar.gz"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("https://files.example/..%2F..%2Fold-1-py3-none-any.whl", "is not the name of a wheel or"),
        ("https://files.example/old.whl", "old.whl is not the name of a wheel"),
        ("https://files.example/new-1-py3-none-any.whl", "a wheel of new, and the line names old"),
        ("https://files.example/old-1.tar.gz", "old-1.tar.gz is not an archive"),
    ],
)
def test_what_is_not_the_package_is_refused_with_its_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str, why: str
) -> None:
    given(monkeypatch, b"no archive")
    with pytest.raises(SdistInvalidError, match=why) as caught:
        fetch_named(FakeRunner([]), ask(f"old @ {address}"), tmp_path, env={})
    assert caught.value.place == "env.yml:7"


def lock_with(*packages: LockedPackage) -> Lock:
    return replace(make_lock(), packages=(*make_lock().packages, *packages))


def named(address: str, content: bytes = ARCHIVE) -> LockedSdist:
    sha256 = hashlib.sha256(content).hexdigest()
    return LockedSdist(
        name="old", version="2.0", file="old-2.0.tar.gz", size=1, sha256=sha256, address=address
    )


def test_an_archive_of_another_package_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(monkeypatch, ARCHIVE)
    address = "https://files.example/archive/new-2.0.tar.gz"
    with pytest.raises(SdistInvalidError, match="is of old, and the line names new"):
        fetch_named(FakeRunner([]), ask(f"new @ {address}"), tmp_path, env={})


@pytest.mark.usefixtures("_home")
def test_a_build_gets_each_file_by_its_sha256_and_asks_for_it_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = given(monkeypatch, ARCHIVE)
    lock = lock_with(named("https://files.example/old-2.0.tar.gz"))
    project = write_project(tmp_path, lock=make_lock())
    for _ in range(2):
        with fetched_options(project, lock, FakeRunner([]), "base", NO_SECRETS) as options:
            flag, value = options
            assert flag == "--build-context"
            folder = Path(value.removeprefix("fetched="))
            assert (folder / "old-2.0.tar.gz").read_bytes() == ARCHIVE
    assert asked == ["https://files.example/old-2.0.tar.gz"]


@pytest.mark.usefixtures("_home")
def test_another_file_than_the_lock_s_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    given(monkeypatch, b"another")
    lock = lock_with(named("https://files.example/old-2.0.tar.gz"))
    project = write_project(tmp_path, lock=make_lock())
    with (
        pytest.raises(HashMismatchError, match=r"old-2\.0\.tar\.gz from https"),
        fetched_options(project, lock, FakeRunner([]), "base", NO_SECRETS),
    ):
        pass


@pytest.mark.usefixtures("_home")
def test_a_file_of_the_project_is_taken_and_a_missing_one_is_named(tmp_path: Path) -> None:
    wheel = LockedWheel(
        name="w",
        version="1",
        file="w-1-py3-none-any.whl",
        size=1,
        sha256=hashlib.sha256(b"w").hexdigest(),
        address="file:links/w-1-py3-none-any.whl",
    )
    project = write_project(tmp_path, lock=make_lock())
    with (
        pytest.raises(InputNotFoundError, match=r"has no links/w-1-py3-none-any\.whl"),
        fetched_options(project, lock_with(wheel), FakeRunner([]), "base", NO_SECRETS),
    ):
        pass
    (project.root / "links").mkdir()
    (project.root / "links/w-1-py3-none-any.whl").write_bytes(b"w")
    with fetched_options(project, lock_with(wheel), FakeRunner([]), "b", NO_SECRETS) as options:
        assert len(options) == 2


def compiled() -> Lock:
    lock = lock_with(replace(named(""), builders=("ziglang==1",)))
    assert lock.debian_base is not None
    header = replace(lock.debian_base.packages[0], name="libpython3.13-dev")
    header = replace(header, sha256=hashlib.sha256(b"deb").hexdigest())
    return replace(lock, debian_base=replace(lock.debian_base, headers=(header,)))


class Mirror:
    def __init__(self, said: str = "") -> None:
        self.said, self.asked = said, list[str]()

    def __call__(self, command: Sequence[str]) -> Completed | None:
        if command[0].endswith("mirror.sh"):
            return completed("http://mirror.example/debian\n")
        if command[0].endswith("apt-helper"):
            self.asked.append(command[-3])
            if self.said:
                return completed(exit_code=100, stderr=self.said)
            Path(command[-2]).write_bytes(b"deb")
            return completed()
        return None


@pytest.mark.usefixtures("_home")
def test_headers_are_fetched_for_a_base_of_debian_s_packages_alone(tmp_path: Path) -> None:
    lock, mirror = compiled(), Mirror()
    project = write_project(tmp_path, lock=make_lock())
    base = debian_tag(lock)
    assert base is not None
    for name, count in (("docker.io/library/python@sha256:0", 0), (base, 1)):
        with fetched_options(project, lock, FakeRunner([mirror]), name, NO_SECRETS) as options:
            folder = Path(options[1].removeprefix("fetched="))
            assert [path.name for path in folder.iterdir()] == ["libpython3.13-dev.deb"] * count
    assert mirror.asked[0].startswith("http://mirror.example/debian/pool/")


@pytest.mark.usefixtures("_home")
@pytest.mark.parametrize(
    ("said", "error"),
    [
        ("Err:1 http://mirror.example/x  404  Not Found", BasePackageGoneError),
        ("E: Hash Sum mismatch", HashMismatchError),
        ("Could not connect to mirror.example", BaseUnavailableError),
    ],
)
def test_headers_that_cannot_be_had_say_why(tmp_path: Path, said: str, error: type) -> None:
    lock = compiled()
    project = write_project(tmp_path, lock=make_lock())
    base = debian_tag(lock)
    assert base is not None
    with (
        pytest.raises(error, match=r"libpython3\.13-dev"),
        fetched_options(project, lock, FakeRunner([Mirror(said)]), base, NO_SECRETS),
    ):
        pass
