"""What a container's end means for the user: whose fault it was, and what to do."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hakobune.adapters import files
from hakobune.adapters.process import Runner
from hakobune.adapters.round_trip import require_round_trip
from hakobune.errors import (
    ContainerFailedError,
    EndedFromOutsideError,
    HakobuneError,
    MountElsewhereError,
    OutOfMemoryError,
    OutputsMissingError,
    TrainingFailedError,
)
from hakobune.interruption import Interrupted
from hakobune.model.container import ContainerEnd
from hakobune.model.image import Image
from hakobune.model.record import FAILURE
from hakobune.model.reporter import Reporter

_CRASHES = ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL")


@contextmanager
def gone_if_interrupted(folder: Path, *, runs: Path) -> Iterator[None]:
    """Remove a run's folder where a signal comes while inside: without its record it is half a run.

    A folder that was there before, or that does not lie in `runs`, is left alone, and so is a
    failed run, whose program has written why it ended.
    """
    place = Path(os.path.normpath(folder))
    is_new = runs in place.parents and not os.path.lexists(place)
    try:
        yield
    except (Interrupted, KeyboardInterrupt):
        if is_new and not place.is_symlink() and not (place / FAILURE).is_file():
            files.remove(place)
        raise


@contextmanager
def mounts_blamed(runner: Runner, image: Image, folder: Path) -> Iterator[None]:
    """Raise MountElsewhereError for a failure while inside, if the folder is not what it seems.

    A run that succeeds and whose outputs are here has shown that the folder is this machine's; only
    after a failure is a container asked.
    """
    try:
        yield
    except (ContainerFailedError, OutputsMissingError, TrainingFailedError) as failure:
        try:
            require_round_trip(runner, image.id, folder)
        except MountElsewhereError as exc:
            raise exc from failure
        except ContainerFailedError:
            pass  # The engine refuses every container: the first failure is the one to show.
        raise


def require_success(end: ContainerEnd, reporter: Reporter, *, what: str) -> None:
    """Raise OutOfMemoryError, EndedFromOutsideError or TrainingFailedError unless it ended with 0.

    `what` names the program in the message.
    """
    if end.exit_code == 0:
        if end.is_out_of_memory:
            reporter.say(
                f"{what} succeeded, but one of its processes was killed for lack of memory (the "
                f"limit is {end.memory}): check its results"
            )
        return
    raise _failure(end, what)


def _failure(end: ContainerEnd, what: str) -> HakobuneError:
    if end.is_out_of_memory:
        limit = f"the limit, HAKOBUNE_MEMORY, is {end.memory}"
        if not end.memory_bytes:
            limit = "the container has no limit, so the machine's own memory ran out"
        how = f"{what} was killed for lack of memory; {limit}"
        if end.exit_code != 128 + signal.SIGKILL:
            how = (
                f"{what} ended with exit code {end.exit_code} after one of its processes was "
                f"killed for lack of memory; {limit}"
            )
        return OutOfMemoryError(
            how,
            remedy="let the program use less memory, or raise the limit: HAKOBUNE_MEMORY=8g",
        )
    name = _signal_name(end.exit_code)
    if end.is_ended_by_docker:
        return EndedFromOutsideError(
            f"{what} was stopped from outside (exit code {end.exit_code}, {name}): by docker stop "
            "or docker kill",
            remedy="run it again",
        )
    if end.exit_code == 128 + signal.SIGKILL:
        return EndedFromOutsideError(
            f"{what} was killed ({name}), neither by docker nor at the container's memory limit: "
            "by another program, by itself, or by the kernel when the machine ran out of memory",
            remedy="see the kernel's log (dmesg), free memory on this machine, and run it again",
        )
    how = f", as after {name}: it crashed" if name in _CRASHES else ""
    return TrainingFailedError(
        f"{what} ended with exit code {end.exit_code}{how}",
        remedy="see the output of the program above",
    )


def _signal_name(exit_code: int) -> str:
    try:
        return signal.Signals(exit_code - 128).name
    except ValueError:
        return ""
