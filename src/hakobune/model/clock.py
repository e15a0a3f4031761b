"""Time, passed in so that tests need not wait."""

from typing import Protocol


class Clock(Protocol):
    """Time that passes."""

    def now(self) -> float:
        """Return seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
