"""`hakobune reproduce`."""

from pathlib import Path

import click

from hakobune.console import Console, show


@click.group("reproduce")
def command() -> None:
    """Make an image or a model again, and compare."""


@command.command("image")
def image() -> None:
    """Build base and image again from nothing, and compare the digests.

    Nothing of an earlier build is used, no cached step and no cached download. The second image is
    removed afterwards. Where the two differ, layer, file and what differs are named.
    """
    # Imported here, because the other subcommands need none of it.
    from hakobune.settings import read_settings  # noqa: PLC0415
    from hakobune.stages.machine import system_runner  # noqa: PLC0415
    from hakobune.stages.project import open_project  # noqa: PLC0415
    from hakobune.stages.reproduce import reproduce_image  # noqa: PLC0415
    from hakobune.stages.workspace import patience  # noqa: PLC0415

    console = Console()
    found = reproduce_image(
        open_project(Path.cwd()),
        system_runner(),
        console,
        secrets=read_settings().build_secrets(),
        patience=patience(console),
    )
    show(f"{found.tag} built again from nothing is the same image: {found.id}")


@command.command("model")
@click.argument("run")
def model(*, run: str) -> None:
    """Run a recorded run again, in its image, on its data, and grade the result.

    Grades: bit-identical; numerically identical; within 1e-6; different, with the first number
    that differs and the likely cause.
    """
    from hakobune.errors import ModelDiffersError  # noqa: PLC0415
    from hakobune.model.grade import Sameness  # noqa: PLC0415
    from hakobune.stages.compare import told  # noqa: PLC0415
    from hakobune.stages.machine import system_runner  # noqa: PLC0415
    from hakobune.stages.project import open_project  # noqa: PLC0415
    from hakobune.stages.record import find_run  # noqa: PLC0415
    from hakobune.stages.reproduce_model import reproduce_model  # noqa: PLC0415

    project = open_project(Path.cwd())
    folder = find_run(project, run, cwd=Path.cwd())
    grade, cause, again = reproduce_model(project, folder, system_runner(), Console())
    line = told(grade, f"the run {folder.name}", cause)
    if grade.sameness is Sameness.DIFFERENT:
        raise ModelDiffersError(
            f"the model made again is {line}",
            remedy=f"look at both: hakobune compare {run} {again.name}",
        )
    show(line)
