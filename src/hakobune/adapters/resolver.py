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
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from hakobune.adapters.process import Completed, Runner
from hakobune.adapters.uv_errors import (
    failure_of,
    pythons_of_wheels,
    unknown_name,
    unknown_packages,
)
from hakobune.adapters.wheel_tags import image_environment, image_tags
from hakobune.errors import IndexUnreachableError, ResolutionImpossibleError
from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.model.spec import requirement_name

if TYPE_CHECKING:  # only `lock` needs it, so that other commands start without it
    from packaging.pylock import Package, PackageSdist, PackageWheel

# The policies of wheels that uv knows: the newest that a base's glibc allows is the one to name.
_UV_GLIBC = (17, 28, *range(31, 41))
_MOST_UNKNOWN = 20


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
class OutsideFile:
    """A wheel or a source archive that a line of the conda file names by its address."""

    version: str
    file: str
    size: int
    sha256: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of uv, and what its errors are translated with.

    `python` is a release of Python, and `glibc` the minor version that wheels may ask for.
    `preferred` pins (`name==version`) are kept where they still fit, and `preferred_builders` of a
    name where its source distribution is built; `constraints` bound what is taken.
    `places` maps package names to each `file:line` that asks for them, and `file` is the
    conda file. No file is taken that came to the index after `exclude_newer` (RFC 3339). With
    `is_whole`, uv's explanation of a failure is not cut. `outside` are files, by package, that a
    requirement names in place of an index's; `links` are folders and pages that list more files.
    """

    requirements: tuple[str, ...]
    python: str
    glibc: int
    file: str
    constraints: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    preferred_builders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    takes_prereleases: bool = False
    exclude_newer: str = ""
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_whole: bool = False
    known: tuple[KnownSdist, ...] = ()
    outside: Mapping[str, OutsideFile] = field(default_factory=dict)
    links: tuple[str, ...] = ()

    def asking(
        self, requirements: tuple[str, ...], outside: Mapping[str, OutsideFile]
    ) -> "Question":
        """Return the question with these files in place of their addresses."""
        return replace(self, requirements=requirements, outside=outside)


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
            raise unknown_packages(unknown, question)
        # uv names one unknown package in each run: go on without it, and report all at once.
        found = unknown_name(done.stderr or done.stdout)
        if found in map(requirement_name, left) and len(unknown) < _MOST_UNKNOWN:
            unknown.append(found)
        elif unknown or found:
            raise unknown_packages(unknown or [found], question)
        else:
            raise failure_of(done, question, _ask_of_older(runner, done, question, env))


def _ask_of_older(
    runner: Runner, done: Completed, question: Question, env: Mapping[str, str]
) -> Completed | None:
    """Ask for the package that has wheels for other Pythons only, with the newest of these.

    None where that is not the cause of the failure.
    """
    pin, python = pythons_of_wheels(done)
    if not pin:
        return None
    alone = replace(
        question, requirements=(pin,), python=python, constraints=(), preferred=(), known=()
    )
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        return runner.capture([*_command(alone, Path(folder)), "--no-deps"], env=env)


def newest(
    runner: Runner, names: Sequence[str], question: Question, *, env: Mapping[str, str]
) -> dict[str, tuple[str, datetime | None]]:
    """Return of each package the newest release for the question's Python, and when it came.

    Source distributions count, and what else is asked for does not. Empty where uv has no answer
    for one of the names.
    """
    known = tuple(KnownSdist(name=name, version="", requires=()) for name in names)
    alone = replace(
        question,
        requirements=tuple(names),
        constraints=(),
        preferred=(),
        known=known,
    )
    with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
        left_out = {*names, "--no-binary", "--only-binary", ":all:"}
        command = [word for word in _command(alone, Path(folder)) if word not in left_out]
        done = runner.capture([*command, "--no-deps"], env=env)
        if done.exit_code != 0:
            return {}
        answer = tomllib.loads(Path(folder, "pylock.toml").read_text(encoding="utf-8"))
    return {package["name"]: _release(package) for package in answer.get("packages", ())}


def _release(package: Mapping[str, Any]) -> tuple[str, datetime | None]:
    files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
    moments = [file["upload-time"] for file in files if "upload-time" in file]
    return package["version"], max(moments, default=None)


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
        *(word for link in question.links for word in ("--find-links", link)),
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
            environment=image_environment(question.python),
            tags=image_tags(question.python, question.glibc),
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
        PackageArchive,
        PackageSdist,
        PackageWheel,
        PylockValidationError,
    )

    outside = question.outside.get(package.name)
    if isinstance(file, PackageArchive) and outside is not None:
        kind = LockedWheel if outside.file.endswith(".whl") else LockedSdist
        return kind(name=package.name, **asdict(outside))
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
        address=_link_of(package, file, question),
        uploaded=file.upload_time,
    )


def _link_of(package: "Package", file: "PackageWheel | PackageSdist", question: Question) -> str:
    """Return the address of a file that comes from a list of links; empty if an index has it."""
    files: list[PackageWheel | PackageSdist] = [*(package.wheels or ())]
    files += [package.sdist] if package.sdist else []
    sha256 = file.hashes["sha256"]
    same = [str(one.url) for one in files if one.hashes.get("sha256") == sha256]
    if not question.links or any(not _is_linked(url, question.links) for url in same):
        return ""
    return same[0]


def _is_linked(url: str, links: Sequence[str]) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "file" or any(
        (parts.scheme, parts.netloc) == urlsplit(link)[:2] for link in links
    )


def _earlier_answer(pins: Sequence[str]) -> str:
    """Return the least pylock.toml that holds these pins (PEP 751)."""
    lines = ['lock-version = "1.0"', 'created-by = "hakobune"']
    for pin in pins:
        name, _, version = pin.partition("==")
        lines += ["[[packages]]", f"name = {json.dumps(name)}", f"version = {json.dumps(version)}"]
    return "\n".join(lines) + "\n"
