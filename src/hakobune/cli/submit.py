"""`hakobune submit`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from hakobune.cli.destination import destination, registry_option, workspace, workspace_options
from hakobune.cli.job_options import job_options, planned, wished
from hakobune.cli.json_option import json_option
from hakobune.console import (
    Console,
    show,
    show_bytes,
    show_bytes_aside,
    show_json,
    show_table,
)
from hakobune.model.destination import Destination
from hakobune.model.job import Job, JobWishes
from hakobune.model.project import Project
from hakobune.stages.attempts import to_its_end
from hakobune.stages.complete_job import graded
from hakobune.stages.dry_run import documents, told
from hakobune.stages.fetch import declared_files, fetch
from hakobune.stages.machine import system_runner
from hakobune.stages.project import open_project
from hakobune.stages.push import UNKNOWN_REGISTRY, plan_push, push
from hakobune.stages.register import register
from hakobune.stages.smoke import lacking_of, require_receipt
from hakobune.stages.submit import Submission, submit
from hakobune.stages.watch import watch
from hakobune.stages.workspace import azure_workspace, no_patience, patience, system_clock

NAMES = ("subscription", "resource_group", "workspace")


@click.command("submit", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print plan and exact YAML; needs no login.")
@click.option("--watch", is_flag=True, help="Then show the log until the job's end.")
@click.option("--fetch", is_flag=True, help="Then also bring the outputs to runs/.")
@click.option("--register", is_flag=True, help="Then also register the model.")
@click.option("--retries", default=0, type=click.IntRange(0, 10), help="Again on a lost node.")
@json_option
@registry_option
@job_options
@workspace_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(*, dry_run: bool, is_json: bool, registry: str, **chosen: Any) -> None:  # noqa: ANN401 - click checked each
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
    found = _run(project, to, wishes, chosen, show_log=show_bytes_aside if is_json else show_bytes)
    if is_json:
        show_json(found)
    else:
        _show(found)


def _tell(project: Project, to: Destination, wishes: JobWishes) -> None:
    """Print what would be done."""
    runner = system_runner()
    pushed = plan_push(project, runner, registry_name=to.registry or UNKNOWN_REGISTRY)
    submission = planned(project, pushed, wishes)
    lacking = lacking_of(project, pushed.image)
    show_table(told(submission, pushed, runner, no_patience(Console()), lacking=lacking))
    for text in documents(submission):
        show(f"---\n{text.rstrip()}")


def _show(found: Mapping[str, Any]) -> None:
    """Print model, files and grade, or the job's name where nothing was fetched."""
    if "files" in found:
        if "model" in found:
            show(f"{found['model']}:{found['version']}")
        show_table(list(found["files"].items()))
        if found["grade"]:
            show(found["grade"])
    elif not found["is_over"]:
        show(found["job"])


def _run(
    project: Project,
    to: Destination,
    wishes: JobWishes,
    chosen: Mapping[str, Any],
    *,
    show_log: Callable[[bytes], None],
) -> dict[str, Any]:
    """Do it, as far as the options say, and return what came of it."""
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
        return _about(submit(project, submission, cloud, console), submission)
    job = to_its_end(
        submission,
        submitting=lambda wanted: submit(project, wanted, cloud, console),
        watching=lambda job: watch(cloud, job.name, console, system_clock(), show_log),
        reporter=console,
        retries=chosen["retries"],
    )
    found = _about(job, submission)
    if chosen["fetch"] or chosen["register"]:
        folder = fetch(project, cloud, job.name, console)
        # A model that is not what the image makes here is not registered.
        found["grade"] = graded(project, cloud, folder, runner, console)
        found["folder"] = str(folder)
        found["files"] = dict(declared_files(project, folder))
        if chosen["register"]:
            model, version = register(project, cloud, folder, console, grade=found["grade"])
            found |= {"model": model, "version": version}
    return found


def _about(job: Job, submission: Submission) -> dict[str, Any]:
    plan = submission.job
    return {
        "job": job.name,
        "status": job.status,
        "is_over": job.is_over,
        "page": job.page,
        "environment": plan.environment,
        "compute": plan.compute,
    }
