"""`hakobune reproduce`."""

from pathlib import Path

import click

from hakobune.console import Console, show


@click.group("reproduce")
def command() -> None:
    """Make again what lies here, and compare."""


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
