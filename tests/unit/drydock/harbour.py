"""A whole drydock in this process, with a blob store in memory and a runner that runs nothing."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from drydock.addresses import variables
from drydock.blob_store import AzureBlobStore
from drydock.clock import Clock, RandomIds, SystemClock
from drydock.rehearsal import Rehearsal
from drydock.services import RunningServices
from drydock.workspace_state import WorkspaceState, open_workspace_state
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.machine_fakes import MemoryStore
from tests.unit.drydock.runner_in_process import RunnerInProcess

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Harbour:
    """A running drydock and what lies under it."""

    rehearsal: Rehearsal
    blobs: BlobsInMemory
    runner: RunnerInProcess

    def variables(self) -> dict[str, str]:
        """Return what a client's environment needs."""
        state = self.rehearsal.workspace_state
        return variables(state.workspace, self.rehearsal.addresses)


def launch(state: Path, blobs: BlobsInMemory, *, is_keyless: bool = False) -> Harbour:
    runner = RunnerInProcess(blobs.containers, blobs.metadata)
    services = RunningServices(
        store=AzureBlobStore(dataclasses.replace(blobs.account, is_keyless=is_keyless)),
        registry="127.0.0.1:1",
        container_ids=(),
        runner=runner,
        sweep=lambda keep: (),
        stop=lambda: ("the services",),
    )
    rehearsal = Rehearsal(state, services, clock=SystemClock(), ids=RandomIds())
    return Harbour(rehearsal=rehearsal, blobs=blobs, runner=runner)


def make_state(state: Path, clock: Clock | None = None) -> WorkspaceState:
    """Return what a state folder holds, without any server."""
    return open_workspace_state(
        state,
        address="https://127.0.0.1:1",
        blobs=MemoryStore(),
        clock=clock or SystemClock(),
        ids=RandomIds(),
    )


def make_client(found: dict[str, str]) -> "MLClient":
    from azure.ai.ml import MLClient
    from azure.identity import DefaultAzureCredential

    return MLClient(
        DefaultAzureCredential(),
        found["HAKOBUNE_SUBSCRIPTION"],
        found["HAKOBUNE_RESOURCE_GROUP"],
        found["HAKOBUNE_WORKSPACE"],
    )
