"""`hakobune compile`."""

import click

from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.compile import compile_libraries


@click.command("compile")
@pass_wiring
def command(wiring: Wiring) -> None:
    """Compile the C files of [tool.hakobune.libraries] beside them, as the image's build does.

    For tests on this machine. The image never takes a library from here: it compiles its own.
    """
    compile_libraries(wiring.project, wiring.runner, wiring.console)
