"""Many series: what is not fitting, two processes, memory, and the engines of SCUM.

    PYTHONPATH=src:benchmarks .venv/bin/python benchmarks/many.py [--series 10000] [--short 100000]

Each line is a ratio of one run, or of runs that took turns. Exits with 1 where one misses its
bound. A size of 0 leaves a part out; `--scum` needs .venv-bench (`make .venv-bench/ready`).
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from accuracy import SCUM, scum_engine
from search.engines import environment, replies
from search.protocol import Task

_BOUNDS = {
    "CPU besides fitting": ("<=", 0.08),
    "two processes against two programs": (">=", 0.95),
    "memory of the largest growth": ("<=", 1.1),
    "CPU of SCUM": (">=", 3.0),
    "CPU milliseconds of a series of three points": ("<=", 1.0),
}
_MONTHS, _SEASON, _HORIZON = 100, 12, 12
_SHORT_ROWS, _FIRST, _TINY_ROWS = 6, 1000, 3
# The program, with the seconds of each fit in a file of each process.
_TIMED = """
import os, sys, time
import trainer.many.series as series
whole = series.forecast_series
def forecast_series(*values, **told):
    began = time.process_time()
    try:
        return whole(*values, **told)
    finally:
        with open(os.path.join(os.environ["FITS"], str(os.getpid())), "a") as file:
            file.write(f"{time.process_time() - began}\\n")
series.forecast_series = forecast_series
from trainer.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def main() -> int:
    """Print what was measured; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=10_000, help="monthly, of 100 points")
    parser.add_argument("--pair", type=int, default=1_000, help="of them, for two processes")
    parser.add_argument("--turns", type=int, default=3, help="of the two processes")
    parser.add_argument("--short", type=int, default=100_000, help="series of 6 points")
    parser.add_argument("--tiny", type=int, default=30_000, help="series of 3 points")
    parser.add_argument("--scum", type=int, default=500, help="of the series, by statsforecast")
    given = parser.parse_args()
    found = dict[str, float]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if given.series:
            share, ours = besides_fitting(folder, given.series)
            found["CPU besides fitting"] = share
            if given.scum:
                found["CPU of SCUM"] = scum(given.scum) / ours
        if given.pair:
            ratio = two_processes(folder, given.pair, given.turns)
            found["two processes against two programs"] = ratio
        if given.short:
            found["memory of the largest growth"] = memory(folder, given.short)
        if given.tiny:
            found["CPU milliseconds of a series of three points"] = tiny(folder, given.tiny)
    holds = [is_within(name, value) for name, value in found.items()]
    return int(not all(holds))


def is_within(name: str, value: float) -> bool:
    """Print a ratio and its bound; return whether it holds."""
    sign, bound = _BOUNDS[name]
    is_held = value <= bound if sign == "<=" else value >= bound
    print(f"{name}: {value:.3f} (bound: {sign} {bound}){'' if is_held else '  MISSED'}", flush=True)
    return is_held


def besides_fitting(folder: Path, count: int) -> tuple[float, float]:
    """Return the share of CPU that is not a fit, and the CPU seconds of a series."""
    table = folder / "monthly.csv"
    write_table(table, range(count), _MONTHS)
    fits = folder / "fits"
    fits.mkdir()
    before = cpu_of_children()
    command = [sys.executable, "-c", _TIMED, *arguments(table, folder / "timed", 2)]
    finish(start(command, FITS=str(fits)))
    total = cpu_of_children() - before
    seconds = [float(line) for path in fits.iterdir() for line in path.read_text().split()]
    assert len(seconds) == count
    print(
        f"{count} monthly series: {total:.1f} CPU s, of which fits {sum(seconds):.1f}; "
        f"{1000 * total / count:.1f} ms a series",
        flush=True,
    )
    return 1 - sum(seconds) / total, total / count


def scum(count: int) -> float:
    """Return the CPU seconds that the four engines of SCUM take for a series."""
    tasks = [
        Task(
            name=str(place),
            values=tuple(values_of(place, _MONTHS)),
            season=_SEASON,
            horizon=_HORIZON,
        )
        for place in range(count)
    ]
    seconds = 0.0
    for name in SCUM:
        found = replies(scum_engine(name), tasks)
        assert len(found) == count
        seconds += sum(reply.cpu_s for reply in found.values())
    print(f"SCUM: {1000 * seconds / count:.1f} ms a series, of {count}", flush=True)
    return seconds / count


def two_processes(folder: Path, count: int, turns: int) -> float:
    """Return how fast two processes are, where two programs with half of the series each are 1."""
    whole, halves = folder / "whole.csv", [folder / f"half{part}.csv" for part in (0, 1)]
    write_table(whole, range(count), _MONTHS)
    for part, path in enumerate(halves):
        write_table(path, range(part, count, 2), _MONTHS)
    ratios = []
    for turn in range(turns):
        together = elapsed([command_of(whole, folder / f"w{turn}", 2)])
        apart = elapsed([command_of(path, folder / f"{path.stem}{turn}", 1) for path in halves])
        ratios.append(apart / together)
        print(
            f"{count} series: two processes {together:.1f} s, two programs {apart:.1f} s",
            flush=True,
        )
    return statistics.median(ratios)


def memory(folder: Path, count: int) -> float:
    """Return the largest growth of a process's memory after the first thousand series."""
    table, kept = folder / "short.csv", folder / "kept"
    write_table(table, range(count), _SHORT_ROWS)
    command = [*command_of(table, folder / "short", 2), "--batches", str(kept)]
    process = start(command)
    first, last = dict[int, int](), dict[int, int]()
    while process.poll() is None:
        batches = len(list(kept.iterdir())) if kept.is_dir() else 0
        for pid in (process.pid, *children(process.pid)):
            size = resident(pid)
            if size and batches * 400 >= _FIRST:
                first.setdefault(pid, size)
                last[pid] = max(last.get(pid, 0), size)
        time.sleep(0.05)
    finish(process)
    for pid, size in first.items():
        kind = "first" if pid == process.pid else "worker"
        print(f"{count} short series, {kind}: {size / 1e6:.0f} MB, then {last[pid] / 1e6:.0f} MB")
    return max(last[pid] / size for pid, size in first.items())


def tiny(folder: Path, count: int) -> float:
    """Return the CPU milliseconds of a series of three points, reading and writing included."""
    table = folder / "tiny.csv"
    write_table(table, range(count), _TINY_ROWS)
    before = cpu_of_children()
    finish(start(command_of(table, folder / "tiny", 1)))
    return 1000 * (cpu_of_children() - before) / count


def write_table(path: Path, places: Sequence[int], rows: int) -> None:
    """Write series with a trend and a season, each from a seed of its own."""
    first = np.datetime64("2010-01", "M")
    dates = [f"{first + step}-01" for step in range(rows)]
    with path.open("w", encoding="utf-8") as file:
        file.write("unique_id,ds,y\n")
        for place in places:
            pairs = zip(dates, values_of(place, rows), strict=True)
            file.writelines(f"s{place:07d},{date},{value:.2f}\n" for date, value in pairs)


def values_of(place: int, rows: int) -> list[float]:
    """Return the values of a series."""
    random, steps = np.random.default_rng(place), np.arange(rows)
    season = random.uniform(0, 20) * np.sin(2 * np.pi * steps / _SEASON)
    values = 200 + random.normal(0, 0.5) * steps + season + random.normal(0, 5, rows)
    return [round(float(value), 2) for value in values + np.cumsum(random.normal(0, 1, rows))]


def arguments(table: Path, output: Path, processes: int) -> list[str]:
    """Return the arguments of a run."""
    asked = ["--horizon", str(_HORIZON), "--processes", str(processes)]
    return ["many", "--input", str(table), "--output", str(output), *asked]


def command_of(table: Path, output: Path, processes: int) -> list[str]:
    """Return the command of a run."""
    return [sys.executable, "-m", "trainer", *arguments(table, output, processes)]


def start(command: Sequence[str], **variables: str) -> subprocess.Popen[bytes]:
    """Start a command, one thread."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, env=environment(variables), **quiet)  # type: ignore[call-overload,no-any-return]  # of a dict


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of a command that has to succeed."""
    if process.wait() != 0:
        sys.exit(f"exit code {process.returncode}: {process.args!r}")


def elapsed(commands: Sequence[Sequence[str]]) -> float:
    """Return the seconds until the last of the commands ends."""
    began = time.monotonic()
    for process in [start(command) for command in commands]:
        finish(process)
    return time.monotonic() - began


def cpu_of_children() -> float:
    """Return the CPU seconds of all processes that ended below this one."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def children(pid: int) -> list[int]:
    """Return the processes that a process started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    return [int(child) for child in text.split()]


def resident(pid: int) -> int:
    """Return how many bytes of a process are in memory; 0 for one that ended."""
    try:
        text = Path(f"/proc/{pid}/statm").read_text(encoding="ascii")
    except OSError:
        return 0
    return int(text.split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    sys.exit(main())
