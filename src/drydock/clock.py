"""Time and unique names, both passed as arguments so that a test can fix them."""

import secrets
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Returns the time and waits."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Ids(Protocol):
    """Makes unique names."""

    def guid(self) -> str:
        """Return a new GUID."""
        ...

    def secret(self) -> str:
        """Return a new secret that a URL may contain."""
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
        """Return a new GUID."""
        return str(uuid.uuid4())

    def secret(self) -> str:
        """Return a new secret that a URL may contain."""
        return secrets.token_urlsafe(32)
