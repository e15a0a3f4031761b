"""A drydock for a test, and the SDK's client of it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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
