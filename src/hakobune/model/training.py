"""A training that is about to run on this machine."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hakobune.model.sandbox import Sandbox

RUNS = "runs"
# What a program sees as `runs` while it runs, by the run's id.
WAITING = ".{}.training"
# Where a program's results become a run, in words.
PLACE = "runs/$HAKOBUNE_RUN_ID, and leave out its option for the output if it has one"
REPORT = "report.html"
# What opens in a browser, an editor or a viewer of pictures.
_READABLE = (".html", ".json", ".csv", ".txt", ".md", ".png", ".svg", ".pdf")


def main_file(files: Iterable[tuple[str, Path]], model: str) -> Path | None:
    """Return the file of a run that a person opens first; None where there are no files.

    It is the report, else the model, else the first; one that people can read comes before others.
    `files` are name and path of each.
    """
    found = dict(files)
    if REPORT in found:
        return found[REPORT]
    ordered = sorted(found, key=lambda name: name != model)
    readable = [name for name in ordered if name.endswith(_READABLE)]
    return next((found[name] for name in (*readable, *ordered)), None)


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
