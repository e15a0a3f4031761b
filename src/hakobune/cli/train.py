"""`hakobune train`."""

import shlex
import sys
from pathlib import Path

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import Console, show, show_table
from hakobune.model.project import Project
from hakobune.model.training import main_file
from hakobune.stages.train import override_of, plan_train, train


@click.command("train", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print the command and run nothing.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@json_option(
    run="the folder of the run",
    files="the path of each declared output, by name",
    main="the path of the file to open first: report.html, the model, or the first output",
)
@pass_wiring
def command(wiring: Wiring, *, dry_run: bool, arguments: tuple[str, ...]) -> Document:
    """Train in the container by `docker compose run`, and print the paths of the results.

    All arguments go to the training program. A file or folder named by an input's option may be
    anywhere on this machine: it is mounted read-only. In runs/ the program sees an empty folder of
    its own; what it leaves there is checked and moved to runs/. What follows `--` goes to the
    program unchanged: `hakobune train -- --help` shows its options.
    """
    project, is_terminal = wiring.project, sys.stdin.isatty()
    run = plan_train(project, arguments, cwd=wiring.cwd, is_terminal=is_terminal)
    if dry_run:
        show(shlex.join(run.command))
        if override := override_of(project, run):
            show(f"with this compose file laid over docker-compose.yml:\n{override}")
        return None
    found = train(project, run, wiring.runner, wiring.console)
    return _shown(project, run.folder, found, console=wiring.console)


def _shown(
    project: Project, folder: str, found: tuple[tuple[str, Path], ...], *, console: Console
) -> Document:
    """Print each output, and last the file to open first."""
    show_table([(name, str(path)) for name, path in found])
    main = main_file(found, project.model.file if project.model else "")
    where = main or project.root / folder
    sys.stdout.flush()
    console.say(f"open this first: {where}")
    files = {name: str(path) for name, path in found}
    return {"run": folder, "files": files, "main": str(where)}
