"""`hakobune submit`."""

from dataclasses import replace

import click

from hakobune.cli.options import (
    Document,
    job_options,
    json_option,
    registry_option,
    watch_options,
    workspace_options,
)
from hakobune.cli.smoke import smoke_here
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_bytes, show_table
from hakobune.model.destination import Destination
from hakobune.model.job import JobWishes, WatchWishes
from hakobune.stages.deliver import Delivery, Order, Step, deliver
from hakobune.stages.dry_run import Preview, preview
from hakobune.stages.preflight import require_ready


@click.command("submit", context_settings={"ignore_unknown_options": True})
@click.option("--dry-run", is_flag=True, help="Print plan and exact YAML; needs no login.")
@click.option("--smoke", is_flag=True, help="First build, smoke-test and train where that is due.")
@click.option("--watch", is_flag=True, help="Then show the log until the job's end.")
@click.option("--fetch", is_flag=True, help="Then also download the outputs to runs/.")
@click.option("--register", is_flag=True, help="Then also register the model.")
@click.option("--again", is_flag=True, help="Submit a new job although this plan has one.")
@click.option("--ungraded", is_flag=True, help="Register a model that no local run compares with.")
@click.option(
    "--retries",
    default=0,
    type=click.IntRange(0, 10),
    help="Resubmit up to N times if the node is lost.",
)
@click.option(
    "--shards",
    default=0,
    type=click.IntRange(0, 1000),
    help="Share the work among N jobs of one node, each with --shard R/N; then merge it.",
)
@json_option(
    job="the job's name",
    status="if it was asked for: the job's state, in Azure ML's words",
    is_over="if it was asked for: whether the job has ended",
    page="if known: the address of the job's page",
    environment="if submitted: the environment's name and version",
    compute="if submitted: the cluster",
    folder="if fetched: the run's folder",
    files="if fetched: the path of each declared output, by name",
    grade="if fetched: the grade beside the local run, or null",
    model="if registered: the model's name",
    version="if registered: its version",
)
@registry_option
@job_options
@watch_options
@workspace_options
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@pass_wiring
def command(  # noqa: PLR0913 - what the options became
    wiring: Wiring,
    /,
    *,
    dry_run: bool,
    smoke: bool,
    retries: int,
    shards: int,
    again: bool,
    ungraded: bool,
    given: Destination,
    wishes: JobWishes,
    how: WatchWishes,
    **steps: bool,
) -> Document:
    """Push the image, register the environment, and submit the training as a job.

    What is missing (login, workspace, registry, compute, image, receipt, data) is listed at once,
    before anything is started. An image without a receipt of hakobune smoke is refused; --smoke
    builds the image and lets it pass first. What exists already is compared and
    used. All other arguments go to the training program, as with hakobune train: a file named by an
    input's option is uploaded; azureml:NAME:VERSION and azureml://datastores/... are passed on
    unchanged. Prints the job's name.

    With --instances or --shards several nodes share the work, if the project has distributed =
    true. A shard whose node is lost is resubmitted alone, which suits --low-priority.

    The same plan (image, arguments, data, options of the job, commit) is the same job: run an
    interrupted command again, and it continues with its job. --register is refused before anything
    is pushed if no run of this machine has the same image, data and arguments (hakobune train).
    """
    if ungraded and not steps["register"]:
        raise click.UsageError("--ungraded belongs to --register")
    to = wiring.destination(given)
    order = Order(
        wishes=_in_shards(wishes.on_compute(to.compute), shards, how),
        registry=to.registry,
        cwd=wiring.cwd,
        until=max([Step.SUBMIT, *(Step[name.upper()] for name, on in steps.items() if on)]),
        retries=retries,
        is_again=again,
        is_ungraded=ungraded,
        how=how,
    )
    if dry_run:
        _show_preview(preview(wiring.project, order, wiring.runner, wiring.no_patience))
        return None
    _prepare(wiring, to, order, makes_image=smoke)
    found = deliver(wiring.services(to), order, show_bytes)
    _show(found, order.until)
    return found.values()


def _in_shards(wishes: JobWishes, count: int, how: WatchWishes) -> JobWishes:
    """Return the wishes with this number of shards; a new cluster has a node for each."""
    if count and how.queue_timeout_s:
        raise click.UsageError("--queue-timeout: the shards wait for nodes that become free")
    nodes = max(count, wishes.instances)
    return replace(wishes, shards=count, compute=replace(wishes.compute, max_instances=nodes))


def _prepare(wiring: Wiring, to: Destination, order: Order, *, makes_image: bool) -> None:
    """Raise what is missing, all at once; then make the image and its receipt, if asked to."""
    project, runner = wiring.project, wiring.runner
    require_ready(project, order, runner, cloud=lambda: wiring.cloud(to), makes_image=makes_image)
    if makes_image:
        smoke_here(wiring, order.wishes.arguments)


def _show_preview(found: Preview) -> None:
    show_table(found.rows)
    for text in found.documents:
        show(f"---\n{text.rstrip()}")


def _show(found: Delivery, until: Step) -> None:
    """Print model, files and grade, or the job's name where nothing was fetched."""
    if found.model:
        show(f"{found.model}:{found.version}")
    if found.folder:
        show_table(found.files)
        if found.grade:
            show(found.grade)
    elif until is Step.SUBMIT:
        show(found.job)
