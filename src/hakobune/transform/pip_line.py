"""One line of a `pip:` list or of a requirements file, with pip's own meaning. No I/O.

The format is pip's: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

import argparse
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidSdistFilename, parse_sdist_filename

from hakobune.model.lock import FILE_ADDRESS, INDEX_ADDRESS

_LONGEST = 20_000  # a release may have a hundred files, each with its hash
_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--hash[= ](?P<algorithm>\w+):(?P<digest>[0-9a-fA-F]+)")
_NO_COMMIT = (
    "only a full commit (40 digits) always means the same source, and a branch, a tag or a shorter "
    "commit does not: write `@COMMIT` behind the address; `git ls-remote ADDRESS` prints the "
    "commit of each branch and tag"
)
_COMMIT_ADDRESS = re.compile(r"git\+\w+://\S*@[0-9a-f]{40}")
_FILE_ENDINGS = (".whl", ".tar.gz", ".zip")
# An option that decides how pip works, and nothing of what it installs here.
_IDLE = ("--prefer-binary", "--only-binary", "--trusted-host", "--require-hashes", "--use-feature")
_REFUSED = {
    "--no-binary": "hakobune takes wheels wherever there are some",
    "--no-index": "hakobune needs an index to lock: name one by --index-url",
    "--global-option": "pip itself has dropped it",
    "--config-settings": "hakobune builds no package with settings",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A package; `hashes` are the sha256 that its file may have (none: any)."""

    requirement: Requirement
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoreLines:
    """`-r FILE` or `-c FILE`: its lines belong here, or bound what is taken."""

    path: str
    is_constraint: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProject:
    """`-e FOLDER[extra]`, or the folder without `-e`: in an image, these are the same."""

    path: str
    extras: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index's address: instead of the usual one, or beside it."""

    address: str
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FindLinks:
    """`--find-links PLACE`: a page, or a folder relative to the file that says so."""

    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreReleases:
    """`--pre`: releases that are not final may be taken."""


PipPart = Wanted | MoreLines | OwnProject | Index | FindLinks | PreReleases


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    r"""Yield each line and its number, without comments; one that ends in `\` goes on."""
    start, kept = 1, ""
    for number, line in enumerate(text.splitlines(), 1):
        start = start if kept else number
        # pip takes a comment's line out before it joins: the backslash inside does not count.
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            kept += line[:-1].lstrip() if kept else line[:-1]
            continue
        whole = _COMMENT.sub("", kept + line).strip()
        kept = ""
        if whole:
            yield start, whole
    if kept.strip():
        yield start, _COMMENT.sub("", kept).strip()


def read_pip_line(text: str) -> tuple[PipPart, ...]:
    """Return what a line asks for: an option may stand beside others. Empty: it changes nothing.

    Raises ValueError, with the reason, for what is no such line and for what cannot be locked.
    """
    if text.startswith("-"):
        return _options(text)
    if len(text) > _LONGEST:
        raise ValueError(f"longer than {_LONGEST} characters")
    hashes = tuple(match["digest"].lower() for match in _HASH.finditer(text))
    for match in _HASH.finditer(text):
        if match["algorithm"] != "sha256":
            raise ValueError("only hashes of the kind sha256 can be checked")
    bare = _HASH.sub("", text).strip()
    if re.match(r"\.{1,2}/?(\[|$)", bare):
        return (_own_project(bare),)
    try:
        requirement = Requirement(_named(bare))
    except (InvalidRequirement, RecursionError):
        raise ValueError(_why_no_requirement(bare)) from None
    if requirement.url is not None:
        requirement.url, found = _file_address(requirement.url)
        hashes = (*hashes, *found)
    return (Wanted(requirement=requirement, hashes=hashes),)


def _named(text: str) -> str:
    """Return an address alone as `name @ address`, where it says the name; others as they are."""
    address, blank, marker = text.partition(" ")
    parts = urlsplit(address) if re.match(r"(git\+)?\w+://", address) else None
    if parts is None:
        return text
    egg = re.search(r"(?:^|&)egg=([\w.-]+(?:\[[\w,.-]*\])?)", parts.fragment)
    name = egg[1] if egg else ""
    name = name or _name_in(parts.path.rpartition("/")[2])
    if not name:
        is_open = address.startswith("git+") and not _COMMIT_ADDRESS.fullmatch(address)
        whole = f"`NAME @ {address.partition('#')[0]}{'@COMMIT' if is_open else ''}`"
        what = f"which package is it? Write its name in front: {whole}"
        raise ValueError(f"{what}; {_NO_COMMIT}" if is_open else what)
    return f"{name} @ {address}{blank}{marker}"


def _name_in(file: str) -> str:
    """Return the package's name in the name of a wheel or source archive; empty where it has none.

    What the archive itself says is compared with it when the lock is made.
    """
    if file.endswith(".whl"):
        return file.partition("-")[0]
    try:
        return parse_sdist_filename(file)[0]
    except InvalidSdistFilename:
        return ""


def _file_address(text: str) -> tuple[str, tuple[str, ...]]:
    """Return an address as the lock has it, and the sha256 that it names.

    Raises ValueError for one whose file may change, or that the build cannot use.
    """
    if re.match(r"(hg|svn|bzr)\+", text):
        raise ValueError("hakobune reads repositories of git only: name a release of an index")
    address, _, fragment = text.partition("#")
    found = dict(part.partition("=")[::2] for part in fragment.split("&"))
    if "subdirectory" in found:
        raise ValueError("hakobune builds the top folder of a source archive only")
    user = address.partition("//")[2].partition("/")[0].rpartition("@")[0]
    if ":" in user or (user and not address.startswith("git+ssh://")):
        raise ValueError(
            "it has a login, which any reader of this file can see: take it out, and use ~/.netrc "
            "(or git's own credentials)"
        )
    if address.startswith("git+"):
        if not _COMMIT_ADDRESS.fullmatch(address):
            raise ValueError(_NO_COMMIT)
    elif not address.endswith(_FILE_ENDINGS):
        raise ValueError(f"an address must end in one of {', '.join(_FILE_ENDINGS)}")
    if not FILE_ADDRESS.fullmatch(address):
        raise ValueError("it is not an address that hakobune can lock (https://… or git+https://…)")
    return address, (found["sha256"].lower(),) if "sha256" in found else ()


def _own_project(text: str) -> OwnProject:
    """Return the folder of `.[dev,test]`. Raises ValueError for an address."""
    match = re.fullmatch(r"(?P<path>[^\[\]]*)(\[(?P<extras>[\w., -]*)\])?", text)
    if match is None:
        raise ValueError("it is not a folder")
    extras = (extra.strip() for extra in (match["extras"] or "").split(","))
    return OwnProject(path=match["path"], extras=tuple(filter(None, extras)))


def _why_no_requirement(text: str) -> str:
    if " --" in text:
        return "hakobune does not know this option of a package"
    if re.search(r"[/\\]|^\.|\.(whl|tar\.gz|zip)$", text):
        return (
            "a file or folder cannot be locked: publish it to an index, or add a line "
            "`--find-links FOLDER` with a folder of the project, and name the package"
        )
    if re.fullmatch(r"[A-Za-z0-9._-]+\s*=[^=].*", text):
        return "pip's exact match is `==`"
    if re.search(r"(>|<|~)=?\s*[\w.]+\.\*", text):
        return "`.*` goes with `==` and `!=` only"
    return "it is not a package requirement"


class _Parser(argparse.ArgumentParser):
    """Says what is wrong by an exception, and knows no help."""

    def __init__(self) -> None:
        super().__init__(add_help=False, allow_abbrev=False, exit_on_error=False)
        self.add_argument("-r", "--requirement")
        self.add_argument("-c", "--constraint")
        self.add_argument("-e", "--editable")
        self.add_argument("-i", "--index-url", "--pypi-url")
        self.add_argument("--extra-index-url", action="append", default=[])
        self.add_argument("-f", "--find-links")
        self.add_argument("--pre", action="store_true")

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def _options(text: str) -> tuple[PipPart, ...]:
    try:
        words = shlex.split(text)  # comments are out of the line already
    except ValueError as exc:
        raise ValueError(f"not an option of pip: {exc}") from None
    first = words[0].partition("=")[0] if words else ""
    if first in _IDLE:
        return ()
    if first in _REFUSED:
        raise ValueError(_REFUSED[first])
    try:
        found, left = _Parser().parse_known_args(words)
    except (ValueError, argparse.ArgumentError) as exc:
        raise ValueError(f"not an option of pip: {exc}") from None
    if left:
        raise ValueError(f"hakobune does not know `{left[0]}`, an option of pip")
    parts: list[PipPart] = [
        MoreLines(path=path, is_constraint=path is found.constraint)
        for path in (found.requirement, found.constraint)
        if path
    ]
    if found.editable:
        is_address = re.match(r"(git|hg|svn|bzr)\+|\w+://", found.editable)
        editable = read_pip_line(found.editable) if is_address else ()
        parts += editable or (_own_project(found.editable),)
    if found.find_links:
        parts.append(FindLinks(place=_page(found.find_links)))
    if found.pre:
        parts.append(PreReleases())
    if found.index_url:
        parts.append(Index(address=_address(found.index_url), is_default=True))
    parts += (Index(address=_address(one), is_default=False) for one in found.extra_index_url)
    return tuple(parts)


def _page(text: str) -> str:
    """Return the place of a list of links. Raises ValueError for one with a login."""
    if re.match(r"\w+://", text) and not re.fullmatch(r"https?://[^@\s]+", text):
        raise ValueError("a page's address begins with https:// and has no login (use ~/.netrc)")
    return text


def _address(text: str) -> str:
    """Return an index's address. Raises ValueError for one that others could not reach."""
    if not re.match(r"https?://", text):
        raise ValueError("an index's address begins with https://")
    user = text.partition("//")[2].partition("/")[0].rpartition("@")[0]
    if re.sub(r"\$\{\w+\}|:", "", user):
        raise ValueError(
            "it has a password, which any reader of this file can see: write ${NAME} in its "
            "place, and set that variable; or use ~/.netrc"
        )
    if not INDEX_ADDRESS.fullmatch(text):
        raise ValueError("it is not the address of an index")
    return text
