"""The command `hakobune`: finds the command's module, and is the only place that exits.

A command's module is imported when the command is called, so that `--help` stays quick.
"""

import contextlib
import errno
import importlib
import signal
import sys
from typing import TYPE_CHECKING

import click

from hakobune import interruption
from hakobune.console import show_error, show_json
from hakobune.errors import FileNotWritableError, HakobuneError
from hakobune.interruption import Interrupted

if TYPE_CHECKING:  # --help needs none of it
    from hakobune.cli.wiring import Wiring

# The headings of `--help`, and below each its commands in the order of work.
GROUPS = {
    "Start": {
        "init": "Write [tool.hakobune] for a folder's conda file and script.",
        "doctor": "Report what this machine has and lacks for each step.",
        "lock": "Resolve the conda file to exact packages; --check reports whether it is current.",
        "build": "Build the image; --offline builds it from the folder that vendor filled.",
        "train": "Train in the container; lock and build first where that is needed.",
        "smoke": "Run smoke tests and a reference training; record a receipt.",
    },
    "Cloud": {
        "push": "Push the image to a registry, by content.",
        "canary": "Run a job of a minute that compares a node with what hakobune assumes of it.",
        "submit": "Push, register and submit a job to Azure ML; --dry-run prints the plan.",
        "watch": "Show a job's log until the job ends.",
        "fetch": "Download a job's outputs, verified.",
        "register": "Register a job's model, with its metrics and digests.",
        "cancel": "End a job.",
        "export": "Write the YAML files that `az ml` takes.",
    },
    "Trust": {
        "verify": "Walk a run's chain and name the first broken link.",
        "reproduce": "Rebuild an image or retrain a model, and compare.",
        "drill": "Take parts of a job away on this machine, and compare what it makes.",
        "compare": "Show two runs side by side, and grade their results.",
        "sign": "Sign a run's record with your key.",
        "record": "Complete the record of a run that compose started.",
        "sbom": "Print the path of the image's SBOM (CycloneDX).",
    },
    "Tools": {
        "render": "Write the Dockerfile that the lock gives.",
        "compose": "Write docker-compose.yml: the container of train, for plain docker compose.",
        "compile": "Compile C files beside the source, for tests on this machine.",
        "vendor": "Download all that a build needs into one folder.",
    },
}
COMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}
BUG_EXIT_CODE = 70
# Refusals of the operating system: rights, names, the disk.
_OF_THE_MACHINE = (
    *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP),
    *(errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS),
)


class _Commands(click.Group):
    """The commands by name; each lives in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"hakobune.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - for mypy
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the commands that an unknown word is close to; click does so for options only."""
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib  # noqa: PLC0415 - only here

            near = difflib.get_close_matches(args[0], COMMANDS)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        widest = max(map(len, COMMANDS))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), text) for name, text in commands.items()])


def _version(ctx: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's
    if value:
        from hakobune import __version__  # noqa: PLC0415 - only here

        click.echo(f"hakobune {__version__}")
        ctx.exit()


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """One conda file becomes one container: the same that trains here and on the cluster."""


def main(wiring: "Wiring | None" = None) -> None:
    """Run the command line and exit with 0 or the code of the failure's family.

    `wiring` is what the command works with; without one it works with this machine.
    """
    with interruption.raised_on_signals(main.__code__):
        try:
            code = _ended(wiring)
            interruption.raise_if_interrupted()
        except Interrupted as exc:
            code = _interrupted(exc)
    sys.exit(code)


def _ended(wiring: "Wiring | None") -> int:
    """Run the command and return its exit code, after the message of a failure."""
    try:
        code = cli.main(standalone_mode=False, obj=wiring)
    except (Exception, KeyboardInterrupt) as exc:  # noqa: BLE001 - the one boundary
        # A child that the same Ctrl-C ended, or a library, may have made another failure of it.
        if number := interruption.signal_that_came():
            raise Interrupted(number) from None
        return _failed(exc)
    return code if isinstance(code, int) else 0


def _interrupted(ended: Interrupted) -> int:
    """Show which signal ended the command; from here on nothing disturbs its end."""
    with contextlib.suppress(OSError):  # a terminal that was closed
        sys.stderr.write(f"\n{ended}\n")
        why = f"interrupted by {signal.Signals(ended.number).name}"
        _tell_programs("interrupted", why, fix="", exit_code=ended.exit_code)
    return ended.exit_code


def _failed(exc: BaseException) -> int:
    """Show a failure and return its exit code."""
    if isinstance(exc, HakobuneError):
        return _shown(exc)
    if isinstance(exc, click.ClickException):
        exc.show()
        message, code = exc.format_message(), exc.exit_code
        _tell_programs("usage", message, fix="hakobune --help", exit_code=code)
        return code
    if isinstance(exc, (KeyboardInterrupt, click.Abort)):
        return _interrupted(Interrupted(signal.SIGINT))
    if isinstance(exc, OSError) and exc.errno in _OF_THE_MACHINE:
        remedy = "check that the name, its owner and the disk allow it"
        where = f"{exc.filename or 'a file'}"
        return _shown(FileNotWritableError(f"{exc.strerror}", remedy=remedy, place=where))
    return _bug()


def _shown(error: HakobuneError) -> int:
    show_error(error)
    _tell_programs(
        error.name(),
        error.what,
        fix=error.remedy,
        exit_code=error.exit_code,
        place=error.place,
    )
    return error.exit_code


def _tell_programs(name: str, message: str, *, fix: str, exit_code: int, place: str = "") -> None:
    """Print the failure as one JSON object on stdout where `--json` was given."""
    if _is_json_wanted(sys.argv[1:]):
        found = {"name": name, "message": message, "place": place, "fix": fix}
        show_json({**found, "exit_code": exit_code})


def _is_json_wanted(words: list[str]) -> bool:
    """Return whether the command has the option `--json` and was given it, and not its program."""
    own = words[: words.index("--")] if "--" in words else words
    command = cli.get_command(click.Context(cli), own[0]) if own else None
    if isinstance(command, click.Group):
        command = command.commands.get(own[1]) if own[1:] else None
    return (
        command is not None
        and any("--json" in option.opts for option in command.params)
        and "--json" in own[1:]
    )


def _bug() -> int:
    import traceback  # noqa: PLC0415 - slow to import, and seldom needed

    traceback.print_exc()
    sys.stderr.write("this is a bug in hakobune: please report the lines above\n")
    _tell_programs("bug", "a bug in hakobune", fix="report the traceback", exit_code=BUG_EXIT_CODE)
    return BUG_EXIT_CODE
