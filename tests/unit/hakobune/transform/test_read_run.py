import json

import pytest

from hakobune.errors import OutputDamagedError
from hakobune.model.record import ManifestEntry
from hakobune.transform.read_run import read_manifest, read_metrics


def test_a_manifest_is_read_entry_by_entry() -> None:
    record = {"manifest": {"a": {"sha256": "f" * 64, "bytes": 3}}}
    assert read_manifest(json.dumps(record).encode(), place="r") == (
        ManifestEntry(name="a", sha256="f" * 64, size_bytes=3),
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"manifest": []}', b'{"manifest": {"a": {"bytes": 1}}}'],
)
def test_a_record_without_a_manifest_is_damaged(content: bytes) -> None:
    with pytest.raises(OutputDamagedError, match=r"record\.json"):
        read_manifest(content, place="record.json")


def test_metrics_are_the_numbers_at_the_top_with_all_their_digits() -> None:
    content = b"""{"schema_version": 1, "RMSE": 12.814151021334, "rows": 129, "skill": null,
                   "converged": true, "name": "x", "holdout": {"rmse": 1}}"""
    assert read_metrics(content, place="m") == (("RMSE", "12.814151021334"), ("rows", "129"))
