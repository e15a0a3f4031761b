"""Time and fresh names, both handed to whoever needs them so that a test can fix them."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What tells the time and waits."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Ids(Protocol):
    """What makes names that nobody has yet."""

    def guid(self) -> str:
        """Return a fresh GUID."""
        ...

    def secret(self) -> str:
        """Return a fresh secret, good for a URL."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class RandomIds:
    """Names from the machine's source of randomness."""

    def guid(self) -> str:
        """Return a fresh GUID."""
        return str(uuid.uuid4())

    def secret(self) -> str:
        """Return a fresh secret, good for a URL."""
        return secrets.token_urlsafe(32)
