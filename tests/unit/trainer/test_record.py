"""record.json and failure.json: sealed, canonical, and true of the process."""

import hashlib
import json
from collections.abc import Callable

import pytest

from trainer.record import (
    InputFacts,
    RunClock,
    processor,
    write_failure_record,
    write_json,
    write_record,
)

DATA = InputFacts(path="inputs/x.csv", source="x.csv", sha256="e" * 64)
VARIABLES = {"HAKOBUNE_LOCK_SHA256": "d" * 64, "OPENBLAS_CORETYPE": "Haswell", "HOME": "/tmp"}
CLOCK = RunClock(arguments=("--order", "2,0,2"), started_s=0.0, variables=VARIABLES)


@pytest.mark.parametrize(
    "written",
    [
        lambda: write_record("r-1", CLOCK, ["a note"], {"m.json": b"{}"}, DATA),
        lambda: write_failure_record("r-1", CLOCK, ValueError("ü"), 70),
    ],
)
def test_a_record_ends_in_the_sha256_of_the_rest(written: Callable[[], bytes]) -> None:
    content = written()
    values = json.loads(content)
    assert write_json(values) == content
    assert list(values)[-1] == "sha256"
    seal = values.pop("sha256")
    assert seal == hashlib.sha256(write_json(values)).hexdigest()


def test_a_record_names_data_files_and_what_the_image_says_of_itself() -> None:
    values = json.loads(write_record("r-1", CLOCK, [], {"m.json": b"{}"}, DATA))
    assert values["schema_version"] == 2
    assert values["inputs"] == [
        {"name": "input", "path": "inputs/x.csv", "source": "x.csv", "sha256": "e" * 64}
    ]
    digest = hashlib.sha256(b"{}").hexdigest()
    assert values["manifest"] == {"m.json": {"sha256": digest, "bytes": 2}}
    assert values["image"]["lock_sha256"] == "d" * 64
    assert values["image"]["base"] is None
    assert values["numerics"]["OPENBLAS_CORETYPE"] == "Haswell"
    assert values["numerics"]["GLIBC_TUNABLES"] is None
    assert "/tmp" not in json.dumps(values["numerics"])


def test_the_processor_is_named_and_judged() -> None:
    facts = processor()
    assert set(facts) == {"model", "has_avx2_and_fma"}
    assert isinstance(facts["has_avx2_and_fma"], bool)
