"""`hakobune train`."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import Console, show, show_table
from hakobune.model.project import Project
from hakobune.model.training import PLACE, main_file
from hakobune.stages.ready import ready_image
from hakobune.stages.train import plan_train, planned_command, train


@click.command("train", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print the command and run nothing.")
@click.option("--locked", is_flag=True, help="Fail where the lock is missing or out of date.")
@click.option("--no-build", is_flag=True, help="Fail where the image is missing or out of date.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@json_option(
    run="the folder of the run",
    files="the path of each declared output, by name",
    main="the path of the file to open first: report.html, the model, or the first output",
)
@pass_wiring
def command(
    wiring: Wiring, *, dry_run: bool, locked: bool, no_build: bool, arguments: tuple[str, ...]
) -> Document:
    """Train in the container, and print the paths of the results.

    A lock or image that is missing or out of date is made first, and the reason is printed. The
    container is the one of [tool.hakobune]: no network, no other run, nothing to write to but a
    folder of its own, whose content is checked and moved to runs/. No compose file is read.

    All arguments go to the training program. A file or folder named by an input's option may be
    anywhere on this machine: it is mounted read-only. What follows `--` goes to the program
    unchanged: `hakobune train -- --help` shows its options.
    """
    project, runner, console = wiring.project, wiring.runner, wiring.console
    run = plan_train(
        project,
        arguments,
        cwd=wiring.cwd,
        is_terminal=sys.stdin.isatty(),
        sandbox=wiring.sandbox,
    )
    if dry_run:
        show(shlex.join(planned_command(project, run)))
        return None
    how = replace(wiring.making, may_lock=not locked, may_build=not no_build)
    image = ready_image(project, runner, console, how=how)
    found = train(project, run, runner, console, image=image)
    return _shown(project, run.folder, found, console=console)


def _shown(
    project: Project, folder: str, found: tuple[tuple[str, Path], ...], *, console: Console
) -> Document:
    """Print each output, and last the file to open first."""
    show_table([(name, str(path)) for name, path in found])
    main = main_file(found, project.model.file if project.model else "")
    where = main or project.root / folder
    sys.stdout.flush()
    if where.exists():
        console.say(f"open this first: {where}")
    else:
        console.say(f"no run is kept: the program left no {folder}; let it write to {PLACE}")
    files = {name: str(path) for name, path in found}
    return {"run": folder, "files": files, "main": str(where)}
