"""A training that is about to run on this machine."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The command, the container's name, the results' folder, and name and path of each output.

    Paths are relative to the project.
    """

    command: tuple[str, ...]
    container: str
    folder: str
    outputs: tuple[tuple[str, str], ...]
