"""The command `drydock`: the only place that exits."""

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from drydock.assumptions import ASSUMPTIONS, known, write_broken
from drydock.console import say, show, show_error, show_table
from drydock.errors import INSTALL, DrydockError, PackageMissingError
from drydock.faults import EVERYWHERE, KINDS, Faults

BUG_EXIT_CODE = 70
_STATE = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".drydock"),
    show_default=True,
    help="The folder with all files of one rehearsal.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run an offline stand-in for Azure ML that Azure's SDK uses without changes."""


_KEYLESS = click.option(
    "--keyless",
    "is_keyless",
    is_flag=True,
    help="No account keys: blobs by login only, as in a workspace with identity-based storage.",
)


@cli.command()
@_STATE
@click.option(
    "--break",
    "broken",
    default="",
    metavar="NAME,...",
    help=f"Make assumptions about a job's node untrue: {', '.join(ASSUMPTIONS)}.",
)
@_KEYLESS
def start(*, state: Path, broken: str, is_keyless: bool) -> None:
    """Start drydock, its registry and its blob store; print their addresses."""
    from drydock import daemon  # noqa: PLC0415 - slow to import
    from drydock.addresses import summary  # noqa: PLC0415
    from drydock.output_mounts import reason_against  # noqa: PLC0415

    untrue = known(filter(None, broken.split(",")))
    say(f"starting drydock in {state} (the first start builds the images of its two services)")
    found = daemon.start(state, is_keyless=is_keyless)
    write_broken(state, untrue)
    show_table(summary(found))
    for name in sorted(untrue):
        say(f"broken: {ASSUMPTIONS[name]}")
    if reason := reason_against():
        say(f"renames in mounted outputs (rw_mount) are not rehearsed: {reason}")
    say("to use it in this shell:")
    say(f'  found="$(drydock env --state {state})" && eval "$found"')


@cli.command()
@_STATE
def stop(*, state: Path) -> None:
    """Stop drydock and its services. Images, models and jobs stay in the state folder."""
    from drydock import daemon  # noqa: PLC0415
    from drydock.addresses import read_addresses  # noqa: PLC0415

    found = read_addresses(state)
    daemon.stop(state)
    if found is not None:
        for container in found.container_ids:
            say(f"removed the container {container[:12]}")
        say(f"stopped drydock (process {found.pid}); its state is kept in {state}")


@cli.command()
@_STATE
def status(*, state: Path) -> None:
    """Print drydock's addresses, its jobs with their pages, and the injected faults."""
    from drydock.addresses import running, summary  # noqa: PLC0415
    from drydock.clock import RandomIds  # noqa: PLC0415
    from drydock.job_page import address_of  # noqa: PLC0415
    from drydock.state.jobs import Job  # noqa: PLC0415
    from drydock.state.store import Store  # noqa: PLC0415
    from drydock.state.workspace import open_workspace  # noqa: PLC0415

    addresses = running(state)
    workspace = open_workspace(state, RandomIds())
    show_table(summary(addresses))
    for job in Store(state / "resources" / "jobs", Job).all():
        show(f"job         {job.name}  {job.status}  {job.error_message}".rstrip())
        show(f"            {address_of(addresses, workspace, job.name)}")
    for fault in Faults(state).due():
        show(f"fault       {fault.kind}  {fault.route}  x{fault.times}")


@cli.command()
@_STATE
@click.option("--json", "is_json", is_flag=True, help="Print JSON instead of shell commands.")
def env(*, state: Path, is_json: bool) -> None:
    """Print the environment variables that direct a program to drydock, and to nothing else.

    One of them is HAKOBUNE_REHEARSAL=1: it makes hakobune refuse everything but this drydock.
    Another is this rehearsal's client secret, which is valid for this drydock only.
    """
    import json  # noqa: PLC0415

    from drydock.addresses import NO_VARIABLES, running, shell_lines, variables  # noqa: PLC0415
    from drydock.clock import RandomIds  # noqa: PLC0415
    from drydock.state.workspace import open_workspace  # noqa: PLC0415

    try:
        addresses = running(state)
        found = variables(open_workspace(state, RandomIds()), addresses)
    except DrydockError:
        if not is_json:
            show(NO_VARIABLES)
        raise
    show(json.dumps(found, indent=1) if is_json else shell_lines(found))


@cli.command()
@_STATE
@click.argument("name", required=False)
@click.option(
    "--route",
    default=EVERYWHERE,
    show_default=True,
    help="The requests to fail: a route's name, or `METHOD /path`; * matches any text.",
)
@click.option(
    "--times",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many requests fail.",
)
@click.option(
    "--node",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which node of a job is preempted.",
)
@click.option(
    "--after",
    "after_s",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long after the job's start its node is preempted.",
)
@click.option(
    "--written",
    type=click.IntRange(min=0),
    default=0,
    metavar="FILES",
    help="How many files the job's mounted outputs hold when its node is preempted.",
)
@click.option("--clear", is_flag=True, help="Remove all faults.")
def fault(  # noqa: PLR0913 - the options
    *,
    state: Path,
    name: str | None,
    route: str,
    times: int,
    node: int,
    after_s: float,
    written: int,
    clear: bool,
) -> None:
    """Inject a fault; without NAME, list the available faults."""
    faults = Faults(state)
    if clear:
        for removed in faults.clear():
            say(f"removed, and did not happen: {removed.described()}")
    if name is not None:
        added = faults.inject(
            name, route=route, times=times, node=node, after_s=after_s, written=written
        )
        say(f"injected {added.described()}")
    elif not clear:
        show_table(list(KINDS.items()))


@cli.command(hidden=True)
@_STATE
@_KEYLESS
def serve(*, state: Path, is_keyless: bool) -> None:
    """Run drydock in the foreground; `start` calls this."""
    from drydock import daemon  # noqa: PLC0415

    daemon.serve(state, is_keyless=is_keyless)


@cli.command(hidden=True)
@_STATE
@click.argument("job")
@click.argument("container")
@click.argument("path")
@click.argument("folder", type=click.Path(path_type=Path))
def mount(*, state: Path, job: str, container: str, path: str, folder: Path) -> None:
    """Serve a job's mounted output until it is unmounted; a job's start calls this."""
    from drydock import output_mounts  # noqa: PLC0415
    from drydock.job_spec import BlobPlace  # noqa: PLC0415

    output_mounts.serve(state, job, BlobPlace(container=container, path=path), folder)


def main() -> None:
    """Run the command line and exit with 0 or the code of the failure's family."""
    # Without a handler, SIGTERM would leave what `start` has started until then.
    signal.signal(signal.SIGTERM, _terminated)
    if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = cli.main(standalone_mode=False, prog_name="drydock") or 0
    except DrydockError as exc:
        show_error(exc)
        code = exc.exit_code
    except ModuleNotFoundError as exc:
        error = PackageMissingError(
            f"the Python package {exc.name} is not installed",
            remedy=INSTALL,
        )
        show_error(error)
        code = error.exit_code
    except click.ClickException as exc:
        exc.show()
        code = exc.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("\ninterrupted")
        code = 130
    except Exception:  # noqa: BLE001 - the outermost boundary: anything else is a bug
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        say("this is a bug in drydock: please report the lines above")
        code = BUG_EXIT_CODE
    sys.exit(code)


def _terminated(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
