import pytest

from hakobune.adapters.patience import Patience, TransientError
from hakobune.errors import ServiceUnavailableError
from tests.cloud_samples import FakeClock
from tests.samples import FakeReporter


class Service:
    """Is down for a number of calls."""

    def __init__(self, down: int, pause_s: float = 0) -> None:
        self.down, self.pause_s = down, pause_s
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.down:
            raise TransientError("job demo: the service answers 503", pause_s=self.pause_s)
        return "answer"


def test_what_is_over_in_a_moment_is_waited_out_and_told() -> None:
    clock, reporter, service = FakeClock(), FakeReporter(), Service(2)
    patience = Patience(clock=clock, reporter=reporter, pauses_s=(1, 2, 4))
    assert patience(service) == "answer"
    assert clock.slept == [1, 2]
    assert reporter.said[0] == "job demo: the service answers 503; trying again in 1 s"


def test_patience_ends_with_what_to_do() -> None:
    clock, service = FakeClock(), Service(99)
    with pytest.raises(ServiceUnavailableError, match="503, 4 times in a row") as caught:
        Patience(clock=clock, reporter=FakeReporter(), pauses_s=(1, 2, 4))(service)
    assert (service.calls, clock.slept) == (4, [1, 2, 4])
    assert "run the same command again" in caught.value.remedy


def test_a_pause_that_the_service_asks_for_is_made_within_bounds() -> None:
    clock = FakeClock()
    assert Patience(clock=clock, reporter=FakeReporter(), pauses_s=(1, 20))(Service(1, 7))
    assert Patience(clock=clock, reporter=FakeReporter(), pauses_s=(1, 20))(Service(1, 9999))
    assert clock.slept == [7, 20]


def test_without_patience_the_first_failure_counts() -> None:
    service = Service(1)
    with pytest.raises(ServiceUnavailableError) as caught:
        Patience(clock=FakeClock(), reporter=FakeReporter(), pauses_s=())(service)
    assert (service.calls, caught.value.what) == (1, "job demo: the service answers 503")


def test_other_failures_are_not_tried_again() -> None:
    calls = []

    def broken() -> None:
        calls.append(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Patience(clock=FakeClock(), reporter=FakeReporter())(broken)
    assert len(calls) == 1
