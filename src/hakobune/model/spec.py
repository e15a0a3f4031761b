"""What an environment file says, with the line that says it."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """One wanted package.

    `text` is a requirement as pip understands it (PEP 508), `written` is what the file holds, and
    `line` counts from 1. Where a file gives a choice, `others` are the texts of the rest.
    `hashes` are the sha256 that the package's file may have; none: any. `is_of_conda` tells that
    the version is one of a conda package.
    """

    name: str
    text: str
    written: str
    line: int
    file: str = ""
    others: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    is_of_conda: bool = False

    @property
    def place(self) -> str:
        """Where the requirement is written, as `file:line`."""
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A line of the file that an image of wheels does not need, and why."""

    name: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackage:
    """A line of the file that asks for a library or program: Debian's packages of it.

    `name` is conda's. `versions` are alternatives, each a specifier of PEP 440 for the software's
    own version; that of the Debian package `version_of` counts (`*` in it stands for any text).
    `is_exact` tells that a person wrote the version, not an export.
    """

    name: str
    written: str
    place: str
    packages: tuple[str, ...]
    versions: tuple[str, ...]
    version_of: str
    is_exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A package index that the conda file names, or with a `name` the project.

    In the address, `${NAME}` is an environment variable's place. `is_default`: instead of the
    usual index, not beside it. `packages` come from this index alone, and it serves nothing else;
    none: it serves what it has.
    """

    address: str
    is_default: bool = False
    name: str = ""
    packages: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What messages and the lock call it: its name, else host and path of the address."""
        plain = re.sub(r"^https?://([^/@]*@)?", "", self.address)
        return self.name or re.sub(r"(/simple)?/*$", "", plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Included:
    """A file that the conda file includes by `-r` or `-c`: its path in the project, and sha256."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """A conda environment file, reduced to what decides the image.

    `name` is what images, registries and Azure ML call it, and `written_name` what the file does.
    `python` are alternatives, each a specifier of PEP 440 (`==3.13.*`; empty: any), and
    `python_line` is 0 where the file names none. `links` are pages and folders of the project that
    list more files, each with its `file:line`. `notes` are what a user should know of the reading,
    each as `file:line: what`. `cpu_place` is the line that wants PyTorch without CUDA; empty: none
    does. `pip` is the version of pip as the file has it, empty where it gives none, and None where
    the environment has no pip. `sha256` is that of the file's bytes, as lower-case hex.
    """

    name: str
    written_name: str
    name_line: int
    python: tuple[str, ...]
    python_line: int
    channels: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    sha256: str
    constraints: tuple[Requirement, ...] = ()
    indexes: tuple[Index, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    takes_prereleases: bool = False
    variables: tuple[tuple[str, str], ...] = ()
    included: tuple[Included, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    debian: tuple[SystemPackage, ...] = ()
    cpu_place: str = ""
    pip: str | None = None

    @property
    def places(self) -> dict[str, tuple[str, ...]]:
        """Each `file:line` that names a package, or a list of links, by that name."""
        places: dict[str, tuple[str, ...]] = {}
        for wanted in (*self.requirements, *self.constraints):
            places[wanted.name] = (*places.get(wanted.name, ()), wanted.place)
        return places | {link: (place,) for link, place in self.links}

    @property
    def python_text(self) -> str:
        """The wanted Python in conda's words: `python=3.13`."""
        texts = [re.sub(r"^==([\d.]+)\.\*$", r"=\1", text) for text in self.python]
        return f"python{'|'.join(texts)}"


def requirement_name(text: str) -> str:
    """Return the normalised name at the start of a valid requirement (PEP 503, PEP 508)."""
    name = re.match(r"[A-Za-z0-9._-]*", text)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""
