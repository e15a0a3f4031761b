"""`hakobune canary`."""

from dataclasses import asdict

import click

from hakobune.cli.options import (
    Document,
    job_options,
    json_option,
    registry_option,
    workspace_options,
)
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_findings, show_table
from hakobune.model.destination import Destination
from hakobune.model.finding import exit_code_of
from hakobune.model.job import JobWishes
from hakobune.stages.canary import preview_canary, run_canary
from hakobune.stages.deliver import Order


@click.command("canary")
@click.option("--dry-run", is_flag=True, help="Print the exact YAML; needs no login.")
@json_option(
    job="the job's name",
    findings="each with step, state (ok, weak or no), what and remedy",
    facts="what was observed and is not assumed, by name",
    file="the file that keeps all of it",
    exit_code="0, 14 or 5",
)
@registry_option
@job_options
@workspace_options
@pass_wiring
def command(wiring: Wiring, *, dry_run: bool, given: Destination, wishes: JobWishes) -> Document:
    """Run a job of a minute that compares what hakobune assumes of a node with what is there.

    It has the image, environment, compute and options of a training's job, and reports as whom it
    runs, what is mounted how, what its output allows, its variables, MLflow and tools. A receipt
    is not needed. Each assumption is printed with what was observed, and kept in .hakobune/canary.

    Exit code 0: all is as assumed. 14: something differs, and a training works. 5: a training
    cannot work as it is.
    """
    to = wiring.destination(given)
    order = Order(wishes=wishes.on_compute(to.compute), registry=to.registry, cwd=wiring.cwd)
    if dry_run:
        for text in preview_canary(wiring.project, order, wiring.runner):
            show(f"---\n{text.rstrip()}")
        return None
    found = run_canary(wiring.services(to), order)
    show_findings(found.findings)
    show_table([("", ""), *found.facts.items()])
    return {
        "job": found.job,
        "findings": [asdict(one) for one in found.findings],
        "facts": found.facts,
        "file": str(found.file),
        "exit_code": exit_code_of(found.findings),
    }
