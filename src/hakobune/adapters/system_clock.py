"""The real clock."""

import time


class SystemClock:
    """See `model/clock.py`."""

    def now(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
