"""Each class of failed build is named, by what real builds print."""

import re
from pathlib import Path

import pytest

from hakobune.adapters.build_failure import why_failed
from hakobune.errors import (
    BasePackageGoneError,
    BaseUnavailableError,
    BuildFailedError,
    BuildkitMissingError,
    CompilationFailedError,
    DiskFullError,
    DockerfileStaleError,
    EngineMissingError,
    HakobuneError,
    HashMismatchError,
    ImportFailedError,
    IndexRefusedError,
    IndexUnreachableError,
    LockStaleError,
    PackageGoneError,
    PlatformUnsupportedError,
    RegistryRefusedError,
    RegistryUnreachableError,
    SdistBuildFailedError,
    SdistUnstableError,
)

CASES = Path(__file__).resolve().parents[3] / "cases/build-failures.txt"
OUTPUTS = {
    tuple(head.split()): output
    for head, output in re.findall(
        r"^=== (.+)\n([\s\S]*?)(?=^=== |\Z)", CASES.read_text(encoding="utf-8"), re.MULTILINE
    )
}
WANTED: dict[str, tuple[type[HakobuneError], str]] = {
    "apt-404": (BasePackageGoneError, "the Debian mirror does not have Packages"),
    "apt-dns": (IndexUnreachableError, "the Debian mirror: E: Failed to fetch"),
    "apt-package": (BasePackageGoneError, "does not have nosuchpackage-dev"),
    "apt-version": (BasePackageGoneError, "does not have hello=9.9-9"),
    "bad-digest": (BaseUnavailableError, "no base image 127.0.0.1:18765/x@sha256:0000"),
    "command-not-found": (BuildFailedError, "nosuchcommand: not found"),
    "compile": (CompilationFailedError, "a.c:1:25: error: 'x' undeclared"),
    "copy-missing": (BuildFailedError, "context has no nosuch"),
    "frontend": (RegistryUnreachableError, "connection refused"),
    "import-so": (ImportFailedError, "the system library libgomp.so.9"),
    "link": (CompilationFailedError, "cannot find -lnosuch"),
    "parse": (DockerfileStaleError, "unknown instruction: FORM"),
    "pip-401": (IndexRefusedError, "User for 127.0.0.1"),
    # pip does not show why: its message is the same for a release that is not there.
    "pip-403": (PackageGoneError, "or refuses this login"),
    "pip-503": (PackageGoneError, "does not answer"),
    "pip-dns2": (IndexUnreachableError, "Name or service not known"),
    "pip-hash": (HashMismatchError, "file for six==1.17.0"),
    "pip-no-release": (PackageGoneError, "has no six==9.9.9 that this image can install"),
    "pip-refused2": (IndexUnreachableError, "Failed to establish a new connection"),
    "pip-tls": (IndexUnreachableError, "does not trust the package index's certificate"),
    "platform": (PlatformUnsupportedError, "no match for platform"),
    "sdist-asksnetwork": (SdistBuildFailedError, "its build uses the network, and it has none"),
    "sdist-fortranish": (SdistBuildFailedError, "it has Fortran sources, and there is no compi"),
    "sdist-needsheader": (SdistBuildFailedError, "the header mysql/mysql.h is missing"),
    "sdist-needsprogram": (SdistBuildFailedError, "its build runs `pg_config`, which is missing"),
    "sdist-raises": (SdistBuildFailedError, "raises-1.0.tar.gz: RuntimeError: this release needs"),
    "sdist-wrongc": (SdistBuildFailedError, "wrongc.c:2:22: error: use of undeclared identifier"),
    "pull-401": (RegistryRefusedError, "requires a login"),
    "pull-404": (BaseUnavailableError, "no base image 127.0.0.1:18765/x:1"),
    "pull-missing": (RegistryUnreachableError, "no such host"),
    "pull-noregistry": (RegistryUnreachableError, "connection refused"),
    "py-disk": (DiskFullError, "the disk filled up"),
    "secret-missing": (BuildFailedError, "the secret nothere"),
    "sigkill": (BuildFailedError, "killed (SIGKILL)"),
    "uv-401": (IndexRefusedError, "valid authentication credentials"),
    "uv-403": (IndexRefusedError, "403 Forbidden"),
    "uv-503": (IndexUnreachableError, "503 Service Unavailable"),
    "uv-disk": (DiskFullError, "the disk filled up"),
    "uv-dns": (IndexUnreachableError, "dns error"),
    "uv-hash": (HashMismatchError, "file for six==1.17.0"),
    "uv-no-package": (PackageGoneError, "has no nosuchpackage"),
    "uv-no-release": (PackageGoneError, "has no six==9.9.9"),
    "uv-refused": (IndexUnreachableError, "tcp connect error"),
    "uv-tls": (IndexUnreachableError, "invalid peer certificate"),
}
# What the builder before BuildKit cannot do at all.
OF_BUILDKIT = {"py-disk", "uv-disk", "secret-missing"}


@pytest.mark.parametrize(("name", "builder"), OUTPUTS, ids=lambda word: word)
def test_a_real_failure_is_named_by_its_class(name: str, builder: str) -> None:
    error, what = WANTED[name]
    if builder == "legacy" and name in OF_BUILDKIT:
        error, what = BuildkitMissingError, "needs BuildKit"
    found = why_failed(OUTPUTS[name, builder])
    assert type(found) is error, found
    assert what in found.what
    assert found.remedy


def test_each_class_has_its_real_output() -> None:
    assert {name for name, _ in OUTPUTS} == set(WANTED)
    assert {builder for _, builder in OUTPUTS} == {"buildkit", "legacy"}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("ERROR: failed to receive status: error reading from server: EOF", EngineMissingError),
        ("ERROR: Cannot connect to the Docker daemon at unix:///x", EngineMissingError),
        (
            "ERROR: failed to solve: failed to prepare sha256:1: no space left on device",
            DiskFullError,
        ),
        (
            'ERROR: failed to solve: process "/bin/sh -c true" did not complete: exit code: 137',
            BuildFailedError,
        ),
    ],
)
def test_what_the_engine_says_has_its_class(line: str, error: type[HakobuneError]) -> None:
    assert type(why_failed(f"#1 [internal] load\n{line}\n")) is error


@pytest.mark.parametrize("builder", ["buildkit", "legacy"])
def test_words_of_the_script_that_failed_are_not_taken_for_its_output(builder: str) -> None:
    script = "echo no space left on device; : DO NOT MATCH THE HASHES; : dns error; exit 3"
    output = (
        f"#5 [2/2] RUN {script}\n#5 0.1 odd\n"
        f'#5 ERROR: process "/bin/sh -c {script}" did not complete successfully: exit code: 3\n'
        f" > [2/2] RUN {script}:\n0.1 odd\n   2 | >>> RUN {script}\n"
        f'ERROR: failed to solve: process "/bin/sh -c {script}" did not complete: exit code: 3\n'
    )
    if builder == "legacy":
        output = (
            f"Step 2/2 : RUN {script}\nodd\n"
            f"The command '/bin/sh -c {script}' returned a non-zero code: 3\n"
        )
    found = why_failed(output)
    assert type(found) is BuildFailedError
    assert "docker could not build the image" in found.what


def test_no_control_code_of_a_build_reaches_the_terminal() -> None:
    found = why_failed(
        "#5 0.1 error: there is no version of \x1b]0;title\x07x\n#5 0.2 failed \x07\n"
    )
    assert all(line.isprintable() for line in found.what.splitlines())


def of_step(*lines: str) -> str:
    return "".join(f"#9 1.2 {line}\n" for line in lines)


def test_missing_libraries_come_with_the_debian_packages_to_add() -> None:
    needs = "hakobune: {} of cv2 needs the system library {}, which the image does not have"
    found = why_failed(
        of_step(
            needs.format("cv2/cv2.abi3.so", "libGL.so.1"),
            needs.format("cv2/cv2.abi3.so", "libxcb.so.1"),
            needs.format("cv2/cv2.abi3.so", "libnosuch.so.1"),
        )
    )
    assert isinstance(found, ImportFailedError)
    assert found.what.splitlines()[0] == (
        "cv2/cv2.abi3.so of cv2 needs the system library libGL.so.1, which the image does not have"
    )
    first, then, unknown = found.remedy.splitlines()
    assert first == 'add to [tool.hakobune] in pyproject.toml: debian = ["libgl1", "libxcb1"]'
    assert then == "then run: hakobune lock && hakobune build"
    assert unknown.startswith("no Debian package is known to have libnosuch.so.1")


@pytest.mark.parametrize(
    ("line", "error", "what", "remedy"),
    [
        (
            "hakobune: gone: zlib1g 1:1.3-1",
            BasePackageGoneError,
            "no longer has zlib1g 1:1.3-1",
            "hakobune lock --security",
        ),
        (
            "hakobune: the lock has no packages for this base, which is Debian sid",
            LockStaleError,
            "which is Debian sid",
            "hakobune lock --move-base",
        ),
        (
            "hakobune: the Debian mirror does not give git 1: TimeoutError",
            IndexUnreachableError,
            "git 1: TimeoutError",
            "HAKOBUNE_DEBIAN_MIRROR",
        ),
        (
            "hakobune: dpkg cannot install the locked Debian packages",
            BuildFailedError,
            "dpkg cannot install",
            "--move-base",
        ),
        ("Hash mismatch for `zlib1g`", HashMismatchError, "file for zlib1g", "do not build"),
    ],
)
def test_a_debian_package_that_fails_names_what_to_run(
    line: str, error: type[HakobuneError], what: str, remedy: str
) -> None:
    found = why_failed(of_step("dpkg: error: it depends on another", line))
    assert type(found) is error
    assert what in found.what
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("printed", "error", "what"),
    [
        (
            "hakobune: the wheel of old is not the one that the lock names",
            SdistUnstableError,
            "the wheel of old, built from its source distribution, is not the one",
        ),
        (
            "hakobune: the wheel of old that the lock names is not here",
            SdistUnstableError,
            "each build of old gives another wheel, and the one that the lock names is only in",
        ),
        (
            "hakobune: old-1.0.tar.gz comes from no index: `hakobune build` fetches it",
            BuildFailedError,
            "old-1.0.tar.gz comes from no package index, and this build was not given it",
        ),
    ],
)
def test_what_the_build_itself_says_of_a_source_distribution(
    printed: str, error: type[HakobuneError], what: str
) -> None:
    found = why_failed(f"#7 [packages 2/2] RUN x\n#7 1.234 {printed}\n#7 ERROR: exit code: 1\n")
    assert type(found) is error
    assert found.what.startswith(what)


def test_the_words_of_a_package_that_was_built_before_do_not_count() -> None:
    said = "Building wheel...\ngfortran\nSuccessfully built x\nBuilding wheel...\nValueError: no\n"
    said += "hakobune: cannot build b from b-1.tar.gz"
    lines = "".join(f"#7 1.234 {line}\n" for line in said.splitlines())
    assert why_failed(f"#7 [built 1/1] RUN x\n{lines}").what.endswith("b-1.tar.gz: ValueError: no")


def test_missing_headers_of_python_are_no_fault_of_the_package() -> None:
    lines = "#7 1.2 a.c:1:10: fatal error: 'Python.h' file not found\n"
    lines += "#7 1.3 hakobune: cannot build a from a-1.tar.gz\n"
    assert "the headers of Python are missing" in why_failed(f"#7 [x] RUN y\n{lines}").what
