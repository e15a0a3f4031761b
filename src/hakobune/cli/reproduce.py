"""`hakobune reproduce`."""

import click

from hakobune.cli.options import Document, json_option, run_argument
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show


@click.group("reproduce")
def command() -> None:
    """Rebuild an image or retrain a model, and compare."""


@command.command("image")
@json_option(tag="the image's name on this machine", image="its id, the same for both")
@pass_wiring
def image(wiring: Wiring) -> Document:
    """Build base and image again from scratch, and compare the digests.

    No cached step and no cached download of an earlier build is used. The second image is removed
    afterwards. Where the two differ, the layer, the file and the difference are printed.
    """
    # Imported here, because the other subcommands need none of it.
    from hakobune.stages.reproduce import reproduce_image  # noqa: PLC0415

    found = reproduce_image(
        wiring.project,
        wiring.runner,
        wiring.console,
        secrets=wiring.build_secrets,
        patience=wiring.patience,
    )
    show(f"{found.tag} built again from scratch is the same image: {found.id}")
    return {"tag": found.tag, "image": found.id}


@command.command("model")
@run_argument()
@json_option(
    run="the run's name",
    again="the folder of the repeated run",
    grade="bit-identical, numerically identical or within 1e-06",
    first="the first number that differs, or empty",
    cause="its likely cause, or empty",
)
@pass_wiring
def model(wiring: Wiring, *, run: str) -> Document:
    """Run a recorded run again, in its image, on its data, and grade the result.

    Grades: bit-identical; numerically identical; within 1e-6; different, with the first number
    that differs and the likely cause.
    """
    from hakobune.errors import ModelDiffersError  # noqa: PLC0415
    from hakobune.model.grade import Sameness  # noqa: PLC0415
    from hakobune.stages.compare import told  # noqa: PLC0415
    from hakobune.stages.record import find_run  # noqa: PLC0415
    from hakobune.stages.reproduce_model import reproduce_model  # noqa: PLC0415

    folder = find_run(wiring.project, run, cwd=wiring.cwd)
    found = reproduce_model(
        wiring.project, folder, wiring.runner, wiring.console, sandbox=wiring.sandbox
    )
    grade, cause, again = found
    line = told(grade, f"the run {folder.name}", cause)
    if grade.sameness is Sameness.DIFFERENT:
        raise ModelDiffersError(
            f"the repeated run gave a different model: {line}",
            remedy=f"compare both: hakobune compare {run} {again.name}",
        )
    show(line)
    graded = {"grade": grade.sameness.value, "first": grade.first, "cause": cause}
    return {"run": folder.name, "again": str(again), **graded}
