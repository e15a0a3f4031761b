"""Ctrl-C and SIGTERM: they end the program from any point, and leave nothing half-written.

A handler raises, and notes that it did: an exception that comes in a finaliser, in a callback of
the garbage collector or in another that Python calls by itself goes no further. Then it is raised
again, soon after or at the next checkpoint.

Imports the standard library only, and little of it: the handlers must stand before all else.
"""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Python told that the exception went no further; or nobody did, and the program is not ending.
_AGAIN_SOON_S = 0.01
_AGAIN_S = 2.0


class InterruptedBySignal(BaseException):
    """The program was told to stop. No `except Exception` of a library swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return what a shell would report for a program that this signal ended."""
        return 128 + self.number


class _State:
    """The first signal that came, and whether it waits for the end of `held_back`.

    Of a process, as the handlers are. All later signals change nothing.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.number: int | None = None
        self.held = 0
        self.is_due = False


_STATE = _State()


def received() -> InterruptedBySignal | None:
    """Return the signal that came, if one did: whatever fails after it fails because of it."""
    return None if _STATE.number is None else InterruptedBySignal(_STATE.number)


def checkpoint() -> None:
    """Raise where a signal came and its exception went no further."""
    if _STATE.number is not None and not _STATE.held:
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        raise InterruptedBySignal(_STATE.number)


@contextmanager
def raised_on_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise. Also as process 1, for which they do nothing by default."""
    handlers = {**dict.fromkeys(SIGNALS, _raise), signal.SIGALRM: _raise_again}
    hook = sys.unraisablehook
    _STATE.clear()
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    sys.unraisablehook = _raised_again(hook)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)
        _STATE.clear()


def ignore_signals() -> None:
    """Let nothing disturb what is left to be done: a message and a record."""
    for number in (*SIGNALS, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals back; one that comes meanwhile takes effect at the end.

    For what must be done whole, and for imports: libraries run callbacks there, and modules in C
    turn the exception into another.
    """
    _STATE.held += 1
    try:
        yield
    finally:
        _STATE.held -= 1
        if _STATE.is_due and not _STATE.held:
            _STATE.is_due = False
            checkpoint()


def _raise(number: int, _frame: FrameType | None) -> None:
    if _STATE.number is None:
        _STATE.number = number
        _raise_again(number, None)


def _raise_again(_number: int, _frame: FrameType | None) -> None:
    if _STATE.held:
        _STATE.is_due = True
    else:
        checkpoint()


def _raised_again(hook: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Return what Python calls with an exception that goes no further."""

    def call(unraisable: Any) -> None:  # noqa: ANN401 - sys.UnraisableHookArgs is private
        if isinstance(unraisable.exc_value, InterruptedBySignal):
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_SOON_S)
        else:
            hook(unraisable)

    return call
