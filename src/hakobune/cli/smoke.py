"""`hakobune smoke`."""

import sys
from pathlib import Path

import click

from hakobune.console import Console
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.smoke import smoke
from hakobune.stages.train import plan_train


@click.command("smoke", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, arguments: tuple[str, ...]) -> None:
    """Let the image pass its smoke tests and a training, and leave a receipt for its digest.

    Each package that the conda file names is imported as a user that nobody knows, with a
    read-only file system and no network; then come the commands of `smoke` in pyproject.toml, and a
    training with these arguments, to which a job's model is compared later. hakobune submit refuses
    an image without a receipt. What was passed before is not done again.
    """
    project = open_project(Path.cwd())
    training = plan_train(project, arguments, cwd=Path.cwd(), is_terminal=sys.stdin.isatty())
    smoke(project, training, system_runner(), Console())
