"""`hakobune watch`."""

from pathlib import Path

import click

from hakobune.cli.destination import workspace, workspace_options
from hakobune.console import Console, show_bytes
from hakobune.stages.project import open_project
from hakobune.stages.submit import last_job
from hakobune.stages.watch import watch
from hakobune.stages.workspace import azure_workspace, system_clock


@click.command("watch")
@click.argument("job", default="")
@workspace_options
def command(*, job: str, **names: str) -> None:
    """Show a job's log until its end; the exit code is the job's fate.

    JOB is the one that was submitted last from here, unless it is named. Ctrl-C leaves the job
    running. The log goes to stdout, all else to stderr.
    """
    project, console = open_project(Path.cwd()), Console()
    cloud = azure_workspace(workspace(project, **names), console)
    watch(cloud, job or last_job(project), console, system_clock(), show_bytes)
