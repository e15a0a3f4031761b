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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from hakobune.adapters.process import Completed, Runner
from hakobune.errors import (
    HakobuneError,
    IndexUnreachableError,
    PackageUnknownError,
    ResolutionImpossibleError,
    WheelMissingError,
)
from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.model.spec import requirement_name

if TYPE_CHECKING:  # only `lock` needs it, so that other commands start without it
    from packaging.markers import Environment
    from packaging.pylock import Package
    from packaging.tags import Tag

# The policies of wheels that uv knows: the newest that a base's glibc allows is the one to name.
_UV_GLIBC = (17, 28, *range(31, 41))
_LINES_SHOWN = 6
_MOST_UNKNOWN = 20
# PEP 600: the older names of manylinux_2_17, 2_12 and 2_5.
_FORMER_PLATFORMS = ("manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownSdist:
    """A source distribution that may be taken: what uv would have to execute it for is known."""

    name: str
    version: str
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFile:
    """Where an index has a source distribution; the address may hold a password."""

    name: str
    version: str
    address: str
    file: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of uv, and what its errors are translated with.

    `python` is a release of Python, and `glibc` the minor version that wheels may ask for.
    `preferred` pins (`name==version`) are kept where they still fit; `constraints` bound what is
    taken. `places` maps package names to each `file:line` that asks for them, and `file` is the
    conda file. No file is taken that came to the index after `exclude_newer` (RFC 3339). With
    `is_whole`, uv's explanation of a failure is not cut.
    """

    requirements: tuple[str, ...]
    python: str
    glibc: int
    file: str
    constraints: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    takes_prereleases: bool = False
    exclude_newer: str = ""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_whole: bool = False
    known: tuple[KnownSdist, ...] = ()


def solve(
    runner: Runner, question: Question, *, env: Mapping[str, str]
) -> tuple[LockedWheel | LockedSdist, ...]:
    """Return the closure of these requirements, sorted by name: the wheels for linux/amd64.

    `env` are uv's variables: the index and the trusted authorities. Only a package of
    `question.known` may be a source distribution. Raises PackageUnknownError, WheelMissingError,
    ResolutionImpossibleError or IndexUnreachableError.
    """
    unknown: list[str] = []
    while True:
        left = [text for text in question.requirements if requirement_name(text) not in unknown]
        with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
            answer = Path(folder, "pylock.toml")
            if question.preferred:
                # uv keeps what it can of the file that it is about to write over.
                answer.write_text(_earlier_answer(question.preferred), encoding="utf-8")
            asked = replace(question, requirements=tuple(left))
            done = runner.capture(_command(asked, Path(folder)), env=env)
            if done.exit_code == 0 and not unknown:
                return _chosen(answer.read_text(encoding="utf-8"), question)
        if done.exit_code == 0:
            raise _unknown_packages(unknown, question)
        # uv names one unknown package in each run: go on without it, and report all at once.
        found = _unknown_name(done.stderr or done.stdout)
        if found in map(requirement_name, left) and len(unknown) < _MOST_UNKNOWN:
            unknown.append(found)
        elif unknown or found:
            raise _unknown_packages(unknown or [found], question)
        else:
            raise _failure(done, question)


def needed_by(
    runner: Runner, question: Question, *, env: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return for each package which others need it, as far as uv's cache knows; asks no index."""
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        command = _command(question, Path(folder))
        command = [word for word in command if word != "--no-annotate"]
        command[command.index("pylock.toml")] = "requirements.txt"
        command[command.index("-o") + 1] = str(Path(folder, "answer.txt"))
        done = runner.capture([*command, "--offline", "--annotation-style", "line"], env=env)
        if done.exit_code != 0:
            return {}
        answer = Path(folder, "answer.txt").read_text(encoding="utf-8")
    found = re.findall(r"(?m)^([\w.-]+)==\S+.*?# via (.*)$", answer)
    return {
        name: tuple(who for who in via.split(", ") if re.fullmatch(r"[\w.-]+", who))
        for name, via in found
    }


def probe(runner: Runner, env: Mapping[str, str]) -> None:
    """Ask the index for one package. Raises IndexUnreachableError where it does not answer."""
    question = Question(requirements=("pip",), python="3.13", glibc=_UV_GLIBC[-1], file="")
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        command = [*_command(question, Path(folder)), "--no-cache"]
        done = runner.capture(command, env={"UV_HTTP_TIMEOUT": "5", **env}, timeout_s=20)
    if done.exit_code != 0:
        raise IndexUnreachableError(
            "the package index does not answer",
            remedy="check the network, the proxy and pip's configuration",
        )


def _command(question: Question, folder: Path) -> list[str]:
    """Return uv's command after writing what it reads into the folder."""
    from uv import find_uv_bin  # noqa: PLC0415 - asks the file system, and only `lock` needs it

    wanted, bounds = folder / "wanted.txt", folder / "constraints.txt"
    wanted.write_text("\n".join(question.requirements) + "\n", encoding="utf-8")
    bounds.write_text("\n".join(question.constraints) + "\n", encoding="utf-8")
    configuration = folder / "uv.toml"
    configuration.write_text("".join(map(_metadata, question.known)), encoding="utf-8")
    policy = max(known for known in _UV_GLIBC if known <= max(question.glibc, _UV_GLIBC[0]))
    return [
        find_uv_bin(),
        *("pip", "compile", str(wanted), "-o", str(folder / "pylock.toml")),
        *("--format", "pylock.toml", "--quiet", "--no-header", "--no-annotate"),
        *(("--config-file", str(configuration)) if question.known else ("--no-config",)),
        # The running interpreter, so that uv does not start every other one to look at it.
        *("--python", sys.executable, "--python-version", question.python),
        *("--python-platform", f"x86_64-manylinux_2_{policy}", "--only-binary", ":all:"),
        *("--index-strategy", "unsafe-best-match"),
        *(("--constraints", str(bounds)) if question.constraints else ()),
        *(("--prerelease", "allow") if question.takes_prereleases else ()),
        *(("--exclude-newer", question.exclude_newer) if question.exclude_newer else ()),
        *(word for known in question.known for word in ("--no-binary", known.name)),
    ]


def _metadata(known: KnownSdist) -> str:
    """Return what uv takes in place of running the package's own code.

    https://docs.astral.sh/uv/reference/settings/#dependency-metadata
    """
    lines = ["[[dependency-metadata]]", f"name = {json.dumps(known.name)}"]
    if known.version:
        lines.append(f"version = {json.dumps(known.version)}")
    return "\n".join([*lines, f"requires-dist = {json.dumps(known.requires)}", ""])


def locate_sdist(
    runner: Runner, wanted: str, question: Question, *, env: Mapping[str, str]
) -> SdistFile | None:
    """Return the source distribution that a requirement allows; None where there is none.

    A release that is preferred comes first, and then the newest.
    """
    any_release = KnownSdist(name=requirement_name(wanted), version="", requires=())
    alone = replace(question, requirements=(wanted,), known=(any_release,))
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        if question.preferred:
            earlier = _earlier_answer(question.preferred)
            Path(folder, "pylock.toml").write_text(earlier, encoding="utf-8")
        done = runner.capture([*_command(alone, Path(folder)), "--no-deps"], env=env)
        if done.exit_code != 0:
            return None
        answer = tomllib.loads(Path(folder, "pylock.toml").read_text(encoding="utf-8"))
    for package in answer.get("packages", ()):
        found = package.get("sdist")
        if found and "sha256" in found.get("hashes", {}) and found.get("url"):
            address = str(found["url"])
            return SdistFile(
                name=package["name"],
                version=package["version"],
                address=address,
                file=unquote(urlsplit(address).path.rpartition("/")[2]),
                sha256=found["hashes"]["sha256"],
            )
    return None


def _chosen(answer: str, question: Question) -> tuple[LockedWheel | LockedSdist, ...]:
    """Return one file for each package: the best wheel that the image takes, or the source."""
    from packaging.pylock import (  # noqa: PLC0415 - as above
        Pylock,
        PylockSelectError,
        PylockValidationError,
    )

    try:
        pylock = Pylock.from_dict(tomllib.loads(answer))
        chosen = pylock.select(
            environment=_environment(question.python), tags=_tags(question.python, question.glibc)
        )
        packages = [_locked(package, found, question) for package, found in chosen]
    except (tomllib.TOMLDecodeError, PylockSelectError, PylockValidationError) as exc:
        raise ResolutionImpossibleError(
            f"{question.file}: uv's answer cannot be locked: {exc}",
            remedy="every package must have a wheel for this Python on linux/amd64, and the index "
            "must give its sha256; choose another version or index",
        ) from exc
    return tuple(sorted(packages, key=lambda package: package.name))


def _locked(package: "Package", file: object, question: Question) -> LockedWheel | LockedSdist:
    """Return the package. Raises PylockValidationError unless its file is one that may be taken."""
    from packaging.pylock import (  # noqa: PLC0415 - as above
        PackageSdist,
        PackageWheel,
        PylockValidationError,
    )

    is_known = isinstance(file, PackageSdist) and package.name in {k.name for k in question.known}
    if not isinstance(file, PackageWheel) and not is_known:
        raise PylockValidationError(f"{package.name} {package.version} has no wheel with a sha256")
    if not isinstance(file, PackageWheel | PackageSdist) or "sha256" not in file.hashes:
        raise PylockValidationError(f"{package.name} {package.version} has no wheel with a sha256")
    kind = LockedWheel if isinstance(file, PackageWheel) else LockedSdist
    return kind(
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


def _tags(python: str, newest_glibc: int) -> list["Tag"]:
    """Return what CPython in the image can install, best first."""
    from packaging.tags import compatible_tags, cpython_tags  # noqa: PLC0415 - as above

    major, minor = (int(part) for part in python.split(".")[:2])
    version = (major, minor)
    glibc = [f"manylinux_2_{number}_x86_64" for number in range(newest_glibc, 4, -1)]
    platforms = [*glibc, "linux_x86_64"]
    return [
        *cpython_tags(version, platforms=platforms),
        *compatible_tags(version, f"cp{major}{minor}", platforms=platforms),
        # Last, although an installer prefers these wheels to pure Python: locks that exist were
        # made without them and are not to change.
        *cpython_tags(version, platforms=_FORMER_PLATFORMS),
        *compatible_tags(version, f"cp{major}{minor}", platforms=_FORMER_PLATFORMS),
    ]


def _earlier_answer(pins: Sequence[str]) -> str:
    """Return the least pylock.toml that holds these pins (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "hakobune"']
    for pin in pins:
        name, _, version = pin.partition("==")
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}"]
    return "\n".join(lines) + "\n"


def _unknown_name(text: str) -> str:
    """Return the package that uv did not find on the index; empty where that is not the cause."""
    found = re.search(r"([\w.-]+) was not found in the package registry", _flat(text))
    return requirement_name(found[1]) if found else ""


def _unknown_packages(names: Sequence[str], question: Question) -> PackageUnknownError:
    return PackageUnknownError(
        "\n".join(
            f"{', '.join(question.places.get(name, (question.file,)))}: "
            f"the Python package index has no `{name}`"
            for name in names
        ),
        remedy="check the spelling; if conda alone has it, leave it out or find the wheel "
        "that does the same (docs/reference/environment-file.md lists renamed packages)",
        place=question.places.get(names[0], (question.file,))[0],
    )


def _flat(text: str) -> str:
    """Return uv's words on one line: its lines end, and its lines and boxes begin, anywhere."""
    return " ".join(re.sub(r"[^\x00-\x7f]", " ", text).split())


def _failure(done: Completed, question: Question) -> HakobuneError:
    """Return the error that uv's words mean."""
    text = done.stderr or done.stdout
    said = re.sub(r"^(error|hint|\s*cause): ", "", text.strip(), flags=re.MULTILINE)
    flat = _flat(said)
    if re.search(r"Failed to fetch|error sending request|timed out|dns|Connect", said):
        return IndexUnreachableError(
            f"{question.file}: the package index does not answer\n{_indent(said)}",
            remedy="check the network, the proxy and pip's configuration, then retry",
        )
    lacking = _without_wheels(flat)
    named = dict.fromkeys(
        place
        for name in question.places
        if _is_named(name, flat)
        for place in question.places[name]
    )
    shown = said if question.is_whole else _cut(said)
    what = f"{', '.join(named) or question.file}: no set of wheels fits\n{_indent(shown)}"
    place = next(iter(named), question.file)
    if lacking:
        return WheelMissingError(
            what,
            remedy="loosen one of the versions named above, or choose a release that has a wheel "
            f"for Python {question.python} on linux/amd64, or another Python",
            place=place,
            lacking=lacking,
        )
    return ResolutionImpossibleError(what, remedy=_way_on(flat), place=place)


def _way_on(text: str) -> str:
    """Return what can be done about a failure that uv's words tell."""
    foreign = re.search(
        r"Wheels are available for `([\w.-]+)` \([^)]*\) on the following pl[^:]*: (.*)", text
    )
    if foreign and "linux" not in foreign[2]:
        return (
            f"{foreign[1]} exists for other systems only: remove the line, or write behind it "
            '`; sys_platform == "win32"` (`"darwin"` for macOS), under `- pip:`'
        )
    if "filtered by `exclude-newer`" in text:
        return "name a later day by --exclude-newer, or loosen one of the versions named above"
    local = re.search(r"no version of [\w.-]+==\S+\+(\w+)", text)
    if local:
        return (
            f"a release that ends in `+{local[1]}` is on an index of its own: add it under "
            "`- pip:` (--extra-index-url ADDRESS), or leave the ending out"
        )
    return "loosen one of the versions named above"


def _without_wheels(text: str) -> tuple[str, ...]:
    """Return the requirements for which uv found source distributions only."""
    names = re.findall(r"Wheels are required for `([\w.-]+)`", text)
    ranges = dict(re.findall(r"([\w.-]+)((?:[=<>!~]=?[^\s,]+,?)+) has no usable wheels", text))
    return tuple(dict.fromkeys(f"{name}{ranges.get(name, '')}" for name in names))


def _is_named(name: str, text: str) -> bool:
    """Tell whether a package is meant: `and` or `wheels` may be a package's name, too."""
    spelled = re.escape(name).replace(r"\-", "[-_.]")
    return bool(
        re.search(rf"(?<![\w.-]){spelled}(\[[^\]]*\])?\s*([=<>!~]=|[<>])", text, re.IGNORECASE)
        or re.search(rf"\b(of|require|on|and) {spelled}(?![\w-])", text, re.IGNORECASE)
    )


def _cut(said: str) -> str:
    """Return the start of uv's proof, which begins with the cause."""
    lines = said.splitlines()
    if len(lines) <= _LINES_SHOWN:
        return said
    left = len(lines) - _LINES_SHOWN
    return "\n".join([*lines[:_LINES_SHOWN], f"… {left} more lines: hakobune lock --verbose"])


def _indent(text: str) -> str:
    return "\n".join(f"  {line.strip()}" for line in text.splitlines() if line.strip())
