"""Every failure of the command line that a person can mend: its exit code and the next step.

Only `cli.py` catches these. What goes wrong inside a request is `refusal.Refusal`, an answer.
"""

from typing import ClassVar


class DrydockError(Exception):
    """Something failed that the user can mend.

    `what` is one sentence that names the place; `remedy` is the next step. Either may span lines.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class AlreadyRunningError(DrydockError):
    """A drydock with this state folder runs already."""

    exit_code = 80


class NotRunningError(DrydockError):
    """No drydock runs with this state folder."""

    exit_code = 81


class StartFailedError(DrydockError):
    """Drydock, its registry or its blob store did not come up."""

    exit_code = 82


class StateDamagedError(DrydockError):
    """A file of the state folder is not what drydock wrote."""

    exit_code = 83


class StateNotWritableError(DrydockError):
    """The state folder cannot be written."""

    exit_code = 84


class WeatherUnknownError(DrydockError):
    """No weather has this name."""

    exit_code = 85


class StopFailedError(DrydockError):
    """Drydock was told to stop and still runs."""

    exit_code = 86


class PackageMissingError(DrydockError):
    """A Python package that the stand-in needs is not installed."""

    exit_code = 87
