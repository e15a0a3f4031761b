"""A training that is about to run on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hakobune.model.sandbox import Sandbox

RUNS = "runs"
# What a program sees as `runs` while it runs, by the run's id.
WAITING = ".{}.training"


REPORT = "report.html"


def main_file(files: Iterable[tuple[str, Path]], model: str) -> Path | None:
    """Return the file of a run that a person opens first: the report, the model, or the first one.

    `files` are name and path of each; None where there are none.
    """
    found = dict(files)
    return found.get(REPORT) or found.get(model) or next(iter(found.values()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A file or folder of this machine that the container sees at an absolute path of its own."""

    source: Path
    target: str
    is_read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The run's and the container's name, the results' folder, and name and path of each output.

    `arguments` are those of the program inside; `is_terminal` lets it have ours, and `sandbox` says
    what it may use. Paths are relative to the project; those of `inputs`, by name, are absolute.
    The program sees the folder `waiting` as `runs`, and `folders` are what it may leave there.
    `binds` are the mounts of both.
    """

    run_id: str
    arguments: tuple[str, ...]
    is_terminal: bool
    sandbox: Sandbox
    container: str
    folder: str
    waiting: str
    folders: tuple[str, ...]
    outputs: tuple[tuple[str, str], ...]
    inputs: tuple[tuple[str, Path], ...]
    binds: tuple[Bind, ...]
