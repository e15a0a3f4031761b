"""record.json and failure.json: sealed, canonical, and true of the process."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from trainer.errors import InputMissingError
from trainer.record import (
    NOT_CLAIMED,
    InputFacts,
    RunClock,
    processor,
    processor_notes,
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


@pytest.mark.parametrize("is_claimed", [True, False])
def test_a_processor_of_which_nothing_is_claimed_is_a_note(
    monkeypatch: pytest.MonkeyPatch, *, is_claimed: bool
) -> None:
    monkeypatch.setattr("trainer.record.has_avx2_and_fma", lambda: is_claimed)
    assert processor_notes() == (() if is_claimed else (NOT_CLAIMED,))
    assert processor()["has_avx2_and_fma"] is is_claimed


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "tunables", "expected"),
    [
        ("Nehalem", "", False),
        ("SandyBridge", "", False),
        ("Haswell-v1", "", True),
        ("EPYC", "", True),
        ("Haswell-v1", "glibc.cpu.hwcaps=-FMA", False),
        ("Haswell-v1", "glibc.cpu.hwcaps=-AVX2", False),
    ],
)
def test_the_processor_itself_is_asked_and_not_the_host(
    name: str, tunables: str, *, expected: bool
) -> None:
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        pytest.skip("qemu-x86_64 is not on this host (Debian: qemu-user)")
    source = str(Path(__file__).resolve().parents[3] / "src")
    program = "from trainer.record import has_avx2_and_fma as f; print(f())"
    done = subprocess.run(
        [emulator, "-cpu", name, sys.executable, "-c", program],
        env={"PATH": os.defpath, "PYTHONPATH": source, "GLIBC_TUNABLES": tunables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.returncode) == (str(expected), 0), done.stderr


def test_a_failure_holds_no_secret_of_the_environment_or_of_an_address() -> None:
    clock = replace(
        CLOCK,
        arguments=("--input", "https://x.example/a.csv?sv=1&sig=abc%2Bdef&se=2"),
        variables={"MLFLOW_TRACKING_TOKEN": "eyJ.long.token", "HOME": "/home/me", "A_KEY": "short"},
    )
    why = "401 for eyJ.long.token at https://me:pass@word.example of /home/me; a short story"
    found = json.loads(write_failure_record("r-1", clock, ValueError(why), 70))
    assert found["what"] == "401 for *** at https://me:***@word.example of /home/me; a short story"
    assert found["arguments"][1] == "https://x.example/a.csv?sv=1&sig=***&se=2"


def test_a_failure_is_never_longer_than_hakobune_reads() -> None:
    failure = InputMissingError("w\0" * 100_000, remedy="\0" * 100_000)
    clock = replace(CLOCK, arguments=("\0" * 10_000,) * 10_000)
    content = write_failure_record("r-1", clock, failure, 2)
    assert len(content) < 64 * 1024
    assert json.loads(content)["what"].endswith("…")
