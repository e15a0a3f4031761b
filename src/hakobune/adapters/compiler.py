"""The compiler of C files on this machine: the wheel that the lock names, beside hakobune."""

import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

from hakobune.adapters.process import Runner
from hakobune.errors import CompilationFailedError

_PROGRAM = Path(__file__).parents[1] / "data" / "compile_library.py"


def installed_version(name: str) -> str | None:
    """Return the version of the package beside hakobune, or None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def compile_library(runner: Runner, source: Path, library: str, files: Sequence[str]) -> None:
    """Compile the files below the source into the library there, with the image's own program.

    Raises CompilationFailedError; what the compiler says goes to stderr as it comes.
    """
    cache = Path.home() / ".cache" / "hakobune" / "zig"
    folders = (str(folder) for folder in (cache, source, source))
    command = [sys.executable, str(_PROGRAM), *folders, library, *files]
    done = runner.show(command)
    if done.exit_code != 0:
        raise CompilationFailedError(
            f"{source / library} could not be compiled from {', '.join(files)}",
            remedy="see the compiler's output above; warnings count as errors",
        )
