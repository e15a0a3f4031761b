"""`hakobune export`."""

from pathlib import Path
from typing import Any

import click

from hakobune.cli.destination import destination, registry_option, workspace, workspace_options
from hakobune.cli.job_options import job_options, planned, wished
from hakobune.console import Console, show
from hakobune.stages.export import export
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.push import plan_push, require_digest
from hakobune.stages.workspace import azure_workspace, patience

NAMES = ("subscription", "resource_group", "workspace")


@click.command("export", context_settings={"ignore_unknown_options": True})
@click.option("--to", "folder", default="azureml", show_default=True, help="Folder to write into.")
@registry_option
@job_options
@workspace_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, folder: str, registry: str, **chosen: Any) -> None:  # noqa: ANN401 - click checked each
    """Write environment.yml, job.yml and compute.yml for `az ml`.

    az ml environment create -f environment.yml, then az ml job create -f job.yml give the job that
    hakobune submit gives. Arguments go to the training program.
    """
    project, runner, console = open_project(Path.cwd()), system_runner(), Console()
    names = {name: str(chosen.pop(name)) for name in NAMES}
    to = destination(project, registry=registry, compute=chosen.pop("compute"), **names)
    name = to.registry or azure_workspace(workspace(project, **names), console).registry()
    pushed = require_digest(
        plan_push(project, runner, registry_name=name), runner, patience(console)
    )
    submission = planned(project, pushed, wished(to, chosen))
    for path in export(project, submission, Path(folder), console):
        show(str(path))
