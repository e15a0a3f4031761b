"""What Microsoft's tests import from this module."""

from devtools_testutils import is_live_and_not_recording

__all__ = ["is_live_and_not_recording"]
