"""`hakobune init`."""

import shlex
from pathlib import Path

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_table
from hakobune.stages.init import begin


@click.command("init")
@click.argument(
    "folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--environment", default="", help="The conda file, if there are several.")
@click.option("--script", default="", help="The training script, if there are several.")
@json_option(
    written="each written file, with what was written",
    notes="what to know, as printed",
    next="the command to type next",
)
@pass_wiring
def command(wiring: Wiring, *, folder: Path, environment: str, script: str) -> Document:
    """Write [tool.hakobune] for the conda file and the training script of FOLDER.

    The script is read and not run: its options for data and for the folder of results become
    inputs and outputs. pyproject.toml, .gitignore and .gitattributes are created or get lines at
    their end; nothing is overwritten. Both files are named from FOLDER.
    """
    begun = begin(wiring.cwd / folder, environment=environment, script=script)
    show_table(begun.written or [("nothing to do", "all of it is there")])
    for note in begun.notes:
        wiring.console.say(f"note: {note}")
    go = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    show(f"next: {go}{begun.next_step}")
    written = dict(begun.written)
    return {"written": written, "notes": begun.notes, "next": f"{go}{begun.next_step}"}
