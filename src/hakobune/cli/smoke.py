"""`hakobune smoke`."""

import sys
from dataclasses import asdict

import click

from hakobune.cli.options import Document, json_option
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.stages.ready import ready_image
from hakobune.stages.smoke import smoke
from hakobune.stages.train import plan_train


@click.command("smoke", context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@json_option(
    image="the image's id",
    checks="the smoke tests that it passed",
    references="the runs of the reference trainings",
)
@pass_wiring
def command(wiring: Wiring, *, arguments: tuple[str, ...]) -> Document:
    """Run the image's smoke tests and a reference training; record a receipt for its digest.

    Each package that the conda file names is imported as an arbitrary UID, with a read-only file
    system and no network; then come the commands of `smoke` in pyproject.toml, and a training with
    these arguments, to which a job's model is compared later. hakobune submit refuses an image
    without a receipt. Tests that this image passed before are not run again. A lock or image that
    is missing or out of date is made first, as by hakobune train.
    """
    return smoke_here(wiring, arguments)


def smoke_here(wiring: Wiring, arguments: tuple[str, ...]) -> Document:
    """Make the image where it is missing or out of date, and let it pass; record a receipt."""
    project, runner, console = wiring.project, wiring.runner, wiring.console
    training = plan_train(
        project,
        arguments,
        cwd=wiring.cwd,
        is_terminal=sys.stdin.isatty(),
        sandbox=wiring.sandbox,
    )
    image = ready_image(project, runner, console, how=wiring.making)
    return asdict(smoke(project, training, runner, console, image=image))
