"""A training that is about to run on this machine."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The command, the container's name, the results' folder, and name and path of each output.

    `arguments` are those of the program inside. Paths are relative to the project; those of
    `inputs`, by name, are absolute.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]
    container: str
    folder: str
    outputs: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, Path], ...] = ()
