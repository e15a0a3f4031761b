import signal

import pytest

from trainer.interruption import InterruptedBySignal, held_back, raised_on_signals


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
