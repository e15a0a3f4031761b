"""uv, which resolves the environment, and the wheels in its answer. Builds and installs nothing.

https://docs.astral.sh/uv/pip/compile/ (`uv pip compile`); the answer is a pylock.toml (PEP 751),
which `packaging` reads. The addresses in it are left out of the lock on purpose.
"""

import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hakobune.adapters.process import Runner
from hakobune.errors import (
    IndexUnreachableError,
    PackageUnknownError,
    ResolutionImpossibleError,
)
from hakobune.model.lock import LockedWheel

if TYPE_CHECKING:  # only `lock` needs it, so that other commands start without it
    from packaging.markers import Environment
    from packaging.pylock import Package
    from packaging.tags import Tag

# Debian trixie and the official slim image have glibc 2.41; uv knows policies up to 2_40.
_UV_PLATFORM = "x86_64-manylinux_2_40"
_NEWEST_GLIBC = 41
# PEP 600: the older names of manylinux_2_17, 2_12 and 2_5.
_FORMER_PLATFORMS = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")


def solve(  # noqa: PLR0913 - what uv needs, and what its errors are translated with
    runner: Runner,
    requirements: Sequence[str],
    *,
    python: str,
    preferred: Sequence[str],
    env: Mapping[str, str],
    places: Mapping[str, str],
    file: str,
) -> tuple[LockedWheel, ...]:
    """Return the closure of these requirements, sorted by name: the wheels for linux/amd64.

    `preferred` pins (`name==version`) are kept where they still fit. `places` maps package names
    to the `file:line` that asks for them, and `file` is the conda file, for messages.

    Raises PackageUnknownError, ResolutionImpossibleError or IndexUnreachableError.
    """
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        wanted, answer = Path(folder, "wanted.txt"), Path(folder, "pylock.toml")
        wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        if preferred:
            # uv keeps what it can of the file that it is about to write over.
            answer.write_text(_earlier_answer(preferred), encoding="utf-8")
        done = runner.capture(_command(python, wanted, answer), env=env)
        if done.exit_code == 0:
            return _wheels(answer.read_text(encoding="utf-8"), python=python, file=file)
    raise _failure(done.stderr or done.stdout, places, file)


def probe(runner: Runner, env: Mapping[str, str]) -> None:
    """Ask the index for one package. Raises IndexUnreachableError where it does not answer."""
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text("pip\n", encoding="utf-8")
        command = [*_command("3.13", wanted, Path(folder, "pylock.toml")), "--no-cache"]
        done = runner.capture(command, env={"UV_HTTP_TIMEOUT": "5", **env}, timeout_s=20)
    if done.exit_code != 0:
        raise IndexUnreachableError(
            "the package index does not answer",
            remedy="check the network, the proxy and pip's configuration",
        )


def _command(python: str, wanted: Path, answer: Path) -> list[str]:
    from uv import find_uv_bin  # noqa: PLC0415 - asks the file system, and only `lock` needs it

    return [
        find_uv_bin(),
        *("pip", "compile", str(wanted), "-o", str(answer), "--format", "pylock.toml"),
        *("--quiet", "--no-config", "--no-header", "--no-annotate"),
        # The running interpreter, so that uv does not start every other one to look at it.
        *("--python", sys.executable, "--python-version", python),
        *("--python-platform", _UV_PLATFORM, "--only-binary", ":all:"),
        *("--index-strategy", "unsafe-best-match"),
    ]


def _wheels(answer: str, *, python: str, file: str) -> tuple[LockedWheel, ...]:
    """Return one wheel for each package: the best that the image can install."""
    from packaging.pylock import (  # noqa: PLC0415 - as above
        Pylock,
        PylockSelectError,
        PylockValidationError,
    )

    try:
        pylock = Pylock.from_dict(tomllib.loads(answer))
        chosen = pylock.select(environment=_environment(python), tags=_tags(python))
        wheels = [_wheel(package, found) for package, found in chosen]
    except (tomllib.TOMLDecodeError, PylockSelectError, PylockValidationError) as exc:
        raise ResolutionImpossibleError(
            f"{file}: uv's answer cannot be locked: {exc}",
            remedy="every package must have a wheel for this Python on linux/amd64, and the index "
            "must give its sha256; choose another version or index",
        ) from exc
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def _wheel(package: "Package", file: object) -> LockedWheel:
    """Return the package. Raises PylockValidationError unless it is a wheel with a sha256."""
    from packaging.pylock import PackageWheel, PylockValidationError  # noqa: PLC0415 - as above

    if not isinstance(file, PackageWheel) or "sha256" not in file.hashes:
        raise PylockValidationError(f"{package.name} {package.version} has no wheel with a sha256")
    return LockedWheel(
        name=package.name,
        version=str(package.version),
        file=file.filename,
        size=file.size or 0,
        sha256=file.hashes["sha256"],
    )


def _environment(python: str) -> "Environment":
    """Return the values of a conda file's markers in the image, whatever machine this is."""
    full = python if python.count(".") > 1 else f"{python}.0"
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": full,
        "python_version": ".".join(python.split(".")[:2]),
        "sys_platform": "linux",
    }


def _tags(python: str) -> list["Tag"]:
    """Return what CPython in the image can install, best first."""
    from packaging.tags import compatible_tags, cpython_tags  # noqa: PLC0415 - as above

    major, minor = (int(part) for part in python.split(".")[:2])
    version = (major, minor)
    glibc = [f"manylinux_2_{number}_x86_64" for number in range(_NEWEST_GLIBC, 4, -1)]
    platforms = [*glibc, "linux_x86_64"]
    return [
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, f"cp{major}{minor}", platforms=platforms),
        # Last, although an installer prefers these wheels to pure Python: locks that exist were
        # made without them and are not to change.
        *cpython_tags(version, platforms=_FORMER_PLATFORMS),
    ]


def _earlier_answer(pins: Sequence[str]) -> str:
    """Return the least pylock.toml that holds these pins (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "hakobune"']
    for pin in pins:
        name, _, version = pin.partition("==")
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}"]
    return "\n".join(lines) + "\n"


def _failure(
    text: str, places: Mapping[str, str], file: str
) -> PackageUnknownError | ResolutionImpossibleError | IndexUnreachableError:
    """Return the error that uv's words mean."""
    said = re.sub(r"^(error|hint|\s*cause): ", "", text.strip(), flags=re.MULTILINE)
    # uv breaks its lines anywhere between words.
    unknown = re.search(r"([\w.-]+) was not found in the package registry", " ".join(said.split()))
    if unknown:
        name = unknown[1]
        return PackageUnknownError(
            f"{places.get(name, file)}: the Python package index has no `{name}`",
            remedy="check the spelling; if conda alone has it, leave it out or find the wheel "
            "that does the same (docs/reference/environment-file.md lists renamed packages)",
        )
    if re.search(r"Failed to fetch|error sending request|timed out|dns|Connect", said):
        return IndexUnreachableError(
            f"{file}: the package index does not answer\n{_indent(said)}",
            remedy="check the network, the proxy and pip's configuration, then retry",
        )
    named = [place for name, place in places.items() if re.search(rf"\b{re.escape(name)}\b", said)]
    return ResolutionImpossibleError(
        f"{', '.join(named) or file}: no set of wheels fits\n{_indent(said)}",
        remedy="loosen one of the versions named above; every package must have a wheel for "
        "this Python on linux/amd64",
    )


def _indent(text: str) -> str:
    return "\n".join(f"  {line.strip()}" for line in text.splitlines() if line.strip())
