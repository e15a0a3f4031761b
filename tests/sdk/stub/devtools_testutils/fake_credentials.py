"""A login for replayed tests, which a live run never makes."""

SANITIZED = "Sanitized"


class FakeTokenCredential:
    """Never made: every run is live."""
