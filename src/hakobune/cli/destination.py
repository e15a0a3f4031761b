"""Options that say where to, shared by the commands that go to Azure ML."""

from collections.abc import Callable
from typing import Any

import click

from hakobune.errors import DestinationIncompleteError
from hakobune.model.destination import Destination
from hakobune.model.project import Project
from hakobune.settings import read_destination
from hakobune.stages.workspace import require_rehearsal

_OPTIONS = (
    click.option("--subscription", default="", help="Azure subscription (its id)."),
    click.option("--resource-group", default="", help="Resource group of the workspace."),
    click.option("--workspace", default="", help="Workspace of Azure ML."),
)


def workspace_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the three options that name a workspace."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


registry_option = click.option(
    "--registry", default="", help="Container registry; else the workspace's own."
)


def destination(project: Project, **given: str) -> Destination:
    """Return where to, from the options, the environment or a config.json above the project.

    Raises CloudUnknownError for a rehearsal that does not lead to a running drydock.
    """
    found = read_destination(given, project.root)
    require_rehearsal(found)
    return found


def workspace(project: Project, **given: str) -> Destination:
    """Return where to. Raises DestinationIncompleteError unless a workspace is named."""
    found = destination(project, **given)
    names = {
        "--subscription": found.subscription,
        "--resource-group": found.resource_group,
        "--workspace": found.workspace,
    }
    missing = [flag for flag, name in names.items() if not name]
    if missing:
        raise DestinationIncompleteError(
            f"it is not said where to: {', '.join(missing)}",
            remedy="give the options, or put the portal's config.json into this folder "
            "(the workspace's page, Download config.json)",
        )
    return found
