"""`hakobune train`."""

import shlex
import sys

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_table
from hakobune.stages.train import override_of, plan_train, train


@click.command("train", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print the command and run nothing.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@json_option(
    run="the folder of the run",
    files="the path of each declared output, by name",
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
    show_table([(name, str(path)) for name, path in found])
    return {"run": run.folder, "files": {name: str(path) for name, path in found}}
