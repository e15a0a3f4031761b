"""uv, which resolves the environment, and the wheels in its answer. Builds and installs nothing.

https://docs.astral.sh/uv/pip/compile/ (`uv pip compile`); the answer is a pylock.toml (PEP 751),
which `packaging` reads. The addresses in it are left out of the lock on purpose.
"""

import json
import re
import sys
import tempfile
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from hakobune.adapters.process import Completed, Runner
from hakobune.adapters.uv_answer import chosen_files, earlier_answer
from hakobune.adapters.uv_errors import (
    WANTED,
    pythons_of_wheels,
    unknown_name,
    unknown_packages,
)
from hakobune.adapters.uv_run import failure_or_fault, index_fault, run_uv
from hakobune.errors import (
    IndexUnreachableError,
)
from hakobune.model.lock import LockedSdist, LockedWheel
from hakobune.model.secrets import AskedIndex
from hakobune.model.spec import requirement_name

# The policies of wheels that uv knows: the newest that a base's glibc allows is the one to name.
_UV_GLIBC = (17, 28, *range(31, 41))
_MOST_UNKNOWN = 20
# uv's `--emit-index-annotation`: a package's line, then that of its index.
_FROM = re.compile(r"(?m)^([\w.-]+)==\S+.*\n +# from (\S+)$")


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
    `overrides` win over what packages ask for.
    `indexes` are in the order of asking, and `say` gets the line about one that hangs.
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
    overrides: tuple[str, ...] = ()
    indexes: tuple[AskedIndex, ...] = ()
    say: Callable[[str], None] = lambda _line: None

    def asking(
        self, requirements: tuple[str, ...], outside: Mapping[str, OutsideFile]
    ) -> "Question":
        """Return the question with these files in place of their addresses."""
        return replace(self, requirements=requirements, outside=outside)

    @property
    def assigned(self) -> dict[str, AskedIndex]:
        """The index of each package that comes from one index alone."""
        return {name: index for index in self.indexes for name in index.packages}


def solve(
    runner: Runner, question: Question, *, env: Mapping[str, str]
) -> tuple[LockedWheel | LockedSdist, ...]:
    """Return the closure of these requirements, sorted by name: the wheels for linux/amd64.

    `env` are uv's variables: the index and the trusted authorities. Only a package of
    `question.known` may be a source distribution. Raises PackageUnknownError, WheelMissingError,
    ResolutionImpossibleError or IndexUnreachableError.
    """
    unknown: list[str] = []
    # What others need and the project assigns to an index: uv heeds that only for what is asked
    # for directly (https://docs.astral.sh/uv/concepts/indexes/).
    needed: set[str] = set()
    assigned = question.assigned.keys() - set(map(requirement_name, question.requirements))
    while True:
        left = [text for text in question.requirements if requirement_name(text) not in unknown]
        left += sorted(needed - set(unknown))
        with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
            answer = Path(folder, "pylock.toml")
            if question.preferred:
                # uv keeps what it can of the file that it is about to write over.
                answer.write_text(earlier_answer(question.preferred), encoding="utf-8")
            asked = replace(question, requirements=tuple(left))
            done = run_uv(runner, _command(asked, Path(folder)), asked, env)
            if done.exit_code == 0 and not unknown:
                packages = chosen_files(answer.read_text(encoding="utf-8"), question)
                if late := assigned & {package.name for package in packages} - needed:
                    needed |= late
                    continue
                return _with_indexes(packages, asked, runner, env)
        if done.exit_code == 0:
            raise unknown_packages(unknown, question)
        # uv names one unknown package in each run: go on without it, and report all at once.
        found = unknown_name(done.stderr or done.stdout)
        if found in assigned - needed:
            needed.add(found)
        elif found and not unknown and (fault := index_fault(asked, runner, env)):
            # An index that refuses the login: uv counts it as one that lacks the package.
            raise fault
        elif found in map(requirement_name, left) and len(unknown) < _MOST_UNKNOWN:
            unknown.append(found)
        elif unknown or found:
            raise unknown_packages(unknown or [found], question)
        else:
            older = _ask_of_older(runner, done, question, env)
            raise failure_or_fault(done, asked, runner, env, older)


def _with_indexes(
    packages: tuple[LockedWheel | LockedSdist, ...],
    question: Question,
    runner: Runner,
    env: Mapping[str, str],
) -> tuple[LockedWheel | LockedSdist, ...]:
    """Return the packages with the index of each; the default index stays empty.

    uv's pylock.toml does not name them, its requirements.txt does: where several indexes are asked
    for everything, the same question is put again, with the answer as its bounds.
    """
    served = {name: index.name for name, index in question.assigned.items()}
    beside = {i.bare: i.name for i in question.indexes if not i.packages and not i.is_default}
    if beside:
        pins = tuple(f"{package.name}=={package.version}" for package in packages)
        again = replace(question, constraints=(*question.constraints, *pins), preferred=())
        with tempfile.TemporaryDirectory(prefix="hakobune-") as folder:
            answer = Path(folder, "answer.txt")
            command = _as_requirements(_command(again, Path(folder)), answer)
            done = run_uv(runner, [*command, "--emit-index-annotation"], question, env)
            if done.exit_code != 0:
                raise failure_or_fault(done, question, runner, env)
            found = _FROM.findall(answer.read_text(encoding="utf-8"))
        served |= {name: beside[address] for name, address in found if address in beside}
    return tuple(replace(package, index=served.get(package.name, "")) for package in packages)


def _as_requirements(command: Sequence[str], answer: Path) -> list[str]:
    """Return a command of `_command` that writes requirements.txt instead of pylock.toml."""
    words = list(command)
    words[words.index("pylock.toml")] = "requirements.txt"
    words[words.index("-o") + 1] = str(answer)
    return words


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
        command = _as_requirements(_command(question, Path(folder)), Path(folder, "answer.txt"))
        command = [word for word in command if word != "--no-annotate"]
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

    wanted, bounds = _wanted(question, folder), folder / "constraints.txt"
    bounds.write_text("\n".join(question.constraints) + "\n", encoding="utf-8")
    wins = folder / "overrides.txt"
    wins.write_text("\n".join(question.overrides) + "\n", encoding="utf-8")
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
        # The first index that has a package, so that no other one can offer a higher number of it.
        *("--index-strategy", "first-index"),
        *(("--constraints", str(bounds)) if question.constraints else ()),
        *(("--overrides", str(wins)) if question.overrides else ()),
        *(word for link in question.links for word in ("--find-links", link)),
        *(("--prerelease", "allow") if question.takes_prereleases else ()),
        *(("--exclude-newer", question.exclude_newer) if question.exclude_newer else ()),
        *(word for known in question.known for word in ("--no-binary", known.name)),
    ]


def _wanted(question: Question, folder: Path) -> Path:
    """Write what is asked for, and the index of what comes from one alone; without its login.

    https://docs.astral.sh/uv/concepts/indexes/#pinning-a-package-to-an-index
    """
    names = {requirement_name(text) for text in question.requirements}
    sources = {name: one for name, one in question.assigned.items() if name in names}
    if not sources:
        wanted = folder / "wanted.txt"
        wanted.write_text("\n".join(question.requirements) + "\n", encoding="utf-8")
        return wanted
    indexes = {one.name: one for one in sources.values()}
    lines = ["[project]", f'name = "{WANTED}"', 'version = "0"']
    lines.append(f"dependencies = {json.dumps(question.requirements)}")
    for name, one in indexes.items():
        lines += ["[[tool.uv.index]]", f'name = "{name}"', f"url = {json.dumps(one.bare)}"]
        lines.append("explicit = true")
    lines.append("[tool.uv.sources]")
    lines += [f'{name} = {{ index = "{one.name}" }}' for name, one in sources.items()]
    wanted = folder / "pyproject.toml"
    wanted.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return wanted


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
            earlier = earlier_answer(question.preferred)
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
