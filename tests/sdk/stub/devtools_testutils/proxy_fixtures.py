"""What Microsoft's tests import from this module."""

from devtools_testutils import Recorder as VariableRecorder

__all__ = ["VariableRecorder"]
