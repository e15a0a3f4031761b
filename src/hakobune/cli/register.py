"""`hakobune register`."""

from pathlib import Path

import click

from hakobune.cli.destination import workspace, workspace_options
from hakobune.cli.json_option import json_option
from hakobune.console import Console, show, show_json
from hakobune.stages.complete_job import graded
from hakobune.stages.fetch import fetch
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.register import planned_model, register
from hakobune.stages.submit import last_job
from hakobune.stages.workspace import azure_workspace


@click.command("register")
@click.argument("job", default="")
@click.option("--dry-run", is_flag=True, help="Print what would be registered; ask nobody.")
@json_option
@workspace_options
def command(*, job: str, dry_run: bool, is_json: bool, **names: str) -> None:
    """Register a job's model with its metrics and digests as tags, once.

    JOB is the one that was submitted last from here, unless it is named; its outputs are fetched
    first where that was not done. A model that is different from that of the local run is not
    registered. Prints the model's name and version.
    """
    project, console = open_project(Path.cwd()), Console()
    job = job or last_job(project)
    if dry_run:
        show(planned_model(project, job))
        return
    cloud = azure_workspace(workspace(project, **names), console)
    folder = fetch(project, cloud, job, console)
    grade = graded(project, cloud, folder, system_runner(), console)
    model, version = register(project, cloud, folder, console, grade=grade)
    if is_json:
        show_json({"job": job, "model": model, "version": version, "grade": grade})
    else:
        console.say(str(grade))
        show(f"{model}:{version}")
