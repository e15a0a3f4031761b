"""`hakobune reproduce model`."""

from pathlib import Path

import click

from hakobune.console import Console, show
from hakobune.errors import ModelDiffersError
from hakobune.model.grade import Sameness
from hakobune.stages.compare import told
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.record import find_run
from hakobune.stages.reproduce_model import reproduce_model


@click.command("model")
@click.argument("run")
def command(*, run: str) -> None:
    """Run a recorded run again, in its image, on its data, and grade the result.

    Grades: bit-identical; numerically identical; within 1e-6; different, with the first number
    that differs and the likely cause.
    """
    project = open_project(Path.cwd())
    folder = find_run(project, run, cwd=Path.cwd())
    grade, cause, again = reproduce_model(project, folder, system_runner(), Console())
    line = told(grade, f"the run {folder.name}", cause)
    if grade.sameness is Sameness.DIFFERENT:
        raise ModelDiffersError(
            f"the model made again is {line}",
            remedy=f"look at both: hakobune compare {folder.name} {again.name}",
        )
    show(line)
