"""A record is read only if not one byte of it is another."""

import json
import random

import pytest

from hakobune.errors import HakobuneError, RecordDamagedError, RecordFromFutureError
from hakobune.transform.read_record import read_record
from hakobune.transform.write_record import sealed, write_json

VALUES = {
    "schema_version": 2,
    "run_id": "r-ü",
    "status": "succeeded",
    "arguments": ["--order", "2,0,2"],
    "seconds": 6.25,
    "image": {"lock_sha256": "d" * 64, "base": None},
    "inputs": [{"name": "input", "path": None, "sha256": "e" * 64}],
    "manifest": {"model.bin": {"sha256": "f" * 64, "bytes": 3}},
}


def test_a_sealed_record_is_read() -> None:
    record = read_record(sealed(VALUES), place="record.json")
    assert record.run_id == "r-ü"
    assert record.image == {"lock_sha256": "d" * 64, "base": ""}
    assert record.manifest[0].name == "model.bin"
    assert record.outside is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"inputs": [{"name": "i", "path": "p", "sha256": None}]},
            "`inputs`: `sha256`: None is no",
        ),
        ({"manifest": {"m": {"sha256": "f"}}}, "`manifest`: `m`: `bytes` is missing"),
        ({"image": None}, "`image`: "),
        ({"run_id": "a\0"}, "`run_id`: "),
        ({"outside": {"hakobune": "1", "image": "--help"}}, "`outside`: `image`: '--help' is no"),
        ({"status": None}, "`status` is None"),
    ],
)
def test_the_field_that_is_wrong_is_named(change: dict[str, object], said: str) -> None:
    with pytest.raises(RecordDamagedError) as caught:
        read_record(sealed({**VALUES, **change}), place="record.json")
    assert said in caught.value.what


@pytest.mark.parametrize(
    "commit", ["--remote=runs/evil/r.git", "HEAD", "c0ffee", "C" * 40, "a" * 41]
)
def test_a_commit_that_is_no_id_is_refused(commit: str) -> None:
    document = {"path": "p", "sha256": "d" * 64}
    texts = dict.fromkeys(("hakobune", "reference", "base"), "x") | {"found_by": "labels"}
    documents = dict.fromkeys(("environment", "lock", "dockerfile", "source"), document)
    outside = {**texts, "image": f"sha256:{'a' * 64}", **documents, "is_dirty": True, "host": {}}
    outside |= {"inputs": [], "job": None}
    good = sealed({**VALUES, "outside": {**outside, "commit": "a" * 40}})
    assert read_record(good, place="record.json").outside
    with pytest.raises(RecordDamagedError, match=r"`commit`: .* is not a valid commit id"):
        read_record(sealed({**VALUES, "outside": {**outside, "commit": commit}}), place="p")


def test_each_flipped_bit_is_seen() -> None:
    content = sealed(VALUES)
    rng = random.Random(5)
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << rng.randrange(8)
        with pytest.raises(HakobuneError):
            read_record(bytes(flipped), place="record.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{}",
        sealed(VALUES)[:-1],
        sealed(VALUES) + b"\n",
        json.dumps(json.loads(sealed(VALUES))).encode(),
        sealed(VALUES).replace(b'"run_id"', b'"run_id": "other", "run_id"'),
        sealed({**VALUES, "schema_version": "2"}),
        sealed({**VALUES, "schema_version": 1}),
        sealed({**VALUES, "schema_version": 2.0}),
        sealed({**VALUES, "manifest": {"model.bin": {}}}),
        sealed({**VALUES, "arguments": [1]}),
        sealed({**VALUES, "status": "failed"}),
        sealed({name: value for name, value in VALUES.items() if name != "status"}),
        *(
            sealed({**VALUES, "manifest": {name: {"sha256": "f" * 64, "bytes": 3}}})
            for name in ("../x", "/x", "a/../../x", "")
        ),
        *(
            sealed({**VALUES, "manifest": {"x": {"sha256": "f" * 64, "bytes": count}}})
            for count in ("3", 3.5, True, -1)
        ),
        sealed(VALUES).replace(b"6.25", b"NaN"),
        b"[" * 99999,
        write_json(VALUES),
    ],
)
def test_what_is_no_record_of_ours_is_named(content: bytes) -> None:
    with pytest.raises(RecordDamagedError, match=r"^runs/x/record\.json "):
        read_record(content, place="runs/x/record.json")


def test_a_later_schema_is_told_apart_from_damage() -> None:
    with pytest.raises(RecordFromFutureError):
        read_record(write_json({"schema_version": 7, "anything": 1}), place="record.json")
