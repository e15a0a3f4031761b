"""The real Azure ML for the stages; apart from them, so that what asks nothing loads nothing."""

from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.adapters.patience import Patience
from hakobune.adapters.rehearsal import require_running
from hakobune.adapters.system_clock import SystemClock
from hakobune.model.clock import Clock
from hakobune.model.cloud import Cloud
from hakobune.model.destination import Destination
from hakobune.model.reporter import Reporter


def system_clock() -> Clock:
    """Return the real clock."""
    return SystemClock()


def patience(reporter: Reporter) -> Patience:
    """Return how long a service that is down is borne with."""
    return Patience(clock=system_clock(), reporter=reporter)


def no_patience(reporter: Reporter) -> Patience:
    """Return none: what does not answer at once is not waited for."""
    return Patience(clock=system_clock(), reporter=reporter, pauses_s=())


def azure_workspace(destination: Destination, reporter: Reporter) -> Cloud:
    """Return the workspace; tests pass another to each stage."""
    return AzureWorkspace(destination, patience(reporter))


def require_rehearsal(destination: Destination) -> None:
    """Raise CloudUnknownError for a rehearsal whose drydock does not answer, or is another."""
    if destination.rehearsal is not None:
        require_running(destination.rehearsal)
