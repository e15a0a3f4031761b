"""`hakobune cancel`."""

from pathlib import Path

import click

from hakobune.cli.destination import workspace, workspace_options
from hakobune.console import Console, show
from hakobune.stages.project import open_project
from hakobune.stages.submit import last_job
from hakobune.stages.watch import cancel
from hakobune.stages.workspace import azure_workspace


@click.command("cancel")
@click.argument("job", default="")
@click.option("--dry-run", is_flag=True, help="Print the job's name and cancel nothing.")
@workspace_options
def command(*, job: str, dry_run: bool, **names: str) -> None:
    """End a job; one that is over stays what it was.

    JOB is the one that was submitted last from here, unless it is named. Prints the job's state.
    """
    project, console = open_project(Path.cwd()), Console()
    job = job or last_job(project)
    if dry_run:
        show(f"would cancel {job}")
        return
    show(cancel(azure_workspace(workspace(project, **names), console), job, console).status)
