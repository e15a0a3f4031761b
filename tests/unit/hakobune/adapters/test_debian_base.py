import tomllib
from pathlib import Path

import pytest

from hakobune.adapters import debian_base
from hakobune.errors import (
    BasePackageGoneError,
    BaseUnavailableError,
    DebianPackageUnknownError,
    DiskFullError,
    HakobuneError,
    HashMismatchError,
)
from tests.samples import FakeReporter, FakeRunner, on

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize(
    ("code", "output", "error", "what"),
    [
        (
            31,
            "gone: bash 5.2\ngone: dash 0.5\n",
            BasePackageGoneError,
            "no longer has bash 5.2, dash",
        ),
        (32, "", HashMismatchError, "is not the one that the lock names"),
        (
            33,
            "build.sh: cannot reach it",
            BaseUnavailableError,
            "failed (no network): build.sh: can",
        ),
        (34, "build.sh: mmdebstrap is missing", BaseUnavailableError, "mmdebstrap is missing"),
        (35, "", DiskFullError, "the disk filled up"),
    ],
)
def test_an_exit_code_of_the_script_becomes_its_error(
    code: int, output: str, error: type[HakobuneError], what: str
) -> None:
    runner = FakeRunner([on("build.sh", exit_code=code, stdout=output)])
    with pytest.raises(error) as caught:
        debian_base.build_tar(runner, "a\tb\n", Path("/out/rootfs.tar"), FakeReporter())
    assert what in caught.value.what


def test_a_package_that_is_gone_names_the_command_that_moves_the_base() -> None:
    runner = FakeRunner([on("build.sh", exit_code=31, stdout="gone: bash 5.2\n")])
    with pytest.raises(BasePackageGoneError) as caught:
        debian_base.build_tar(runner, "a\tb\n", Path("/out/rootfs.tar"), FakeReporter())
    assert caught.value.remedy == "move the base forward: hakobune lock --move-base"


def test_the_exit_codes_are_those_that_the_script_documents() -> None:
    head = (ROOT / "docker/base/build.sh").read_text(encoding="utf-8").split("set -u")[0]
    for code in (31, 32, 33, 34, 35):
        assert f" {code} " in head.split("Exit codes:")[1]


def test_a_host_that_is_not_debian_lists_no_packages() -> None:
    runner = FakeRunner([on("resolve.sh", exit_code=34)])
    assert debian_base.resolve(runner, "trixie", ["python3"]) is None


def test_names_that_debian_lacks_come_with_similar_ones() -> None:
    said = "unknown: libgomp libgomp1 libgomp-x\nunknown: nosuch \n"
    runner = FakeRunner([on("resolve.sh", exit_code=31, stderr=said)])
    with pytest.raises(DebianPackageUnknownError) as caught:
        debian_base.resolve(runner, "trixie", ["python3"], ["libgomp", "nosuch"])
    assert caught.value.unknown == {"libgomp": ("libgomp1", "libgomp-x"), "nosuch": ()}


def test_packages_that_cannot_be_installed_together_are_named_with_apt_s_reason() -> None:
    said = "    one : Conflicts: two\nresolve.sh: apt finds no solution to install: one two\n"
    runner = FakeRunner([on("resolve.sh", exit_code=30, stderr=said)])
    with pytest.raises(DebianPackageUnknownError, match="one : Conflicts: two"):
        debian_base.resolve(runner, "trixie", [], ["one", "two"])


@pytest.mark.parametrize(
    ("library", "release", "package"),
    [
        ("libgomp.so.1", "trixie", "libgomp1"),
        ("libgomp.so.1.0.0", "", "libgomp1"),  # as numba's wheel names it
        ("libGL.so.1", "", "libgl1"),
        ("libpq.so.5", "bullseye", "libpq5"),
        ("libgthread-2.0.so.0", "forky", "libglib2.0-0"),
        ("libodbc.so.2", "trixie", "libodbc2"),
        ("libodbc.so.2", "bullseye", "libodbc1"),
        ("libcuda.so.1", "", ""),
        ("libg.so.1", "", ""),
    ],
)
def test_a_library_s_package_is_that_of_the_release(
    library: str, release: str, package: str
) -> None:
    assert debian_base.package_with(library, release) == package


def test_every_need_that_is_known_has_a_package() -> None:
    known = tomllib.loads((ROOT / "src/hakobune/data/system_libraries.toml").read_text("utf-8"))
    for release in ("bullseye", "bookworm", "trixie", "forky"):
        for libraries in known["needs"].values():
            assert all(debian_base.package_with(library, release) for library in libraries)


def test_the_mirror_is_named_with_its_security_archive() -> None:
    answers = [
        on("mirror.sh", "security", stdout="http://m/s\n"),
        on("mirror.sh", stdout="http://m/d\n"),
    ]
    assert debian_base.mirror(FakeRunner(answers)) == "http://m/d http://m/s"
    assert debian_base.mirror(FakeRunner([on("mirror.sh", exit_code=34)])) == ""


def test_everything_that_decides_the_base_is_in_its_fingerprint() -> None:
    found = debian_base.fingerprint()
    for name in ("build.sh", "finish.sh", "leave-out.cfg", "Dockerfile"):
        assert (ROOT / "docker/base" / name).read_bytes() in found
