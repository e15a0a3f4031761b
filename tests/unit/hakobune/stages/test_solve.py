import hashlib
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hakobune.adapters import resolver
from hakobune.adapters.process import Completed
from hakobune.adapters.resolver import Question
from hakobune.adapters.uv_errors import failure_of
from hakobune.errors import (
    HashMismatchError,
    ResolutionImpossibleError,
    SdistInvalidError,
    WheelMissingError,
)
from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.model.spec import requirement_name
from hakobune.stages import solve as stage
from hakobune.stages.solve import Solution
from tests.lock_samples import sdist
from tests.samples import FakeRunner, completed

ARCHIVE = sdist(PKG_INFO="Requires-Dist: six\n", setup_dot_py="raise SystemExit('was executed')")
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()
QUESTION = Question(requirements=("old==1.0",), python="3.13.5", glibc=41, file="env.yml")
HEAD = 'lock-version = "1.0"\ncreated-by = "uv"\n'
OLD = f"""\
[[packages]]
name = "old"
version = "1.0"
sdist = {{ url = "https://files.example/old-1.0.tar.gz", hashes = {{ sha256 = "{SHA256}" }} }}
"""


def wheel(name: str) -> str:
    file = f"{name}-1.0-py3-none-any.whl"
    hashes = f'hashes = {{ sha256 = "{"5" * 64}" }}'
    url = f'url = "https://files.example/{file}"'
    return f'[[packages]]\nname = "{name}"\nversion = "1.0"\nwheels = [{{ {url}, {hashes} }}]\n'


class Uv:
    """Answers as uv does for a package that the index has as a source distribution only."""

    def __init__(self, sdist_of_old: str = OLD) -> None:
        self.configurations: list[str] = []
        self.constraints: list[str] = []
        self.preferred: list[dict[str, str]] = []
        self.old = sdist_of_old

    def __call__(self, command: Sequence[str]) -> Completed | None:
        names = Path(command[3]).read_text(encoding="utf-8").split()
        answer = Path(command[command.index("-o") + 1])
        self.configurations.append((answer.parent / "uv.toml").read_text(encoding="utf-8"))
        self.constraints.append((answer.parent / "constraints.txt").read_text(encoding="utf-8"))
        earlier = tomllib.loads(answer.read_text(encoding="utf-8")) if answer.exists() else {}
        self.preferred.append({p["name"]: p["version"] for p in earlier.get("packages", ())})
        if names != ["old==1.0"]:
            wheels = map(wheel, ["ziglang"] if names == ["ziglang"] else ["setuptools", "wheel"])
            answer.write_text(HEAD + "".join(wheels), encoding="utf-8")
        elif "--no-binary" not in command:
            said = "Because old==1.0 has no usable wheels and you require old==1.0, no.\n"
            return completed(exit_code=1, stderr=f"{said}Wheels are required for `old` because")
        elif "--no-deps" in command:
            answer.write_text(HEAD + self.old, encoding="utf-8")
        else:
            answer.write_text(HEAD + self.old + wheel("six"), encoding="utf-8")
        return completed()


def given(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    def give(_address: str, *, file: str, sha256: str, env: object) -> bytes:
        if hashlib.sha256(content).hexdigest() != sha256:
            raise HashMismatchError(file, remedy="")
        return content

    monkeypatch.setattr(stage, "download", give)


def test_a_source_distribution_is_taken_only_where_there_is_no_wheel_and_never_executed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given(monkeypatch, ARCHIVE)
    uv = Uv()
    found = stage.solve(FakeRunner([uv]), QUESTION, env={})
    old, six = found.packages
    assert old == LockedSdist(
        name="old",
        version="1.0",
        file="old-1.0.tar.gz",
        size=0,
        sha256=SHA256,
        builders=("setuptools==1.0", "wheel==1.0"),
    )
    assert isinstance(six, LockedWheel)
    assert [builder.name for builder in found.builders] == ["setuptools", "wheel"]
    # What uv is told in place of running setup.py, and for the release that was read alone.
    assert 'requires-dist = ["six"]' in uv.configurations[2]
    assert 'version = "1.0"' in uv.configurations[2]
    assert uv.constraints[2] == "old==1.0\n"
    assert (found.is_compiled, found.notes) == (False, ())


def test_the_release_that_an_extra_belongs_to_is_the_one_that_is_read() -> None:
    """As uv says it of gym[box2d]==0.21.0."""
    said = (
        "Because gym[box2d]==0.21.0 has no usable wheels and you require gym[box2d]==0.21.0, no.\n"
        "Wheels are required for `gym` because building from source is disabled"
    )
    failed = completed(exit_code=1, stderr=said)
    error = failure_of(failed, replace(QUESTION, requirements=("gym[box2d]==0.21.0",)))
    assert isinstance(error, WheelMissingError)
    assert error.lacking == ("gym==0.21.0",)


def test_what_is_compiled_is_compiled_with_what_it_later_runs_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = sdist(PKG_INFO="Requires-Dist: six\n", setup_dot_py="import six")
    given(monkeypatch, content)
    source = OLD.replace(SHA256, hashlib.sha256(content).hexdigest())
    uv = Uv(sdist_of_old=source)
    stage.solve(FakeRunner([uv]), QUESTION, env={})
    assert uv.preferred[-1] == {"six": "1.0"}


def test_c_sources_bring_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sdist(PKG_INFO="Requires-Dist: six\n", setup_dot_py="", old__fast_dot_c="")
    given(monkeypatch, content)
    compiled = OLD.replace(SHA256, hashlib.sha256(content).hexdigest())
    found = stage.solve(FakeRunner([Uv(sdist_of_old=compiled)]), QUESTION, env={})
    (old,) = (package for package in found.packages if package.name == "old")
    assert isinstance(old, LockedSdist)
    assert old.builders == ("setuptools==1.0", "wheel==1.0", "ziglang==1.0")
    assert found.is_compiled
    assert found.notes == ()


def test_a_language_without_a_compiler_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sdist(PKG_INFO="Requires-Dist: six\n", setup_dot_py="", a_dot_f90="", b_dot_rs="")
    given(monkeypatch, content)
    fortran = OLD.replace(SHA256, hashlib.sha256(content).hexdigest())
    found = stage.solve(FakeRunner([Uv(sdist_of_old=fortran)]), QUESTION, env={})
    (note,) = found.notes
    assert note.startswith("old 1.0 has sources in Fortran and Rust, which hakobune has no compil")
    assert not found.is_compiled


def test_a_build_requirement_that_cannot_be_had_names_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = sdist(
        PKG_INFO="Requires-Dist: six\n",
        pyproject_dot_toml="[build-system]\nrequires = ['no-such']\n",
    )
    given(monkeypatch, content)
    uv = Uv(sdist_of_old=OLD.replace(SHA256, hashlib.sha256(content).hexdigest()))

    def lacking(command: Sequence[str]) -> Completed | None:
        if "no-such" in Path(command[3]).read_text(encoding="utf-8"):
            said = "Because no-such was not found in the package registry and you require no-such"
            return completed(exit_code=1, stderr=said)
        return None

    with pytest.raises(SdistInvalidError, match=r"old 1\.0 .*what builds it \(no-such\)"):
        stage.solve(FakeRunner([lacking, uv]), QUESTION, env={})


def test_without_a_source_distribution_the_missing_wheel_is_the_error() -> None:
    with pytest.raises(WheelMissingError):
        stage.solve(FakeRunner([Uv(sdist_of_old="")]), QUESTION, env={})


@pytest.mark.parametrize(
    ("lacking", "needed"),
    [
        (("old==1.0", "new"), {"old"}),  # uv names a release of one, and not of the other
        (("new", "old"), {"old"}),  # of neither, and only one of them is of use
    ],
)
def test_a_package_of_which_only_some_releases_have_no_wheel_stays_a_wheel(
    monkeypatch: pytest.MonkeyPatch, lacking: tuple[str, ...], needed: set[str]
) -> None:
    given(monkeypatch, ARCHIVE)

    def solve(_runner: object, question: Question, **_: object) -> tuple[LockedSdist, ...]:
        known = {one.name for one in question.known}
        if "new" in known:
            proof = "Because new==1.0 depends on six>=9 and you require new==1.0, we can conclude"
            raise ResolutionImpossibleError("no set of wheels fits", remedy="", proof=proof)
        if known != needed:
            left = tuple(text for text in lacking if requirement_name(text) not in known)
            raise WheelMissingError("no set of wheels fits", remedy="", lacking=left)
        return ()

    def locate(_runner: object, wanted: str, *_: object, **__: object) -> LockedSdist:
        name = requirement_name(wanted)
        return LockedSdist(name=name, version="1.0", file=f"{name}.tar.gz", size=1, sha256=SHA256)

    monkeypatch.setattr(resolver, "solve", solve)
    monkeypatch.setattr(resolver, "locate_sdist", locate)
    assert stage.solve(FakeRunner([]), QUESTION, env={}).packages == ()


def test_an_archive_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"no archive"
    given(monkeypatch, content)
    broken = OLD.replace(SHA256, hashlib.sha256(content).hexdigest())
    with pytest.raises(SdistInvalidError, match=r"old-1.0.tar.gz is not an archive"):
        stage.solve(FakeRunner([Uv(sdist_of_old=broken)]), QUESTION, env={})


def test_a_locked_source_distribution_is_located_again(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, ARCHIVE)
    preferred: list[str] = []

    class Keeping(Uv):
        def __call__(self, command: Sequence[str]) -> Completed | None:
            answer = Path(command[command.index("-o") + 1])
            if "--no-deps" in command:
                preferred.append(answer.read_text(encoding="utf-8"))
            return super().__call__(command)

    kept = replace(QUESTION, preferred=("old==1.0",))
    stage.solve(FakeRunner([Keeping()]), kept, env={})
    assert 'name = "old"\nversion = "1.0"' in preferred[0]


def test_what_built_a_source_distribution_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, ARCHIVE)
    preferred: list[str] = []

    class Keeping(Uv):
        def __call__(self, command: Sequence[str]) -> Completed | None:
            answer = Path(command[command.index("-o") + 1])
            preferred.append(answer.read_text(encoding="utf-8") if answer.exists() else "")
            return super().__call__(command)

    kept = replace(QUESTION, preferred_builders={"old": ("setuptools==1.0",), "b": ("flit==3",)})
    stage.solve(FakeRunner([Keeping()]), kept, env={})
    assert 'name = "setuptools"\nversion = "1.0"' in preferred[-1]
    assert "flit" not in "".join(preferred)
    assert not any(preferred[:-1])


def test_a_package_whose_release_is_not_named_gets_the_one_that_fits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As shap, of which azureml-interpret 1.40 needs 0.39 at most, and none has a wheel."""
    given(monkeypatch, ARCHIVE)
    located: list[str] = []

    def solve(_runner: object, question: Question, **_: object) -> tuple[LockedSdist, ...]:
        known = {one.name: one.version for one in question.known}
        if "old" not in known:
            raise WheelMissingError("no set of wheels fits", remedy="", lacking=("old",))
        if known["old"] not in {"", "0.39"}:
            raise ResolutionImpossibleError("too new", remedy="", proof=f"old=={known['old']}")
        return (LockedSdist(name="old", version="0.39", file="o.tar.gz", size=1, sha256=SHA256),)

    def locate(_runner: object, wanted: str, *_: object, **__: object) -> LockedSdist:
        located.append(wanted)
        version = wanted.partition("==")[2] or "0.48"
        return LockedSdist(name="old", version=version, file="o.tar.gz", size=1, sha256=SHA256)

    monkeypatch.setattr(resolver, "solve", solve)
    monkeypatch.setattr(resolver, "locate_sdist", locate)
    monkeypatch.setattr(stage, "_with_builders", lambda packages, *_: Solution(packages=packages))
    (old,) = stage.solve(FakeRunner([]), QUESTION, env={}).packages
    assert (old.version, located) == ("0.39", ["old==0.39"])


@pytest.mark.parametrize(("stable", "taken"), [("0.19", "0.19"), ("0.4.dev1", "0.3.dev5")])
def test_sources_of_a_release_come_before_the_wheel_of_a_pre_release(
    monkeypatch: pytest.MonkeyPatch, stable: str, taken: str
) -> None:
    """As deepspeed, whose only wheels are of 0.3.1.dev1 to dev5."""
    given(monkeypatch, ARCHIVE)

    def solve(_runner: object, question: Question, **_: object) -> tuple[LockedSdist, ...]:
        known = {one.name: one.version for one in question.known}
        wheel = LockedWheel(name="old", version="0.3.dev5", file="o.whl", size=1, sha256=SHA256)
        source = LockedSdist(name="old", version="0.19", file="o.gz", size=1, sha256=SHA256)
        return (source if known else wheel,)  # type: ignore[return-value]

    def locate(_runner: object, wanted: str, *_: object, **__: object) -> LockedSdist:
        version = wanted.partition("==")[2]
        return LockedSdist(name="old", version=version, file="o.gz", size=1, sha256=SHA256)

    monkeypatch.setattr(resolver, "solve", solve)
    monkeypatch.setattr(resolver, "locate_sdist", locate)
    monkeypatch.setattr(resolver, "newest", lambda *_, **__: {"old": (stable, None)})
    monkeypatch.setattr(stage, "_with_builders", lambda packages, *_: Solution(packages=packages))
    asked = replace(QUESTION, requirements=("old",))
    (old,) = stage.solve(FakeRunner([]), asked, env={}).packages
    assert old.version == taken
    named = replace(QUESTION, requirements=("old>=0.3.dev1",))
    (old,) = stage.solve(FakeRunner([]), named, env={}).packages
    assert old.version == "0.3.dev5"
