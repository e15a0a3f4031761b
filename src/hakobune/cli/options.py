"""Options that several commands share, and the values that they become."""

import functools
import re
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import click
from click.shell_completion import CompletionItem

from hakobune.cli.wiring import Wiring
from hakobune.console import all_aside, show_json
from hakobune.model.destination import Destination
from hakobune.model.job import DEFAULT_SIZE, OUTPUT_MODES, ComputePlan, JobWishes, Pairs

DEFAULT_COMPUTE = "cpu-cluster"
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DESTINATION = ("subscription", "resource_group", "workspace", "registry", "compute")


def _runs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of runs for a shell's completion, else folders."""
    names = ctx.ensure_object(Wiring).run_names()
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return found or [CompletionItem(incomplete, type="dir")]


def _jobs(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of the jobs that were submitted from here, for a shell's completion."""
    names = ctx.ensure_object(Wiring).job_names()
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def run_argument(name: str = "run") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add the argument that names a run; the shell completes it with the names in runs/."""
    return click.argument(name, shell_complete=_runs)


job_argument = click.argument("job", default="", shell_complete=_jobs)


class Duration(click.ParamType[int]):
    """Seconds, or a number with `m`, `h` or `d`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the seconds."""
        found = re.fullmatch(r"(\d{1,7})([smhd]?)", str(value))
        if not found or int(found[1]) == 0:
            self.fail(f"{value!r} is not a time such as 3600, 30m or 2h", param, ctx)
        return int(found[1]) * _UNITS[found[2]]


# What a command found, by the keys that `json_option` describes; None: nothing (a dry run).
Document = Mapping[str, object] | None

_WORKSPACE = (
    click.option("--subscription", default="", help="Azure subscription (its id)."),
    click.option("--resource-group", default="", help="Resource group of the workspace."),
    click.option("--workspace", default="", help="Workspace of Azure ML."),
)
_JOB = (
    click.option("--compute", default="", help=f"Cluster (default {DEFAULT_COMPUTE})."),
    click.option("--create-compute", is_flag=True, help="Create it where it is missing."),
    click.option("--size", default=DEFAULT_SIZE, show_default=True, help="Its machines' size."),
    click.option("--low-priority", is_flag=True, help="Cheaper machines that may be taken away."),
    click.option("--instances", default=1, show_default=True, type=click.IntRange(1, 1000)),
    click.option(
        "--output-mode",
        default="",
        type=click.Choice(["", *OUTPUT_MODES]),
        metavar="upload|rw_mount",
        help="Upload the outputs at the end (default), or mount them (default with --low-priority "
        "or several instances, where a lost node would upload nothing).",
    ),
    click.option("--timeout", default="1h", show_default=True, type=Duration()),
    click.option("--experiment", default="", help="Default: the environment's name."),
    click.option("--display-name", default="", help="Default: the environment's name."),
    click.option("--env", multiple=True, metavar="NAME=VALUE", help="Variable of the job."),
    click.option("--tag", multiple=True, metavar="NAME=VALUE", help="Tag of the job."),
)
registry_option = click.option(
    "--registry", default="", help="Container registry; else the workspace's own."
)


def workspace_options(command: Callable[..., Document]) -> Callable[..., Document]:
    """Add the options that name a workspace; the command takes them as `given`, a Destination.

    It holds registry and compute too where the command has these options.
    """

    @functools.wraps(command)
    def gathered(**chosen: Any) -> Document:  # noqa: ANN401 - click checked each
        names = {name: chosen.pop(name, "") for name in _DESTINATION}
        return command(given=Destination(**names), **chosen)

    return _with(_WORKSPACE, gathered)


def job_options(command: Callable[..., Document]) -> Callable[..., Document]:
    """Add the options that describe a job; the command takes them as `wishes`, a JobWishes.

    The cluster's name stays beside them for `workspace_options`, which also reads the environment.
    """

    @functools.wraps(command)
    def gathered(**chosen: Any) -> Document:  # noqa: ANN401 - click checked each
        return command(wishes=_wishes(chosen), **chosen)

    return _with(_JOB, gathered)


def json_option(**keys: str) -> Callable[[Callable[..., Document]], Callable[..., int]]:
    """Add `--json`, which prints the document that the command returns, and nothing else on stdout.

    `keys` are its keys, each with what it holds: docs/reference/cli.md lists them, and they are
    stable. One whose words begin with `if` or `with` may be absent. `exit_code` is what the command
    ends with, and 0 where the document has none. `--json` cannot be combined with `--dry-run`.
    """

    def added(command: Callable[..., Document]) -> Callable[..., int]:
        @functools.wraps(command)
        def checked(*, is_json: bool, **chosen: Any) -> int:  # noqa: ANN401 - click checked each
            if is_json and chosen.get("dry_run"):
                raise click.UsageError("--dry-run prints what would be done, and no JSON")
            with all_aside() if is_json else nullcontext():
                document = command(**chosen) or {}
            if is_json:
                show_json(document)
            code = document.get("exit_code", 0)
            return code if isinstance(code, int) else 0

        checked.json_keys = keys  # type: ignore[attr-defined] # read by docs/reference/generate.py
        help_text = "Print one JSON object; all else goes to stderr."
        return click.option("--json", "is_json", is_flag=True, help=help_text)(checked)

    return added


def _with(
    options: tuple[Callable[..., Any], ...], command: Callable[..., Document]
) -> Callable[..., Document]:
    for option in reversed(options):
        command = option(command)
    return command


def _wishes(chosen: dict[str, Any]) -> JobWishes:
    """Return what the options say, and take them out of `chosen`."""
    take = chosen.pop
    instances = take("instances")
    return JobWishes(
        arguments=take("arguments"),
        compute=ComputePlan(
            name=chosen["compute"] or DEFAULT_COMPUTE,
            size=take("size"),
            max_instances=instances,
            is_low_priority=take("low_priority"),
        ),
        is_compute_created=take("create_compute"),
        instances=instances,
        timeout_s=take("timeout"),
        experiment=take("experiment"),
        display_name=take("display_name"),
        variables=_pairs("--env", take("env")),
        tags=_pairs("--tag", take("tag")),
        output_mode=take("output_mode"),
    )


def _pairs(option: str, texts: tuple[str, ...]) -> Pairs:
    for text in texts:
        if "=" not in text:
            raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
    return tuple((text.partition("=")[0], text.partition("=")[2]) for text in texts)
