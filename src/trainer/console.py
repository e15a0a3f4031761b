"""All terminal text: progress and errors to stderr, the result to stdout. No colour.

Control characters are shown as escapes, whoever put them into a name or a cell.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from trainer.interruption import checkpoint
from trainer.printable import limited, printable_lines

_LABEL_WIDTH = 9
_QUIET_S = 2.0
_BETWEEN_S = 0.2
_CLEAR = "\r\x1b[K"


class Stage:
    """A stage under way. `outcome` is printed when it ends."""

    def __init__(self, name: str) -> None:
        self.outcome = ""
        self._name = name
        self._started = time.monotonic()
        self._shown = self._started + _QUIET_S - _BETWEEN_S
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()
        if self._is_terminal:
            _write(f"{name:<{_LABEL_WIDTH}}...\r")

    @property
    def seconds(self) -> float:
        """Return how long the stage has taken so far."""
        return time.monotonic() - self._started

    def progress(self, what: str, done: int, total: int | None = None) -> None:
        """Show the progress, and the time left if the total is known.

        Only on a terminal, from two seconds on, and at most five times a second. Raises where a
        signal came unnoticed.
        """
        checkpoint()
        now = time.monotonic()
        if not self._is_terminal or now - self._shown < _BETWEEN_S:
            return
        self._shown = now
        count, left = f"{done}", ""
        if total is not None and done:
            count = f"{done} of {total}"
            left = f", about {(now - self._started) * (total - done) / done:.0f} s left"
        text = limited(f"{self._name:<{_LABEL_WIDTH}}{what}: {count}{left}")
        _write(f"{_CLEAR}{text}")

    def clear(self) -> None:
        """Erase the progress from the terminal."""
        if self._is_terminal:
            _write(_CLEAR)


@contextmanager
def stage(name: str) -> Iterator[Stage]:
    """Print what a stage did and how long it took; on a terminal also its progress."""
    checkpoint()
    current = Stage(name)
    try:
        yield current
        checkpoint()
    except BaseException:
        current.clear()
        raise
    current.clear()
    _say(limited(f"{name:<{_LABEL_WIDTH}}{current.outcome}  ({current.seconds:.1f} s)"))


def show_notes(notes: Sequence[str]) -> None:
    """Print what the user should know about the input."""
    for note in notes:
        _say(limited(f"{'note':<{_LABEL_WIDTH}}{note}"))


def show_findings(sentences: Sequence[str]) -> None:
    """Print what the residuals show against the model."""
    for sentence in sentences:
        _say(limited(f"{'look':<{_LABEL_WIDTH}}{sentence}"))


def show_result(rows: Sequence[tuple[str, str]]) -> None:
    """Print the result as a table."""
    width = max(len(name) for name, _ in rows) + 2
    with suppress(OSError, ValueError, AttributeError):
        for name, value in rows:
            sys.stdout.write(limited(f"{name:<{width}}{value}") + "\n")
        sys.stdout.flush()


def show_error(name: str, what: str, remedy: str) -> None:
    """Print what failed, and the next step."""
    _say(f"error[{name}]: {what}\n  fix: {remedy}")


def show_stopped(signal_name: str, left: str) -> None:
    """Report that a signal stopped the program, and what is left, where that was checked."""
    _say(f"stopped by {signal_name}" + (f"; {left}" if left else ""))


def show_bug(traceback_text: str) -> None:
    """Report a bug of the program."""
    _say(
        f"{traceback_text}\nerror: this is a bug in the trainer; please report the traceback above"
    )


def _say(text: str) -> None:
    _write(printable_lines(text) + "\n")


def _write(text: str) -> None:
    """Write to stderr; a closed terminal does not end the run."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(text)
        sys.stderr.flush()
