"""Ctrl-C, SIGTERM and a closed terminal: each ends the command, from any point, exactly once.

A handler that only raises can be lost: Python drops what is raised in a `__del__`, in a weak
reference's callback or in a callback of the garbage collector, and a library may drop it too. So
the handler notes the signal, raises, and a timer asks again until the exception is on its way up.
In functions that must not stop halfway (an import, the start of a program, one write of a file) it
waits until they have returned.

Imports little: `hakobune.__main__` loads it before everything else.
"""

import signal
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TypeVar

_AGAIN_S = 0.02
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Of the standard library: what they create would be left behind, with nobody who knows its name.
_STANDARD = {
    ("subprocess", "Popen.__init__"),
    ("tempfile", "TemporaryDirectory.__init__"),
    ("tempfile", "TemporaryDirectory.__exit__"),
    ("tempfile", "TemporaryDirectory.cleanup"),
    ("tempfile", "TemporaryDirectory._cleanup"),
    ("tempfile", "NamedTemporaryFile"),
}
_IMPORT_SYSTEM = "<frozen importlib._bootstrap"
_AnyFunction = TypeVar("_AnyFunction", bound=Callable[..., object])

_uninterrupted = set[CodeType]()
_came = 0
_outermost: CodeType | None = None


class Interrupted(BaseException):
    """The command was told to stop. No `except Exception` swallows it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """Return what a shell reports for a program that this signal ended."""
        return 128 + self.number

    def __str__(self) -> str:
        """Return how a message puts it."""
        if self.number == signal.SIGINT:
            return "interrupted"
        return f"terminated by {signal.Signals(self.number).name}"


def uninterrupted(function: _AnyFunction) -> _AnyFunction:
    """Mark a function that a signal does not stop halfway: it takes effect at its end."""
    _uninterrupted.add(function.__code__)
    return function


def raise_if_interrupted() -> None:
    """Raise Interrupted where a signal came and its exception was lost on the way.

    For the start of a function that must not stop halfway; within another one it raises nothing.
    """
    asking = sys._getframe(1)  # noqa: SLF001 - the stack, as a handler gets it
    above = None if asking.f_code is _outermost else asking.f_back
    if _came and not _is_under_way() and not _must_return_first(above):
        raise Interrupted(_came)


def signal_that_came() -> int:
    """Return the number of the first signal that came; 0: none."""
    return _came


class raised_on_signals:  # noqa: N801 - used as a statement, like contextlib.suppress
    """Let each of the signals raise Interrupted while inside; one that is ignored stays ignored.

    `outermost` is the code of the caller's function: what called it is not looked at.
    """

    def __init__(self, outermost: CodeType) -> None:
        self.outermost = outermost

    @uninterrupted
    def __enter__(self) -> None:
        """Take the handlers' place."""
        global _came, _outermost
        _came, _outermost = 0, self.outermost
        self.hook = sys.unraisablehook
        sys.unraisablehook = _quiet(self.hook)
        self.before = {signal.SIGALRM: signal.signal(signal.SIGALRM, _ask_again)}
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup has SIGHUP ignored
                self.before[number] = signal.signal(number, _arrived)

    @uninterrupted
    def __exit__(self, *_: object) -> None:
        """Put the former handlers back."""
        global _came  # noqa: PLW0603 - a process has one set of handlers
        _came = 0
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self.before.items():
            signal.signal(number, handler)
        sys.unraisablehook = self.hook


def _arrived(number: int, frame: FrameType | None) -> None:
    global _came  # noqa: PLW0603 - as above
    _came = _came or number
    signal.setitimer(signal.ITIMER_REAL, _AGAIN_S, _AGAIN_S)
    _ask_again(number, frame)


def _ask_again(_number: int, frame: FrameType | None) -> None:
    if _came and not _is_under_way() and not _must_return_first(frame):
        raise Interrupted(_came)


def _is_under_way() -> bool:
    """Tell whether a `finally`, an `except` or the end of a `with` runs because of the signal."""
    seen = set[int]()
    failure = sys.exc_info()[1]
    while failure is not None and id(failure) not in seen:
        if isinstance(failure, Interrupted):
            return True
        seen.add(id(failure))
        failure = failure.__cause__ or failure.__context__
    return False


def _must_return_first(frame: FrameType | None) -> bool:
    """Tell whether a function that must not stop halfway is running."""
    while frame is not None and frame.f_code is not _outermost:
        code = frame.f_code
        if code in _uninterrupted or code.co_filename.startswith(_IMPORT_SYSTEM):
            return True
        if (frame.f_globals.get("__name__"), code.co_qualname) in _STANDARD:
            return True
        frame = frame.f_back
    return False


def _quiet(
    hook: Callable[["sys.UnraisableHookArgs"], object],
) -> Callable[["sys.UnraisableHookArgs"], object]:
    """Return the hook for dropped exceptions, without a word about ours: it is raised again."""

    def shown(dropped: "sys.UnraisableHookArgs") -> None:
        if not isinstance(dropped.exc_value, Interrupted):
            hook(dropped)

    return shown
