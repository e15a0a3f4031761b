"""The command `python -m trainer`: the one place that catches failures, records them and exits.

Signal handlers are set before anything else is imported: the libraries take seconds to load, and
until then process 1 of a container would ignore a SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys

if __name__ == "__main__":
    # Nothing is written yet, and Python's own handler would show a traceback.
    for _number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(_number, lambda number, _frame: os._exit(128 + number))

from contextlib import contextmanager
from typing import TYPE_CHECKING

from trainer.interruption import (
    InterruptedBySignal,
    checkpoint,
    held_back,
    ignore_signals,
    raised_on_signals,
    received,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence

    from trainer.errors import LibraryMissingError
    from trainer.outputs import Publication
    from trainer.record import RunClock
    from trainer.settings import RunPlace

BUG_EXIT_CODE = 70
# Each is a package with a module `command`; without such a name the program trains.
COMMANDS = ("prepare", "compare", "predict")
MANY = "many"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    try:
        with raised_on_signals():
            exit_code = _run(tuple(sys.argv[1:] if arguments is None else arguments))
            checkpoint()
            return exit_code
    except InterruptedBySignal as stop:
        return stop.exit_code


def _run(arguments: tuple[str, ...]) -> int:
    """Train, one series or many, or run the command that the first argument names."""
    if arguments and arguments[0] in COMMANDS:
        return _caught(lambda: _run_command(*arguments), _tell)
    is_many = bool(arguments) and arguments[0] == MANY
    run = _Run(arguments, MANY if is_many else "")
    return _caught(run.run, run.end)


def _caught(work: Callable[[], int], end: Callable[[BaseException], int]) -> int:
    """Return the exit code of the work, or of what `end` makes of its failure: the one boundary."""
    try:
        try:
            return work()
        except (Exception, InterruptedBySignal) as failure:  # noqa: BLE001 - the one boundary
            ignore_signals()
            return end(received() or _missing_library(failure) or failure)
    except InterruptedBySignal as stop:  # it came just before signals were ignored
        ignore_signals()
        return end(stop)


def _run_command(name: str, *arguments: str) -> int:
    """Run another command than training."""
    with held_back():  # here and below: the signal handlers come before all imports
        import importlib  # noqa: PLC0415

        command = importlib.import_module(f"trainer.{name}.command")
    with _prepared_environment():
        return int(command.run(arguments))


class _Run:
    """A training: what it has come to when it fails decides what is told and written.

    `name` is that of the kind, which is the first argument: none for one series.
    """

    def __init__(self, arguments: tuple[str, ...], name: str) -> None:
        self._arguments = arguments
        self._name = name
        self._clock: RunClock | None = None
        self._place: RunPlace | None = None
        self._publication: Publication | None = None

    def run(self) -> int:
        """Train. Exits with 2 where the command line is wrong."""
        with held_back():
            import time  # noqa: PLC0415

            from trainer.outputs import Publication  # noqa: PLC0415
            from trainer.record import RunClock  # noqa: PLC0415
            from trainer.settings import (  # noqa: PLC0415
                library_variables,
                place_run,
                read_environment,
            )

            if self._name:
                from trainer.many.options import parse_arguments  # noqa: PLC0415
            else:
                from trainer.settings import parse_arguments  # noqa: PLC0415
        variables = {**read_environment(), **library_variables(read_environment())}
        self._clock = RunClock(
            arguments=self._arguments, started_s=time.time(), variables=variables
        )
        raw = parse_arguments(self._arguments[bool(self._name) :])
        place = place_run(raw, read_environment())
        if self._name and _is_other_node(raw):
            return _work_for_node_0(raw, place)
        self._place, self._publication = place, Publication(place.output)
        work = _forecast_many if self._name else _train
        work(raw, place, self._publication, self._clock)
        return 0

    def end(self, failure: BaseException) -> int:
        """Show the failure, and record it where no output was written; return the exit code."""
        if self._publication is None or self._place is None or self._clock is None:
            return _tell(failure)
        self._publication.clean_up()
        exit_code = _tell(failure, self._publication.left())
        if not self._publication.is_published:
            _record(self._place, self._clock, failure, exit_code)
        return exit_code


def _train(raw: Namespace, place: RunPlace, publication: Publication, clock: RunClock) -> None:
    """Check the settings and the output before the libraries load, then train."""
    from trainer.settings import complete  # noqa: PLC0415 - is loaded

    settings = complete(raw, place)
    with publication, _prepared_environment():
        with held_back():
            from trainer.training import train  # noqa: PLC0415

        train(settings, publication, clock)


def _forecast_many(
    raw: Namespace, place: RunPlace, publication: Publication, clock: RunClock
) -> None:
    """Do the same for many series."""
    from trainer.many.options import complete  # noqa: PLC0415 - is loaded

    settings = complete(raw, place)
    with publication, _prepared_environment():
        with held_back():
            from trainer.many.work import many  # noqa: PLC0415

        many(settings, publication, clock)


def _is_other_node(raw: Namespace) -> bool:
    """Return whether node 0 is another one: this one publishes and records nothing."""
    from trainer.cluster.nodes import is_one_of_several, read_node  # noqa: PLC0415
    from trainer.many.options import KEYS  # noqa: PLC0415
    from trainer.settings import read_environment  # noqa: PLC0415

    if raw.cluster is None and raw.shard is None and is_one_of_several(read_environment()):
        raw.cluster = KEYS
    return raw.cluster is not None and read_node(read_environment()).rank > 0


def _work_for_node_0(raw: Namespace, place: RunPlace) -> int:
    """Work what node 0 hands out, in a child that is started again when it is killed."""
    from dataclasses import replace  # noqa: PLC0415

    from trainer.cluster.nodes import is_over  # noqa: PLC0415
    from trainer.cluster.supervisor import supervise  # noqa: PLC0415
    from trainer.many.options import complete  # noqa: PLC0415
    from trainer.settings import read_environment  # noqa: PLC0415

    environment = read_environment()
    given = raw.run_id, environment.get("AZUREML_RUN_ID"), environment.get("HAKOBUNE_RUN_ID")
    if not any(given):
        place = replace(place, run_id="")  # that of node 0 is another one, and cannot be known
    settings = complete(raw, place)

    def work() -> int:
        with _prepared_environment():
            with held_back():
                from trainer.cluster.worker import work_for_node_0  # noqa: PLC0415

            work_for_node_0(settings)
        return 0

    keys, run_id = settings.keys, settings.place.run_id
    return supervise(
        lambda: _caught(work, _tell), lambda: keys is not None and is_over(keys, run_id)
    )


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
    with held_back():
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


def _tell(failure: BaseException, left: str = "") -> int:
    """Show what failed, and after a signal what is `left`; return the exit code."""
    import traceback  # noqa: PLC0415

    from trainer.console import show_bug, show_error, show_stopped  # noqa: PLC0415
    from trainer.errors import TrainerError  # noqa: PLC0415

    if isinstance(failure, InterruptedBySignal):
        show_stopped(signal.Signals(failure.number).name, left)
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
