"""`hakobune train`."""

import shlex
import sys
from pathlib import Path

import click

from hakobune.console import Console, show, show_table
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.train import override_of, plan_train, train


@click.command("train", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print the command and run nothing.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, dry_run: bool, arguments: tuple[str, ...]) -> None:
    """Train in the container by `docker compose run`, and say where the results lie.

    All arguments go to the training program. A file named by an input's option may lie anywhere on
    this machine: the container gets to see it, read-only. What follows `--` goes to the program
    whatever it is: `hakobune train -- --help` shows its options.
    """
    project = open_project(Path.cwd())
    run = plan_train(project, arguments, cwd=Path.cwd(), is_terminal=sys.stdin.isatty())
    if dry_run:
        show(shlex.join(run.command))
        if override := override_of(project, run):
            show(f"with this compose file laid over docker-compose.yml:\n{override}")
        return
    found = train(project, run, system_runner(), Console())
    show_table([(name, str(path)) for name, path in found])
