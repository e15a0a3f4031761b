"""Every failure of the command line that a person can correct: what, where, and the next step.

The families, their exit codes and the form of an error are those of `hakobune.errors`, which
drydock does not import; a test compares them. Only `cli.py` catches these errors. A failure inside
a request is a `refusal.Refusal`, which becomes an answer.
"""

import re
from typing import ClassVar

# What a command says where a library is missing: the extra `rehearsal`, by names that an index has.
INSTALL = (
    "add the extra: uv tool install 'FILE.whl[rehearsal]' with the tool's wheel (pipx alike), or "
    "beside it: pip install azure-ai-ml azure-identity azure-storage-blob docker mfusepy pyjwt"
)


class DrydockError(Exception):
    """Something failed that the user can correct.

    `what` is one sentence that says what failed, `place` the file if there is one, `remedy` the
    next step. `what` and `remedy` may span lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str, place: str = "") -> None:
        super().__init__(f"{place}: {what}" if place else what)
        self.what = what
        self.remedy = remedy
        self.place = place

    @classmethod
    def name(cls) -> str:
        """Return the class's stable name: `NotRunningError` is `not-running`."""
        words = re.findall(r"[A-Z][a-z0-9]*", cls.__name__.removesuffix("Error"))
        return "-".join(words).lower()


class UsageError(DrydockError):
    """The command names something that does not exist or has the wrong form: correct it."""

    exit_code = 2


class FaultUnknownError(UsageError):
    """Drydock cannot inject a fault with this name."""


class PrerequisiteError(DrydockError):
    """This machine lacks something that the command needs: install or start it."""

    exit_code = 5


class NotRunningError(PrerequisiteError):
    """No drydock is running with this state folder."""


class StartFailedError(PrerequisiteError):
    """Drydock, its registry or its blob store did not start."""


class PackageMissingError(PrerequisiteError):
    """A Python package that drydock needs is not installed."""


class MachineError(DrydockError):
    """The disk, the memory, a file or another command of this machine prevents it."""

    exit_code = 13


class AlreadyRunningError(MachineError):
    """A drydock with this state folder is already running."""


class StateDamagedError(MachineError):
    """A file in the state folder is not what drydock wrote."""


class StateNotWritableError(MachineError):
    """The state folder is not writable."""


class StopFailedError(MachineError):
    """Drydock is still running after it was asked to stop."""
