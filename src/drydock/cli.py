"""The command `python -m drydock`: the only place that exits."""

import sys
from pathlib import Path

import click

from drydock.console import say, show, show_error, show_table
from drydock.errors import DrydockError, PackageMissingError
from drydock.weather import EVERYWHERE, KINDS, Weather

BUG_EXIT_CODE = 70
_STATE = click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".drydock"),
    show_default=True,
    help="The folder that holds everything of one rehearsal.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Stand in for Azure ML, offline: its SDK talks to this as it would to Azure."""


@cli.command()
@_STATE
def start(*, state: Path) -> None:
    """Start the stand-in, its registry and its blob store; say where they answer."""
    from drydock import daemon  # noqa: PLC0415 - slow to import
    from drydock.addresses import summary  # noqa: PLC0415

    say(f"starting drydock in {state} (the first time builds the images of its two services)")
    found = daemon.start(state)
    show_table(summary(found))
    say(f'to use it: found="$(python -m drydock env --state {state})" && eval "$found"')


@cli.command()
@_STATE
def stop(*, state: Path) -> None:
    """Stop the stand-in and its services. What was pushed and registered stays in the folder."""
    from drydock import daemon  # noqa: PLC0415
    from drydock.addresses import read_addresses  # noqa: PLC0415

    found = read_addresses(state)
    daemon.stop(state)
    if found is not None:
        for container in found.container_ids:
            say(f"ended the container {container[:12]}")
        say(f"ended drydock (process {found.pid}); its state stays in {state}")


@cli.command()
@_STATE
def status(*, state: Path) -> None:
    """Say where the stand-in answers, which jobs it has and which weather is due."""
    from drydock.addresses import running, summary  # noqa: PLC0415
    from drydock.state.jobs import Job  # noqa: PLC0415
    from drydock.state.store import Store  # noqa: PLC0415

    show_table(summary(running(state)))
    for job in Store(state / "resources" / "jobs", Job).all():
        show(f"job         {job.name}  {job.status}  {job.error_message}".rstrip())
    for fault in Weather(state).due():
        show(f"weather     {fault.kind}  {fault.route}  x{fault.times}")


@cli.command()
@_STATE
@click.option("--json", "is_json", is_flag=True, help="Print a JSON object and no shell lines.")
def env(*, state: Path, is_json: bool) -> None:
    """Print the environment variables by which a program talks to the stand-in alone.

    HAKOBUNE_REHEARSAL=1 is one of them: with it hakobune refuses whatever is not this stand-in.
    They hold the rehearsal's own client secret, which opens nothing but this stand-in.
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
    help="Where it strikes: a route's name, or `METHOD /path`; * stands for anything.",
)
@click.option("--times", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--clear", is_flag=True, help="Take all weather away.")
def weather(*, state: Path, name: str | None, route: str, times: int, clear: bool) -> None:
    """Let a fault strike; without a NAME list the names."""
    found = Weather(state)
    if clear:
        say(f"{found.clear()} faults taken away")
    if name is not None:
        fault = found.set(name, route=route, times=times)
        say(f"{fault.kind} will strike {fault.times} times at {fault.route}")
    elif not clear:
        show_table(list(KINDS.items()))


@cli.command(hidden=True)
@_STATE
def serve(*, state: Path) -> None:
    """Be the stand-in, in the foreground. `start` calls this."""
    from drydock import daemon  # noqa: PLC0415

    daemon.serve(state)


def main() -> None:
    """Run the command line and exit: 0, a failure's own code, or 2 for wrong usage."""
    try:
        code = cli.main(standalone_mode=False, prog_name="python -m drydock") or 0
    except DrydockError as exc:
        show_error(exc)
        code = exc.exit_code
    except ModuleNotFoundError as exc:
        error = PackageMissingError(
            f"the package {exc.name} is not installed", remedy="pip install 'hakobune[rehearsal]'"
        )
        show_error(error)
        code = error.exit_code
    except click.ClickException as exc:
        exc.show()
        code = exc.exit_code
    except (KeyboardInterrupt, click.Abort):
        say("\ninterrupted")
        code = 130
    except Exception:  # noqa: BLE001 - the one boundary: whatever comes here is a bug of ours
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        say("this is a bug in drydock: please report the lines above")
        code = BUG_EXIT_CODE
    sys.exit(code)
