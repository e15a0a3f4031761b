import signal

import pytest

from trainer.interruption import (
    InterruptedBySignal,
    find_interruption,
    held_back,
    raised_on_signals,
)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signal_raises_with_the_exit_code_of_a_shell(number: signal.Signals, code: int) -> None:
    with pytest.raises(InterruptedBySignal) as caught, raised_on_signals():
        signal.raise_signal(number)
    assert caught.value.exit_code == code


def test_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with raised_on_signals():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


def test_signal_that_is_held_back_takes_effect_at_the_end() -> None:
    reached = list[str]()

    def work() -> None:
        with raised_on_signals(), held_back():
            signal.raise_signal(signal.SIGTERM)
            reached.append("the end")

    with pytest.raises(InterruptedBySignal):
        work()
    assert reached == ["the end"]


def _failing_import(*, suppress: bool) -> ImportError:
    stop, failure = InterruptedBySignal(15), ImportError("initialization failed")
    failure.__context__ = stop
    failure.__cause__ = None if suppress else stop
    return failure


@pytest.mark.parametrize("suppress", [True, False])
def test_a_failure_that_a_signal_caused_is_an_interruption(suppress: bool) -> None:  # noqa: FBT001
    found = find_interruption(_failing_import(suppress=suppress))
    assert found is not None
    assert found.exit_code == 143


def test_other_failures_are_none() -> None:
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert find_interruption(first) is None
