"""All that a request may touch, in one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drydock.clock import Clock, Ids
from drydock.scope import Scope
from drydock.state.assets import Assets, Fixed
from drydock.state.computes import Computes
from drydock.state.datastores import datastores
from drydock.state.jobs import Jobs
from drydock.state.tracking import Tracking
from drydock.state.workspace import Workspace, open_workspace
from drydock.storage import BlobStore
from drydock.weather import Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The workspace and everything in it. `address` is where the management plane answers."""

    address: str
    workspace: Workspace
    clock: Clock
    ids: Ids
    weather: Weather
    blobs: BlobStore
    computes: Computes
    environments: Assets
    codes: Assets
    data: Assets
    models: Assets
    jobs: Jobs
    tracking: Tracking

    @property
    def scope(self) -> Scope:
        """Where the workspace lies."""
        return self.workspace.scope


def open_world(state: Path, *, address: str, blobs: BlobStore, clock: Clock, ids: Ids) -> World:
    """Return what the state folder holds, with the containers of the datastores in place."""
    workspace = open_workspace(state, ids)
    folder = state / "resources"
    for datastore in datastores(workspace.scope):
        blobs.ensure_container(datastore.container)

    def assets(name: str, kind: str, *fixed: str) -> Assets:
        return Assets(folder / name, kind=kind, fixed=_fixed(fixed), clock=clock)

    return World(
        address=address,
        workspace=workspace,
        clock=clock,
        ids=ids,
        weather=Weather(state),
        blobs=blobs,
        computes=Computes(folder, clock=clock, ids=ids),
        environments=assets("environments", "Environment", "image", "condaFile", "build"),
        codes=assets("codes", "Code", "codeUri"),
        data=assets("data", "Data", "dataUri", "dataType"),
        models=assets("models", "Model", "modelUri", "modelType"),
        jobs=Jobs(folder / "jobs", clock=clock),
        tracking=Tracking(folder / "tracking"),
    )


def _fixed(names: tuple[str, ...]) -> Fixed:
    """Return what reads these parts of a version's properties; empty and missing are the same."""

    def read(given: Mapping[str, Any]) -> object:
        return tuple(given.get(name) or None for name in names)

    return read
