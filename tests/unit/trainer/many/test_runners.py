"""Processes: one that ends loses the series that it was at, and no other."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.trainer.many.tables import read_rows, usual_csv

pytestmark = [pytest.mark.process, pytest.mark.slow]
# The program as it is, but for a fit that ends its process, as an error in a library may.
DEADLY = """
import os, signal, sys
import trainer.many.series as series
from trainer.__main__ import main
whole = series.forecast_one
def forecast_one(given, rules, **told):
    if {condition} and not told.get("has_crashed"):
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(given, rules, **told)
import trainer.many.runners as runners
runners.forecast_one = forecast_one
import trainer.many.plan as plan
plan.MOST_SERIES = 5  # several batches of so few series
sys.exit(main(sys.argv[1:]))
"""
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def _call(folder: Path, program: list[str], *arguments: str) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[4]
    return subprocess.Popen(
        [sys.executable, *program, "many", *arguments],
        cwd=folder,
        env={**os.environ, **ONE_THREAD, "PYTHONPATH": str(root / "src")},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def _deadly(folder: Path, condition: str, *arguments: str) -> str:
    process = _call(folder, ["-c", DEADLY.format(condition=condition)], *arguments)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return errors


def test_a_series_that_ends_its_process_is_marked_and_the_others_are_done(tmp_path: Path) -> None:
    names = [f"s{place:02d}" for place in range(24)]
    (tmp_path / "t.csv").write_text(usual_csv(names, 12))
    deadly = "given.name in ('s03', 's04', 's20')"
    asked = ("--input", "t.csv", "--horizon", "2", "--processes", "2")
    errors = _deadly(tmp_path, deadly, *asked, "--output", "hurt")
    assert "3 crashed, 21 ok" in errors
    rows = {row["unique_id"]: row for row in read_rows(tmp_path / "hurt/metrics.csv.gz")}
    assert [n for n, row in rows.items() if row["status"] == "crashed"] == ["s03", "s04", "s20"]
    assert "the process that fitted it ended" in rows["s03"]["reason"]
    ahead = [row["unique_id"] for row in read_rows(tmp_path / "hurt/forecasts.csv.gz")]
    assert ahead == [name for name in names for _ in range(2)]


def test_a_process_that_ends_once_changes_nothing(tmp_path: Path) -> None:
    names = [f"s{place:02d}" for place in range(24)]
    (tmp_path / "t.csv").write_text(usual_csv(names, 12))
    asked = ("--input", "t.csv", "--horizon", "2", "--processes", "2")
    once = "given.name == 's07' and not os.path.exists('hit') and open('hit', 'x')"
    assert "24 ok" in _deadly(tmp_path, once, *asked, "--output", "once")
    assert "24 ok" in _deadly(tmp_path, "False", *asked, "--output", "never")
    for name in ("forecasts.csv.gz", "metrics.csv.gz", "models.sqlite"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "never" / name).read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_first(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "t.csv").write_text(usual_csv([f"s{place:03d}" for place in range(300)], 24))
    kept = tmp_path / "kept"
    asked = ("--input", "t.csv", "--processes", "2", "--output", "out", "--batches", str(kept))
    process = _call(tmp_path, ["-m", "trainer"], *asked)
    while not (kept.is_dir() and any(kept.iterdir())) and process.poll() is None:
        time.sleep(0.05)
    children = _children(process.pid)
    assert len(children) == 2
    process.send_signal(number)
    process.communicate()
    assert process.returncode == (143 if number == signal.SIGTERM else -9)
    while any(Path(f"/proc/{child}").exists() for child in children):
        time.sleep(0.05)
    assert not (tmp_path / "out" / "metrics.csv.gz").exists()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
