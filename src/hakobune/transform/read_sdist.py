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
import tomllib
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

# What pip assumes where an archive has no pyproject.toml, or one without [build-system].
_USUAL_BACKEND = ("setuptools>=40.8.0", "wheel")
# Setuptools' own: since 58 it refuses an archive that asks for 2to3.
_BEFORE_58 = ("setuptools<58", "wheel")
_LARGEST = 2_000_000
_MOST_FILES = 50_000
_LARGEST_UNPACKED = 2 << 30
# Whatever the libraries raise; RuntimeError is that of an encrypted file.
_NO_ARCHIVE = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, RuntimeError),
)
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".pyx", ".f", ".f90", ".rs")


@dataclass(frozen=True, slots=True, kw_only=True)
class SdistFacts:
    """What an archive says: its dependencies, and what builds it, as requirements (PEP 508).

    `needs_compiler` tells that it has sources of a compiled language.
    """

    requires: tuple[str, ...]
    builders: tuple[str, ...]
    needs_compiler: bool


def read_sdist(content: bytes, *, file: str) -> SdistFacts:
    """Return what the archive says. Raises ValueError where it is no source distribution."""
    texts, names = {}, []
    for path, text in _members(content, file):
        names.append(path)
        if text is not None:
            texts[path] = text
    if not any(path in texts for path in ("PKG-INFO", "pyproject.toml", "setup.py")):
        raise ValueError(f"{file} has neither PKG-INFO, nor pyproject.toml, nor setup.py")
    return SdistFacts(
        requires=_requires(texts),
        builders=_builders(texts),
        needs_compiler=any(path.lower().endswith(_SOURCES) for path in names),
    )


def _members(content: bytes, file: str) -> Iterator[tuple[str, str | None]]:
    """Yield each file's path below the archive's folder, and its text where it is of use here."""
    try:
        if file.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for entry in archive.infolist()[:_MOST_FILES]:
                    path = entry.filename.partition("/")[2]
                    is_wanted = _is_wanted(path) and entry.file_size <= _LARGEST
                    data = archive.read(entry) if is_wanted else None
                    yield path, None if data is None else data.decode("utf-8", "replace")
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
                    yield path, None if opened is None else opened.read().decode("utf-8", "replace")
    except _NO_ARCHIVE as exc:
        raise ValueError(f"{file} is not an archive: {exc}") from exc


def _is_wanted(path: str) -> bool:
    return path in {"PKG-INFO", "pyproject.toml", "setup.py", "setup.cfg"} or bool(
        re.fullmatch(r"(?:[\w.-]+/)?[\w.-]+\.egg-info/requires\.txt", path)
    )


def _requires(texts: dict[str, str]) -> tuple[str, ...]:
    head = email.parser.HeaderParser().parsestr(texts.get("PKG-INFO", ""))
    listed = [str(value) for value in head.get_all("Requires-Dist") or ()]
    eggs = [text for path, text in texts.items() if path.endswith("requires.txt")]
    if not listed and eggs:
        listed = list(_of_egg(eggs[0]))
    return tuple(dict.fromkeys(_valid(text) for text in listed if _valid(text)))


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


def _builders(texts: dict[str, str]) -> tuple[str, ...]:
    try:
        system = tomllib.loads(texts.get("pyproject.toml", "")).get("build-system", {})
        listed = system.get("requires", ()) if isinstance(system, dict) else ()
    except (tomllib.TOMLDecodeError, RecursionError):
        listed = ()
    valid = [_valid(str(text)) for text in listed] if isinstance(listed, list) else []
    if not valid or not all(valid):
        is_old = re.search(r"\buse_2to3\b", texts.get("setup.py", ""))
        return _BEFORE_58 if is_old else _USUAL_BACKEND
    if any(canonicalize_name(Requirement(text).name) == "setuptools" for text in valid):
        valid += [] if any(re.match(r"wheel\b", text) for text in valid) else ["wheel"]
    return tuple(valid)
