import hashlib
import json
from typing import Any

import pytest

from trainer.errors import SavedModelInvalidError
from trainer.record import write_json
from trainer.saved.run_manifest import read_run_manifest

VALUES: dict[str, Any] = {
    "schema_version": 2,
    "run_id": "r",
    "status": "succeeded",
    "manifest": {"metric.json": {"sha256": "a1" * 32, "bytes": 3}},
}


def sealed(**changes: object) -> bytes:
    values = VALUES | changes
    return write_json(values | {"sha256": hashlib.sha256(write_json(values)).hexdigest()})


def test_a_record_names_its_run_and_each_file_s_sha256() -> None:
    found = read_run_manifest(sealed(), "record.json")
    assert (found.run_id, found.files) == ("r", {"metric.json": "a1" * 32})


def test_every_changed_byte_is_refused() -> None:
    content = sealed()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(SavedModelInvalidError, match=r"record\.json "):
            read_run_manifest(bytes(changed), "record.json")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not the record of a run"),
        (b"[]", "not the record of a run"),
        (b"[" * 100_000, "not the record of a run"),
        (sealed(manifest=[]), "not the record of a run"),
        (sealed(manifest={"x": {"bytes": 1}}), "not the record of a run"),
        (json.dumps(VALUES).encode(), "its seal does not match"),
        (sealed(schema_version=3), "has form 3"),
        (sealed(status="failed"), "the status .failed."),
    ],
)
def test_what_vouches_for_nothing_is_told(content: bytes, told: str) -> None:
    with pytest.raises(SavedModelInvalidError, match=told):
        read_run_manifest(content, "the record")
