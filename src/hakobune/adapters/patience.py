"""Trying again, with growing pauses and an end, where the network or a service was down."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hakobune.errors import ServiceUnavailableError
from hakobune.model.clock import Clock
from hakobune.model.reporter import Reporter

T = TypeVar("T")
# About two minutes: an overloaded service answers again, a cable is put back.
PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


class TransientError(Exception):
    """Something that may be over in a moment. It never leaves the adapters.

    `pause_s` is how long the service itself asks to wait; 0 where it says nothing.
    """

    def __init__(self, what: str, *, pause_s: float = 0) -> None:
        super().__init__(what)
        self.what = what
        self.pause_s = pause_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to bear a service that is down, and whom to tell."""

    clock: Clock
    reporter: Reporter
    pauses_s: tuple[float, ...] = PAUSES_S

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what the call returns. Raises ServiceUnavailableError when patience ends."""
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
                "again: it goes on where this one stopped",
            ) from exc
