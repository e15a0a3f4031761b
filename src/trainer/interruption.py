"""Ctrl-C and SIGTERM: they end the program from any point, and leave nothing half-written.

Imports the standard library only, and little of it: the handlers must stand before all else.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class InterruptedBySignal(BaseException):
    """The program was told to stop. No `except Exception` of a library swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return what a shell would report for a program that this signal ended."""
        return 128 + self.number


def find_interruption(failure: BaseException) -> InterruptedBySignal | None:
    """Return the signal that caused `failure`, if one did.

    A module in C whose import a signal interrupts may raise ImportError from it.
    """
    seen = set[int]()
    cause: BaseException | None = failure
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, InterruptedBySignal):
            return cause
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__
    return None


@contextmanager
def raised_on_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise. Also as process 1, for which they do nothing by default."""
    before = {number: signal.signal(number, _raise) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """Let nothing disturb what is left to be done: a message and a record."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise InterruptedBySignal(number)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold signals back; one that comes meanwhile takes effect at the end."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
