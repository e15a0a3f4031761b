"""`hakobune compile`."""

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.compile import compile_libraries


@click.command("compile")
@json_option(
    libraries="the compiled files, as paths from the source",
)
@pass_wiring
def command(wiring: Wiring) -> Document:
    """Compile the C files of [tool.hakobune.libraries] beside them, as the image's build does.

    For tests on this machine. The image never takes a library from here: it compiles its own.
    """
    compile_libraries(wiring.project, wiring.runner, wiring.console)
    return {"libraries": [library.path for library in wiring.project.libraries]}
