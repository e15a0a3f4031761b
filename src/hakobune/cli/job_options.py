"""Options that describe a job, shared by `submit` and `export`, and what they become."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from hakobune.model.destination import Destination
from hakobune.model.job import DEFAULT_SIZE, ComputePlan, JobWishes, Pairs
from hakobune.model.project import Project
from hakobune.model.pushed import PushedImage
from hakobune.stages.machine import system_runner
from hakobune.stages.submit import Submission, plan_submit

DEFAULT_COMPUTE = "cpu-cluster"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[int]):
    """Seconds, or a number with `m`, `h` or `d`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the seconds."""
        found = re.fullmatch(r"(\d{1,7})([smhd]?)", str(value))
        if not found or int(found[1]) == 0:
            self.fail(f"{value!r} is no time such as 3600, 30m or 2h", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


_OPTIONS = (
    click.option("--compute", default="", help=f"Cluster (default {DEFAULT_COMPUTE})."),
    click.option("--create-compute", is_flag=True, help="Create it where it is missing."),
    click.option("--size", default=DEFAULT_SIZE, show_default=True, help="Its machines' size."),
    click.option("--low-priority", is_flag=True, help="Cheaper machines that may be taken away."),
    click.option("--instances", default=1, show_default=True, type=click.IntRange(1, 1000)),
    click.option("--timeout", default="1h", show_default=True, type=Duration()),
    click.option("--experiment", default="", help="Default: the environment's name."),
    click.option("--display-name", default="", help="Default: the environment's name."),
    click.option("--env", multiple=True, metavar="NAME=VALUE", help="Variable of the job."),
    click.option("--tag", multiple=True, metavar="NAME=VALUE", help="Tag of the job."),
)


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that describe a job."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def planned(project: Project, pushed: PushedImage, wishes: JobWishes) -> Submission:
    """Return what would be submitted from here."""
    return plan_submit(project, wishes, pushed, runner=system_runner(), cwd=Path.cwd())


def wished(to: Destination, chosen: Mapping[str, Any]) -> JobWishes:
    """Return what the options and arguments say."""
    compute = ComputePlan(
        name=to.compute or DEFAULT_COMPUTE,
        size=chosen["size"],
        max_instances=chosen["instances"],
        is_low_priority=chosen["low_priority"],
    )
    return JobWishes(
        arguments=chosen["arguments"],
        compute=compute,
        is_compute_created=chosen["create_compute"],
        instances=chosen["instances"],
        timeout_s=chosen["timeout"],
        experiment=chosen["experiment"],
        display_name=chosen["display_name"],
        variables=_pairs("--env", chosen["env"]),
        tags=_pairs("--tag", chosen["tag"]),
    )


def _pairs(option: str, texts: tuple[str, ...]) -> Pairs:
    for text in texts:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return tuple((text.partition("=")[0], text.partition("=")[2]) for text in texts)
