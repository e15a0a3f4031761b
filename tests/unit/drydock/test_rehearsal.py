"""Start, stop, start again; two side by side."""

from pathlib import Path

import pytest

from drydock.addresses import read_addresses
from drydock.errors import AlreadyRunningError
from drydock.rehearsal import only_one
from tests.unit.drydock.asking import IMAGE, Asker, end_of, with_a_job
from tests.unit.drydock.blobs_in_memory import BlobsInMemory
from tests.unit.drydock.harbour import launch

pytestmark = pytest.mark.e2e


def test_started_again_it_answers_at_the_same_addresses_and_knows_everything(
    tmp_path: Path, blobs: BlobsInMemory
) -> None:
    before = launch(tmp_path, blobs)
    with_a_job(Asker(before).login())
    assert end_of(Asker(before)) == "Completed"
    assert before.rehearsal.stop() == ("the services",)
    stopped = read_addresses(tmp_path)
    assert stopped is not None
    assert stopped.pid is None
    after = launch(tmp_path, blobs)
    try:
        assert after.variables() == before.variables()
        asker = Asker(after).login()
        assert asker.arm("GET", "/jobs/job1").body["properties"]["status"] == "Completed"
        assert (
            asker.arm("GET", "/environments/arima/versions/1").body["properties"]["image"] == IMAGE
        )
    finally:
        after.rehearsal.stop()


def test_two_rehearsals_run_side_by_side_and_share_nothing(tmp_path: Path) -> None:
    stores = (BlobsInMemory(), BlobsInMemory())
    one, other = (launch(tmp_path / str(n), store) for n, store in enumerate(stores))
    try:
        ports = [
            found.rehearsal.addresses.port_of(name)
            for found in (one, other)
            for name in ("management_url", "gateway", "proxy")
        ]
        assert len(set(ports)) == 6
        secrets = ("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "HAKOBUNE_SUBSCRIPTION")
        for name in secrets:
            assert one.variables()[name] != other.variables()[name]
        with_a_job(Asker(one).login())
        assert end_of(Asker(one)) == "Completed"
        assert Asker(other).login().arm("GET", "/jobs").body["value"] == []
        one.rehearsal.stop()
        assert Asker(other).login().arm("GET", "").status == 200
    finally:
        other.rehearsal.stop()
        for store in stores:
            store.close()


def test_a_taken_port_is_replaced_by_a_free_one(tmp_path: Path, blobs: BlobsInMemory) -> None:
    first = launch(tmp_path, blobs)
    try:
        second = launch(tmp_path, blobs)  # the same addresses are noted, and in use
        try:
            assert second.rehearsal.addresses.proxy != first.rehearsal.addresses.proxy
        finally:
            second.rehearsal.stop()
    finally:
        first.rehearsal.stop()


def test_a_second_drydock_on_one_folder_is_refused(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunningError), only_one(tmp_path):
        pass
