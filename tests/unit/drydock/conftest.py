"""A drydock for a test, and the SDK's client of it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hakobune.adapters.azure_ml import AzureWorkspace
from hakobune.adapters.patience import Patience, SystemClock
from hakobune.model.destination import Destination
from tests.samples import FakeReporter
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.harbour import Harbour, launch, make_client

if TYPE_CHECKING:
    from azure.ai.ml import MLClient


@pytest.fixture
def blobs() -> Iterator[BlobsInMemory]:
    store = BlobsInMemory()
    yield store
    store.close()


@pytest.fixture
def harbour(tmp_path: Path, blobs: BlobsInMemory) -> Iterator[Harbour]:
    found = launch(tmp_path / "state", blobs)
    yield found
    found.rehearsal.stop()


@pytest.fixture
def client(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> "MLClient":
    """Return the SDK's own client, with nothing but environment variables set."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith(("AZURE", "ARM_")):
            monkeypatch.delenv(name)
    for name, value in harbour.variables().items():
        monkeypatch.setenv(name, value)
    return make_client(harbour.variables())


@pytest.fixture
def cloud(harbour: Harbour, client: "MLClient") -> AzureWorkspace:
    """Return hakobune's own client of the same workspace; it asks once."""
    del client  # it sets the environment
    from azure.identity import EnvironmentCredential

    found = harbour.variables()
    names = ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE")
    subscription, group, workspace = (found[f"HAKOBUNE_{name}"] for name in names)
    to = Destination(
        subscription=subscription,
        resource_group=group,
        workspace=workspace,
        is_private_cloud=True,
    )
    patience = Patience(clock=SystemClock(), reporter=FakeReporter(), pauses_s=())
    login = EnvironmentCredential(disable_instance_discovery=True)
    return AzureWorkspace(to, patience, connect=lambda _: (make_client(found), login))
