"""A training that is about to run on this machine."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or folder of this machine that the container sees at an absolute path of its own."""

    source: Path
    target: str
    is_read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The command, the container's name, the results' folder, and name and path of each output.

    `arguments` are those of the program inside. Paths are relative to the project; those of
    `inputs`, by name, are absolute. `binds` are the mounts that the command cannot name.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    container: str
    folder: str
    outputs: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, Path], ...] = ()
    binds: tuple[Bind, ...] = ()
