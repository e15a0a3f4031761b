"""CPU seconds and memory of whole runs on long series, beside the bounds that they must keep.

The series are made: a load with a day, a week and a year. The reference of a row is its bound, the
ratio is to it, and the exit code is 1 where a run needs more.

    .venv/bin/python benchmarks/long_series.py
"""

import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from measure import ROOT, report, report_head

_SEED = 20_131_231


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A run: its series, its options, and the most that it may need (None: no bound)."""

    name: str
    frequency: str
    rows: int
    options: tuple[str, ...] = ()
    cpu_s: float | None = None
    memory_mb: float | None = None


CASES = (
    Case(name="1,000 hourly rows", frequency="1h", rows=1000, cpu_s=8),
    Case(name="10,000 hourly rows", frequency="1h", rows=10_000, cpu_s=60, memory_mb=600),
    Case(
        name="(0,1,1)(0,1,0)[365], 800 daily rows",
        frequency="1D",
        rows=800,
        options=("--order", "0,1,1", "--seasonal_order", "0,1,0,365", "--backtest_windows", "0"),
        memory_mb=300,
    ),
)


def load(rows: int, frequency: str) -> npt.NDArray[np.float64]:
    """Return a load in MW: a morning and an evening peak, a weaker weekend, a year, and weather."""
    generator = np.random.default_rng(_SEED)
    step_h = pd.Timedelta(frequency) / pd.Timedelta("1h")
    hours = np.arange(rows) * step_h
    hour, day = hours % 24, (hours // 24) % 7
    shape = 0.75 + 0.18 * np.exp(-(((hour - 9) / 2.5) ** 2))
    shape += 0.28 * np.exp(-(((hour - 19) / 2.3) ** 2)) - 0.15 * np.exp(-(((hour - 4) / 3) ** 2))
    weekend = 0.75 + 0.15 * np.exp(-(((hour - 12) / 4) ** 2))
    weekend += 0.22 * np.exp(-(((hour - 19.5) / 2.5) ** 2))
    weekend -= 0.15 * np.exp(-(((hour - 5) / 3) ** 2))
    year = 1 + 0.06 * np.sin(2 * np.pi * hours / (24 * 365.25))
    weather, memory = np.zeros(rows), 0.98 ** min(step_h, 24)
    for row in range(1, rows):
        weather[row] = memory * weather[row - 1] + 0.006 * generator.normal()
    used: npt.NDArray[np.float64] = np.where(day >= 5, weekend, shape) * year  # noqa: PLR2004 - Saturday
    return 30_000 * (used + weather)


def measure(case: Case, folder: Path) -> tuple[float, float]:
    """Train in a process of its own; return its CPU seconds and its largest memory in MB."""
    path = folder / "series.csv"
    dates = pd.date_range("2024-01-01", periods=case.rows, freq=case.frequency)
    table = pd.DataFrame({"time": dates, "load": load(case.rows, case.frequency).round(1)})
    table.to_csv(path, index=False)
    command = [sys.executable, "-m", "trainer", "--input", str(path)]
    command += ["--output", str(folder / "outputs"), *case.options]
    # Compiled once, as the image is: else the run compiles statsmodels each time.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(folder / "log"), os.O_WRONLY | os.O_CREAT, 0o600),
        ],
    )
    _, status, used = os.wait4(process, 0)
    if status:
        sys.exit((folder / "log").read_text(encoding="utf-8")[-2000:])
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> int:
    """Print a row for each bound; return 1 where one is missed."""
    os.chdir(ROOT)
    report_head()
    is_missed = False
    with tempfile.TemporaryDirectory() as made:
        for place, case in enumerate((CASES[0], *CASES)):  # the first one only to compile
            folder = Path(made, str(place))
            folder.mkdir()
            cpu_s, memory_mb = measure(case, folder)
            bounds = (("CPU s", cpu_s, case.cpu_s), ("MB", memory_mb, case.memory_mb))
            for unit, value, bound in bounds if place else ():
                if bound is not None:
                    what = f"{case.name}, {unit}"
                    report(what, f"{value:.1f}", f"{bound:g}", value / bound, "<= 1")
                    is_missed |= value > bound
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
