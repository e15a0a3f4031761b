"""All terminal text: progress and errors to stderr, the result to stdout. No colour."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

_LABEL_WIDTH = 9


class Stage:
    """A stage under way. `outcome` is told when it ends."""

    def __init__(self) -> None:
        self.outcome = ""


@contextmanager
def stage(name: str) -> Iterator[Stage]:
    """Tell what a stage did and how long it took; on a terminal also that it has begun."""
    started = time.monotonic()
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    if is_terminal:
        _say(f"{name:<{_LABEL_WIDTH}}...", end="\r")
    current = Stage()
    try:
        yield current
    except BaseException:
        if is_terminal:
            _say("")
        raise
    _say(f"{name:<{_LABEL_WIDTH}}{current.outcome}  ({time.monotonic() - started:.1f} s)")


def show_notes(notes: Sequence[str]) -> None:
    """Tell what the user may want to know about the input."""
    for note in notes:
        _say(f"{'note':<{_LABEL_WIDTH}}{note}")


def show_result(rows: Sequence[tuple[str, str]]) -> None:
    """Print the result as a table."""
    width = max(len(name) for name, _ in rows) + 2
    with suppress(OSError, ValueError, AttributeError):
        for name, value in rows:
            sys.stdout.write(f"{name:<{width}}{value}\n")
        sys.stdout.flush()


def show_error(what: str, remedy: str) -> None:
    """Tell what failed, and the next step."""
    _say(f"error: {what}\n  fix: {remedy}")


def show_stopped(signal_name: str) -> None:
    """Tell that the run was stopped from outside."""
    _say(f"stopped by {signal_name}; no output was written")


def show_bug(traceback_text: str) -> None:
    """Tell that the program is wrong, not the input."""
    _say(f"{traceback_text}\nerror: this is a bug of the trainer; please report the lines above")


def _say(text: str, end: str = "\n") -> None:
    """Write to stderr; a terminal that went away does not end the run."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text + end)
        sys.stderr.flush()
