"""How far the reading is, on a terminal, where it takes more than two seconds."""

import sys
import time
from contextlib import suppress

_QUIET_S = 2.0
_EVERY_S = 0.5
_WIDTH = 70


class Progress:
    """A line that is written over. Without a terminal it says nothing."""

    def __init__(self, size: int | None) -> None:
        self._size = size
        self._started = self._told = time.monotonic()
        self._is_shown = False
        self._is_terminal = sys.stderr is not None and sys.stderr.isatty()

    def tell(self, bytes_read: int, lines: int) -> None:
        """Tell how much was read, and about how long the rest takes."""
        now = time.monotonic()
        if not self._is_terminal or now - self._started < _QUIET_S or now - self._told < _EVERY_S:
            return
        self._told = now
        left = ""
        if self._size and bytes_read:
            seconds = (now - self._started) * max(self._size / bytes_read - 1, 0)
            left = f", {min(bytes_read / self._size, 1):.0%}, {seconds:.0f} s left"
        self._show(f"{'read':<9}{lines:,} lines{left}")

    def end(self) -> None:
        """Clear the line."""
        if self._is_shown:
            self._show("")

    def _show(self, text: str) -> None:
        self._is_shown = True
        with suppress(OSError, ValueError):
            sys.stderr.write(f"\r{text:<{_WIDTH}}\r")
            sys.stderr.flush()
