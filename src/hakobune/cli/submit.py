"""`hakobune submit`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hakobune.cli.destination import destination, registry_option, workspace, workspace_options
from hakobune.cli.job_options import job_options, planned, wished
from hakobune.console import Console, show, show_bytes, show_table
from hakobune.model.destination import Destination
from hakobune.model.job import JobWishes
from hakobune.model.project import Project
from hakobune.stages.attempts import to_its_end
from hakobune.stages.compare import require_alike
from hakobune.stages.complete_job import complete_job
from hakobune.stages.dry_run import told
from hakobune.stages.fetch import declared_files, fetch
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, push
from hakobune.stages.register import register
from hakobune.stages.smoke import require_receipt
from hakobune.stages.submit import submit
from hakobune.stages.watch import watch
from hakobune.stages.workspace import azure_workspace, no_patience, patience, system_clock

NAMES = ("subscription", "resource_group", "workspace")


@click.command("submit", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print plan and exact YAML; needs no login.")
@click.option("--watch", is_flag=True, help="Then show the log until the job's end.")
@click.option("--fetch", is_flag=True, help="Then also bring the outputs to runs/.")
@click.option("--register", is_flag=True, help="Then also register the model.")
@click.option("--retries", default=0, type=click.IntRange(0, 10), help="Again on a lost node.")
@registry_option
@job_options
@workspace_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, dry_run: bool, registry: str, **chosen: Any) -> None:  # noqa: ANN401 - click checked each
    """Push the image, register the environment, and submit the training as a job.

    An image without a receipt of hakobune smoke is refused. What is there already is compared and
    used. All other arguments go to the training program, as
    with hakobune train: a file named by an input's option is uploaded; azureml:NAME:VERSION and
    azureml://datastores/... are taken as they are. Prints the job's name.
    """
    project = open_project(Path.cwd())
    names = {name: str(chosen.pop(name)) for name in NAMES}
    to = destination(project, registry=registry, compute=chosen.pop("compute"), **names)
    wishes = wished(to, chosen)
    if dry_run:
        _tell(project, to, wishes)
        return
    workspace(project, **names)
    _run(project, to, wishes, chosen)


def _tell(project: Project, to: Destination, wishes: JobWishes) -> None:
    """Print what would be done."""
    runner = system_runner()
    pushed = plan_push(project, runner, registry_name=to.registry or UNKNOWN_REGISTRY)
    submission = planned(project, pushed, wishes)
    show_table(told(submission, pushed, runner, no_patience(Console())))
    for text in (submission.environment, submission.compute, submission.job):
        if text:
            show(f"---\n{text.rstrip()}")


def _run(project: Project, to: Destination, wishes: JobWishes, chosen: Mapping[str, Any]) -> None:
    """Do it, as far as the options say."""
    runner, console = system_runner(), Console()
    cloud = azure_workspace(to, console)
    # What is wrong with login, workspace or plan is told before anything is pushed.
    own_registry = cloud.registry()
    pushing = plan_push(project, runner, registry_name=to.registry or own_registry)
    planned(project, pushing, wishes)
    require_receipt(project, pushing.image)
    pushed = push(pushing, runner, patience(console), console)
    submission = planned(project, pushed, wishes)
    if not (chosen["watch"] or chosen["fetch"] or chosen["register"]):
        show(submit(project, submission, cloud, console).name)
        return
    job = to_its_end(
        submission,
        submitting=lambda wanted: submit(project, wanted, cloud, console),
        watching=lambda job: watch(cloud, job.name, console, system_clock(), show_bytes),
        reporter=console,
        retries=chosen["retries"],
    )
    if chosen["fetch"] or chosen["register"]:
        folder = fetch(project, cloud, job.name, console)
        is_complete = complete_job(project, cloud, folder, runner, console)
        # A model that is not what the image makes here is not registered.
        line = require_alike(project, folder) if is_complete else ""
        if chosen["register"]:
            show(":".join(register(project, cloud, job.name, folder, console)))
        show_table(declared_files(project, folder))
        if line:
            show(line)
