"""The command `python -m trainer`: the one place that catches failures, records them and exits.

Signal handlers are set before anything else is imported: the libraries take seconds to load, and
until then process 1 of a container would ignore a SIGTERM.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainer.interruption import (
    InterruptedBySignal,
    find_interruption,
    held_back,
    ignore_signals,
    raised_on_signals,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from trainer.errors import LibraryMissingError
    from trainer.outputs import Publication
    from trainer.record import RunClock
    from trainer.settings import RunPlace

BUG_EXIT_CODE = 70
# Each is a package with a module `command`; without such a name the program trains.
COMMANDS = ("prepare", "compare", "predict")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    try:
        with raised_on_signals():
            return _run(tuple(sys.argv[1:] if arguments is None else arguments))
    except InterruptedBySignal as stop:
        return stop.exit_code


def _run(arguments: tuple[str, ...]) -> int:
    """Train, or run the command that the first argument names."""
    if arguments and arguments[0] in COMMANDS:
        return _run_command(*arguments)
    return _run_training(arguments)


def _run_command(name: str, *arguments: str) -> int:
    """Run another command than training; turn every failure into a message and an exit code."""
    import importlib  # noqa: PLC0415 - the signal handlers come first, here and below

    try:
        with _prepared_environment():
            command = importlib.import_module(f"trainer.{name}.command")
            return int(command.run(arguments))
    except (Exception, InterruptedBySignal) as failure:  # noqa: BLE001 - the one boundary
        ignore_signals()
        return _tell(_known(failure))


def _run_training(arguments: tuple[str, ...]) -> int:
    """Train; turn every failure into a message, a record and an exit code."""
    import time  # noqa: PLC0415

    from trainer.outputs import Publication  # noqa: PLC0415
    from trainer.record import RunClock  # noqa: PLC0415
    from trainer.settings import (  # noqa: PLC0415
        library_variables,
        parse_arguments,
        place_run,
        read_environment,
    )

    variables = {**read_environment(), **library_variables(read_environment())}
    clock = RunClock(arguments=arguments, started_s=time.time(), variables=variables)
    raw = parse_arguments(arguments)
    place = publication = None
    try:
        place = place_run(raw, read_environment())
        publication = Publication(place.output)
        _train(raw, place, publication, clock)
    except (Exception, InterruptedBySignal) as failure:  # noqa: BLE001 - the one boundary
        ignore_signals()
        known = _known(failure)
        exit_code = _tell(known)
        if place is not None and publication is not None and not publication.is_published:
            _record(place, clock, known, exit_code)
        return exit_code
    return 0


def _train(raw: Namespace, place: RunPlace, publication: Publication, clock: RunClock) -> None:
    """Check the settings and the output before the libraries load, then train."""
    from trainer.settings import complete  # noqa: PLC0415

    settings = complete(raw, place)
    with publication, _prepared_environment():
        from trainer.training import train  # noqa: PLC0415

        train(settings, publication, clock)


def _known(failure: BaseException) -> BaseException:
    """Return what `failure` comes from, where that is known."""
    return find_interruption(failure) or _missing_library(failure) or failure


def _missing_library(failure: BaseException) -> LibraryMissingError | None:
    """Return our error for a library that does not load; None for a bug of this program."""
    from trainer.errors import LibraryMissingError  # noqa: PLC0415

    if not isinstance(failure, ImportError) or (failure.name or "trainer").startswith("trainer"):
        return None
    return LibraryMissingError(
        f"a library failed to load: {failure}",
        remedy="install what environments/arima-env.yml lists, or run the image",
    )


@contextmanager
def _prepared_environment() -> Iterator[None]:
    """Set the environment variables that the libraries read; restore them afterwards."""
    import tempfile  # noqa: PLC0415
    from contextlib import ExitStack  # noqa: PLC0415

    from trainer.settings import (  # noqa: PLC0415
        has_matplotlib_folder,
        library_variables,
        read_environment,
    )

    environment = read_environment()
    variables = library_variables(environment)
    with ExitStack() as stack:
        if not has_matplotlib_folder(environment):
            with held_back():  # a signal between making and naming the folder would leave it behind
                folder = tempfile.TemporaryDirectory(prefix="trainer-", ignore_cleanup_errors=True)
                variables["MPLCONFIGDIR"] = stack.enter_context(folder)
        before = {name: environment[name] for name in variables if name in environment}
        environment.update(variables)
        try:
            yield
        finally:
            for name in variables:
                environment.pop(name, None)
            environment.update(before)


def _tell(failure: BaseException) -> int:
    """Show what failed; return the exit code."""
    import signal  # noqa: PLC0415
    import traceback  # noqa: PLC0415

    from trainer.console import show_bug, show_error, show_stopped  # noqa: PLC0415
    from trainer.errors import TrainerError  # noqa: PLC0415

    if isinstance(failure, InterruptedBySignal):
        show_stopped(signal.Signals(failure.number).name)
        return failure.exit_code
    if isinstance(failure, TrainerError):
        show_error(failure.name(), failure.what, failure.remedy)
        return failure.exit_code
    show_bug("".join(traceback.format_exception(failure)))
    return BUG_EXIT_CODE


def _record(place: RunPlace, clock: RunClock, failure: BaseException, exit_code: int) -> None:
    from trainer.outputs import write_failure  # noqa: PLC0415
    from trainer.record import write_failure_record  # noqa: PLC0415

    write_failure(place.output, write_failure_record(place.run_id, clock, failure, exit_code))


if __name__ == "__main__":
    sys.exit(main())
