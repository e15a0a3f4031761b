"""`hakobune compile`."""

from pathlib import Path

import click

from hakobune.console import Console
from hakobune.stages.compile import compile_libraries
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project


@click.command("compile")
def command() -> None:
    """Compile the C files of [tool.hakobune.libraries] beside them, as the image's build does.

    For tests on this machine. The image never takes a library from here: it compiles its own.
    """
    compile_libraries(open_project(Path.cwd()), system_runner(), Console())
