"""Everything that a request may read or change, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drydock.arm_ids import ArmIds
from drydock.blob_store import BlobStore
from drydock.clock import Clock, Ids
from drydock.faults import Faults
from drydock.state.assets import Assets, Fixed
from drydock.state.computes import Computes
from drydock.state.datastores import ARTIFACT_STORE, DEFAULT, Datastores
from drydock.state.jobs import Jobs
from drydock.state.tracking import Tracking
from drydock.state.workspace import Workspace, open_workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceState:
    """The workspace and everything in it. `address` is the URL of the management plane."""

    address: str
    workspace: Workspace
    clock: Clock
    ids: Ids
    faults: Faults
    blobs: BlobStore
    computes: Computes
    datastores: Datastores
    environments: Assets
    codes: Assets
    data: Assets
    models: Assets
    jobs: Jobs
    tracking: Tracking

    @property
    def arm_ids(self) -> ArmIds:
        """The ARM ids of the workspace."""
        return self.workspace.arm_ids


def open_workspace_state(
    state: Path, *, address: str, blobs: BlobStore, clock: Clock, ids: Ids
) -> WorkspaceState:
    """Return what the state folder holds, and create the containers of the datastores."""
    workspace = open_workspace(state, ids)
    folder = state / "resources"
    datastores = Datastores(folder / "datastores", ids=workspace.arm_ids, clock=clock)
    for name in (DEFAULT, ARTIFACT_STORE):
        blobs.ensure_container(datastores.container(name))

    def assets(name: str, kind: str, *fixed: str) -> Assets:
        return Assets(folder / name, kind=kind, fixed=_fixed(fixed), clock=clock)

    return WorkspaceState(
        address=address,
        workspace=workspace,
        clock=clock,
        ids=ids,
        faults=Faults(state),
        blobs=blobs,
        computes=Computes(folder, clock=clock, ids=ids),
        datastores=datastores,
        environments=assets("environments", "Environment", "image", "condaFile", "build"),
        codes=assets("codes", "Code", "codeUri"),
        data=assets("data", "Data", "dataUri", "dataType"),
        models=assets("models", "Model", "modelUri", "modelType"),
        jobs=Jobs(folder / "jobs", clock=clock),
        tracking=Tracking(folder / "tracking"),
    )


def _fixed(names: tuple[str, ...]) -> Fixed:
    """Return a function that reads these properties; empty and missing are the same."""

    def read(given: Mapping[str, Any]) -> object:
        return tuple(given.get(name) or None for name in names)

    return read
