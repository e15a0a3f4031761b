import contextlib
import gc
import os
import signal
import sys
import time
import weakref
from collections.abc import Callable

import pytest

from trainer.interruption import (
    InterruptedBySignal,
    checkpoint,
    held_back,
    ignore_signals,
    raised_on_signals,
    received,
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_raises_with_the_exit_code_of_a_shell(number: signal.Signals, code: int) -> None:
    with pytest.raises(InterruptedBySignal) as caught, raised_on_signals():
        signal.raise_signal(number)
    assert caught.value.exit_code == code


def test_handlers_and_the_hook_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM), sys.unraisablehook
    with raised_on_signals():
        assert signal.getsignal(signal.SIGTERM) != before[0]
    after = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGALRM), sys.unraisablehook
    assert after == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_signal_that_is_held_back_takes_effect_at_the_end() -> None:
    reached = list[str]()

    def work() -> None:
        with raised_on_signals(), held_back():
            with held_back():
                signal.raise_signal(signal.SIGTERM)
            reached.append("the end")

    with pytest.raises(InterruptedBySignal):
        work()
    assert reached == ["the end"]


def _in_a_finaliser(stop: Callable[[], None]) -> None:
    class Last:
        def __del__(self) -> None:
            stop()

    Last()


def _in_a_weak_reference(stop: Callable[[], None]) -> None:
    class Thing:
        pass

    thing = Thing()
    kept = weakref.ref(thing, lambda _: stop())
    del thing
    assert kept() is None


def _in_a_collection(stop: Callable[[], None]) -> None:
    def call(phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            stop()

    gc.callbacks.append(call)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(call)


@pytest.mark.parametrize("where", [_in_a_finaliser, _in_a_weak_reference, _in_a_collection])
def test_a_signal_whose_exception_goes_no_further_is_raised_again(
    where: Callable[[Callable[[], None]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        with raised_on_signals():
            where(lambda: os.kill(os.getpid(), signal.SIGTERM))
            while True:  # until the timer
                time.sleep(0.01)

    with pytest.raises(InterruptedBySignal) as caught:
        work()
    assert caught.value.number == signal.SIGTERM
    assert capsys.readouterr().err == ""


def test_an_exception_that_somebody_swallows_is_raised_at_the_next_checkpoint() -> None:
    def work() -> None:
        with raised_on_signals():
            with contextlib.suppress(BaseException):  # as libraries do
                signal.raise_signal(signal.SIGINT)
            known = received()
            assert known is not None
            assert known.number == signal.SIGINT
            with held_back():
                checkpoint()  # not here
                reached.append("the end")
            checkpoint()
            reached.append("never")

    reached = list[str]()
    with pytest.raises(InterruptedBySignal):
        work()
    assert reached == ["the end"]


def test_later_signals_disturb_nothing() -> None:
    def work() -> None:
        with raised_on_signals():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGTERM)
                ignore_signals()
                signal.raise_signal(signal.SIGALRM)

    with pytest.raises(InterruptedBySignal) as caught:
        work()
    assert caught.value.number == signal.SIGTERM


def test_without_a_signal_nothing_is_raised() -> None:
    with raised_on_signals(), held_back():
        checkpoint()
    checkpoint()
    assert received() is None


def test_another_exception_of_a_finaliser_is_told_as_ever() -> None:
    told = list[object]()

    class Last:
        def __del__(self) -> None:
            raise ValueError("x")

    before = sys.unraisablehook
    sys.unraisablehook = lambda found: told.append(found.exc_type)
    try:
        with raised_on_signals():
            Last()
    finally:
        sys.unraisablehook = before
    assert told == [ValueError]
