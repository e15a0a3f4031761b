"""The optimum of each form of exponential smoothing beside statsforecast's, on M3 design series.

    PYTHONPATH=benchmarks .venv/bin/python -m ets_likelihood [--every 8]

A reference whose smoothing is outside the usual bounds (beta above alpha, gamma above 1 - alpha) is
counted apart: our bounds do not let it. The exit code is 1 where another reference's log-likelihood
is higher than ours by more than 0.5.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from accuracy import read_series
from search.engines import STATSFORECAST, environment
from search.protocol import Task, write_tasks
from trainer.kernel.smoothing import EtsForm

FORMS = tuple(
    error + trend + season
    for error in "AM"
    for trend in ("N", "A", "Ad")
    for season in "NAM"
    if error == "M" or season != "M"
)
MOST, CLEAR = 0.5, 0.01


def main() -> None:
    """Print how often each is higher, and by how much."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=8, help="take every so many series")
    options = parser.parse_args()
    tasks = {one.task.name: one.task for one in read_series()[:: options.every]}
    usual, outside = [], 0
    for line in _reference(list(tasks.values())):
        gain = _height(tasks[line["name"]], line["form"]) - line["height"]
        if line["is_usual"]:
            usual.append(gain)
        else:
            outside += 1
    gains = np.array(usual)
    print(f"{len(gains)} fits within the usual bounds, {outside} of statsforecast's outside")
    print(f"  ours higher by more than 1: {np.mean(gains > 1):.1%}")
    print(f"  statsforecast's higher by more than {CLEAR}: {np.mean(gains < -CLEAR):.1%}")
    print(f"  the most: {max(0.0, -gains.min()):.3f} (bound {MOST})")
    sys.exit(bool(gains.min() < -MOST))


def _reference(tasks: list[Task]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tasks")
        write_tasks(path, tasks)
        command = [STATSFORECAST.command[0], "-m", "search.run_ets_forms", ",".join(FORMS)]
        done = subprocess.run(
            [*command, str(path)], env=environment(), stdout=subprocess.PIPE, text=True, check=True
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _height(task: Task, form: str) -> float:
    """Return our log-likelihood without the constant that statsforecast leaves out."""
    values, rows = np.array(task.values), len(task.values)
    seasonal = "NAM".index(form[-1])
    trend = ("N", "A", "Ad").index(form[1:-1])
    kernel = EtsForm("AM".index(form[0]) + 1, trend, seasonal, task.season if seasonal else 1)
    scale = 2.0 ** round(np.log2(np.abs(values).mean()))
    series = values / scale
    _, value = kernel.fit(series, series, tolerance=1e-7, most=1000, starts=4)
    return float(value - rows * np.log(scale) + rows / 2 * (np.log(2 * np.pi / rows) + 1))


if __name__ == "__main__":
    main()
