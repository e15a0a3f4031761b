import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
SOURCE = Path(__file__).resolve().parents[3] / "src"
HEAVY = {
    "numpy",
    "pandas",
    "scipy",
    "statsmodels",
    "pmdarima",
    "matplotlib",
    "joblib",
    "trainer.input.data",
}


def _start(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environment = {"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"], "TMPDIR": str(temporary)}
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "trainer",
            "--output",
            "out/{run_id}",
            "--run_id",
            "r1",
            *arguments,
        ],
        cwd=tmp_path,
        env=environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _wait_for(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the waiting folder is there: the handlers stand, the libraries begin to load."""
    deadline = time.monotonic() + 300
    while not list(folder.glob(".trainer-*")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("number", "code", "after_s"),
    [
        (signal.SIGINT, 130, 0.0),
        pytest.param(signal.SIGTERM, 143, 0.3, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, 2.0, marks=pytest.mark.slow),
    ],
)
def test_signal_ends_the_run_with_nothing_half_written(
    tmp_path: Path, number: signal.Signals, code: int, after_s: float
) -> None:
    process = _start(tmp_path)
    _wait_for(tmp_path / "out", process)
    time.sleep(after_s)
    process.send_signal(number)
    shown, errors = process.communicate(timeout=300)
    assert process.returncode == code, errors
    assert shown == ""
    assert errors.splitlines()[-1] == f"stopped by {number.name}; no output was written"
    assert "Traceback" not in errors
    files = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {"out/r1/failure.json"}
    assert not list((tmp_path / "tmp").iterdir())
    failure = json.loads((tmp_path / "out" / "r1" / "failure.json").read_text())
    assert failure["exit_code"] == code


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom trainer.__main__ import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sorted(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--model_name" in done.stdout
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "trainer.settings" in loaded
    assert not loaded & HEAVY
