"""The wheel of the training program, made as `pip wheel ./src/trainer` makes it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.process
def test_the_wheel_holds_the_program_and_the_kernel_of_the_image(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT / "src/trainer",
        check=True,
        capture_output=True,
    )
    (path,) = tmp_path.glob("*.whl")
    assert path.name.endswith("-py3-none-manylinux_2_28_x86_64.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        kernel = wheel.read("trainer/kernel/arima.so")
    assert kernel == (ROOT / "src/trainer/kernel/arima.so").read_bytes()
    modules = {str(p.relative_to(ROOT / "src")) for p in (ROOT / "src/trainer").rglob("*.py")}
    assert modules - names == {"trainer/hatch_build.py"}
    assert not [name for name in names if name.endswith((".c", ".h", ".toml"))]
