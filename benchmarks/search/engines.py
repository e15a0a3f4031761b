"""The engines that are measured, each a process of its own, one thread, one after the other."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

from search.protocol import Reply, Task, read_reply, write_tasks

ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent
_BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """Its name in the table, and the command that answers the tasks of a file, in a checkout."""

    name: str
    command: tuple[str, ...]
    probe: tuple[str, ...] | None = None
    root: Path = ROOT  # the checkout that it runs from

    def is_installed(self) -> bool:
        """Return whether the command can run on this machine."""
        if which(self.command[0]) is None:
            return False
        if self.probe is None:
            return True
        return subprocess.run(self.probe, capture_output=True, check=False).returncode == 0


def _ours(select: str) -> Engine:
    command = (sys.executable, "-m", "search.run_hakobune", "--select", select)
    return Engine(name=f"hakobune {select}", command=command)


AICC, BACKTEST, AVERAGE, DEFAULT = (
    _ours(select) for select in ("aicc", "backtest", "average", "default")
)
PMDARIMA = Engine(name="pmdarima", command=(sys.executable, "-m", "search.run_pmdarima"))
_STATSFORECAST = (str(_BENCH_PYTHON), "-m", "search.run_statsforecast")
STATSFORECAST = Engine(name="statsforecast", command=_STATSFORECAST)
STATSFORECAST_QUICK = Engine(
    name="statsforecast approx.", command=(*_STATSFORECAST, "--approximation")
)
SKFORECAST = Engine(name="skforecast", command=(str(_BENCH_PYTHON), "-m", "search.run_skforecast"))
_R = ("Rscript", "--vanilla", str(_HERE / "run_forecast.R"))
_HAS_FORECAST = ("Rscript", "--vanilla", "-e", "library(forecast)")
R = Engine(name="R forecast", command=_R, probe=_HAS_FORECAST)
R_EXACT = Engine(name="R forecast exact", command=(*_R, "--exact"), probe=_HAS_FORECAST)


def environment(extra: Mapping[str, str] | None = None, *, root: Path = ROOT) -> dict[str, str]:
    """Return the variables of a measured process: one thread, the same hashes, own folders."""
    paths = os.pathsep.join((str(root / "benchmarks"), str(root / "src")))
    return {**os.environ, **ONE_THREAD, "PYTHONPATH": paths, "PYTHONHASHSEED": "0", **(extra or {})}


def replies(engine: Engine, tasks: Sequence[Task]) -> dict[str, Reply]:
    """Return what the engine found, by the name of the series; its progress goes to stderr."""
    found: dict[str, Reply] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "tasks")
        write_tasks(path, tasks)
        with subprocess.Popen(
            [*engine.command, str(path)],
            stdout=subprocess.PIPE,
            env=environment(root=engine.root),
            text=True,
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                reply = read_reply(line)
                found[reply.name] = reply
                show_progress(engine.name, len(found), len(tasks))
        if process.returncode != 0 or len(found) != len(tasks):
            sys.exit(f"{engine.name} ended with {process.returncode} after {len(found)} series")
    return found


def show_progress(name: str, done: int, count: int) -> None:
    """Tell how far it is on stderr: on one line that changes, or once at the end in a file."""
    if sys.stderr.isatty():
        end = "\n" if done == count else ""
        print(f"\r\033[K{name}: {done} of {count}", end=end, file=sys.stderr, flush=True)
    elif done == count:
        print(f"{name}: {count}", file=sys.stderr, flush=True)
