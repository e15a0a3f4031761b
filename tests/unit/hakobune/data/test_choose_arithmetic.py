"""The program that each Python of an image runs first, on emulated processors."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).resolve().parents[4] / "src/hakobune/data/choose_arithmetic.py"
SHOW = "import runpy, os, sys; runpy.run_path(sys.argv[1]); print(os.environ.get('{}'))".format(
    "OPENBLAS_CORETYPE"
)


def chosen(*emulator: str, **env: str) -> str:
    done = subprocess.run(
        [*emulator, sys.executable, "-c", SHOW, str(PROGRAM)],
        env={"PATH": os.defpath, **env},
        capture_output=True,
        text=True,
        check=True,
        timeout=600,
    )
    return done.stdout.strip()


@pytest.mark.process
@pytest.mark.slow
@pytest.mark.parametrize(
    ("processor", "tunables", "expected"),
    [
        ("Nehalem", "", "Nehalem"),
        ("SandyBridge", "", "Nehalem"),
        ("Haswell-v1", "", "Haswell"),
        ("EPYC", "", "Haswell"),
        ("Haswell-v1", "glibc.cpu.hwcaps=-FMA", "Nehalem"),
    ],
)
def test_an_older_processor_gets_code_that_it_can_run(
    processor: str, tunables: str, expected: str
) -> None:
    emulator = shutil.which("qemu-x86_64")
    if emulator is None:
        pytest.skip("qemu-x86_64 is not on this host (Debian: qemu-user)")
    command = (emulator, "-cpu", processor)
    variables = {"OPENBLAS_CORETYPE": "Haswell", "GLIBC_TUNABLES": tunables}
    assert chosen(*command, **variables) == expected
    assert chosen(*command, **variables | {"OPENBLAS_CORETYPE": "Zen"}) == "Zen"


@pytest.mark.process
def test_without_the_image_s_variable_nothing_is_chosen() -> None:
    assert chosen() == "None"
    assert chosen(OPENBLAS_CORETYPE="") == ""


def test_it_loads_nothing_that_is_slow_where_there_is_nothing_to_choose() -> None:
    text = PROGRAM.read_text(encoding="utf-8")
    imported = [line for line in text.splitlines() if line.startswith(("import", "from"))]
    assert imported == ["from __future__ import annotations", "import os"]
