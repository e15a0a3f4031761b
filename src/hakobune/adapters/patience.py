"""Retries, with growing pauses and an end, where the network or a service is down."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from hakobune.errors import ServiceUnavailableError
from hakobune.model.reporter import Reporter

T = TypeVar("T")
# About two minutes: by then an overloaded service answers again, or a cable is plugged in again.
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class Clock(Protocol):
    """Time, passed in so that tests need not wait."""

    def now(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The real clock."""

    def now(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class TransientError(Exception):
    """A failure that may be over in a moment. It never leaves the adapters.

    `pause_s` is how long the service itself asks to wait; 0 where it says nothing.
    """

    def __init__(self, what: str, *, pause_s: float = 0) -> None:
        super().__init__(what)
        self.what = what
        self.pause_s = pause_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long a service that is down is retried, and who reports it."""

    clock: Clock
    reporter: Reporter
    pauses_s: tuple[float, ...] = PAUSES_S

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what the call returns. Raises ServiceUnavailableError after the last retry."""
        for pause in self.pauses_s:
            try:
                return call()
            except TransientError as exc:
                wait = min(max(pause, exc.pause_s), self.pauses_s[-1])
                self.reporter.say(f"{exc.what}; trying again in {wait:.0f} s")
                self.clock.sleep(wait)
        try:
            return call()
        except TransientError as exc:
            raise ServiceUnavailableError(
                exc.what + (f", {len(self.pauses_s) + 1} times in a row" if self.pauses_s else ""),
                remedy="check the network and https://status.azure.com, then run the same command "
                "again: it continues where this one stopped",
            ) from exc
