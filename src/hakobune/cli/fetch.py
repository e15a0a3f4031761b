"""`hakobune fetch`."""

from pathlib import Path

import click

from hakobune.cli.destination import workspace, workspace_options
from hakobune.cli.json_option import json_option
from hakobune.console import Console, show, show_json, show_table
from hakobune.stages.complete_job import graded
from hakobune.stages.fetch import declared_files, fetch
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.submit import last_job
from hakobune.stages.workspace import azure_workspace


@click.command("fetch")
@click.argument("job", default="")
@click.option("--output", default="", help="Only the output of this name.")
@json_option
@workspace_options
def command(*, job: str, output: str, is_json: bool, **names: str) -> None:
    """Bring a job's declared outputs to runs/JOB, verified, all or none.

    JOB is the one that was submitted last from here, unless it is named. What was fetched before an
    interruption is not fetched again. The last line grades the results beside those of the local
    run with the same image, data and arguments.
    """
    project, console = open_project(Path.cwd()), Console()
    cloud = azure_workspace(workspace(project, **names), console)
    folder = fetch(project, cloud, job or last_job(project), console, output=output)
    files = declared_files(project, folder, output=output)
    if not is_json:
        show_table(files)
    grade = None if output else graded(project, cloud, folder, system_runner(), console)
    if is_json:
        found = {"job": folder.name, "folder": str(folder), "files": dict(files)}
        show_json({**found, "grade": grade})
    elif grade:
        show(grade)
