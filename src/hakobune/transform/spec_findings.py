"""What the reading of a conda file has found so far: values, problems and notes. No I/O."""

import codecs
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hakobune.model.forms import escaped
from hakobune.model.spec import Included, Index, LeftOut, Requirement, SystemPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaNames:
    """What conda's names mean (`data/conda_names.toml` and `conda_names.txt`).

    `same` are conda's packages that the index has, by the index's names; `renamed` comes before.
    `left_out` have no meaning in an image of wheels, and `refused` cannot be had; both with why.
    `debian` are libraries and programs: Debian's packages, and of which one the version counts.
    `exported` are C libraries (a name, or `xorg-*`) that a whole exported environment lists.
    """

    same: Mapping[str, str]
    renamed: Mapping[str, str]
    left_out: Mapping[str, str]
    refused: Mapping[str, str]
    exported: tuple[str, ...] = ()
    debian: Mapping[str, tuple[tuple[str, ...], str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, and the line of the conda file that leads there."""

    file: str
    line: int
    top_line: int

    def __str__(self) -> str:
        """Return it as messages name it."""
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Findings:
    """Problems met so far, and the values read; of one call of `read_spec`."""

    file: str
    read: Callable[[str], bytes | None]
    source: str
    names: CondaNames
    problems: list[tuple[Place, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    libraries: list[LeftOut] = field(default_factory=list)
    debian: list[SystemPackage] = field(default_factory=list)
    is_export: bool = False
    builds: list[str] = field(default_factory=list)
    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    indexes: list[Index] = field(default_factory=list)
    included: dict[str, Included] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    takes_prereleases: bool = False
    python: tuple[str, ...] | None = None
    python_line: int = 0
    cpu_place: str = ""
    pip: str | None = None

    def at(self, line: int) -> Place:
        """Return a line of the conda file itself."""
        return Place(self.file, line, line)

    def add(self, place: "int | Place", what: str) -> None:
        """Add a problem; a number is a line of the conda file."""
        at = self.at(place) if isinstance(place, int) else place
        self.problems.append((at, escaped(what)))

    def of_another_system(self, name: str) -> str:
        """Return why an export of another system lists what Linux does not have; else empty."""
        reason = self.names.refused.get(name, "")
        return reason.partition(":")[0] if self.is_export and reason.startswith("exists") else ""

    def note(self, place: "int | Place", what: str) -> None:
        """Add what a user should know and that is no problem."""
        self.notes.append(f"{self.at(place) if isinstance(place, int) else place}: {what}")


def decoded(content: bytes) -> str:
    """Return a text file's text. Raises UnicodeDecodeError.

    Windows PowerShell writes UTF-16 where a program's output is sent to a file, and both conda and
    pip read it.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16")
    return content.decode("utf-8-sig")
