"""What Dask costs, and how containers share a run: each row beside its bound; 1 where missed.

    PYTHONPATH=src:benchmarks .venv/bin/python -m cluster [--only engine] [--series 2000]

Times are medians of rounds that alternate between the two ways, so that a busy machine slows both.
The series are made. The image is the one that `make image` built.
"""

import argparse
import asyncio
import os
import re
import resource
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median

import numpy as np

from measure import ROOT, image_tag, report, report_head, run

_SEED = 19_960_207
_BOUND_CONTAINERS, _BOUND_MS, _BOUND_IDLE_MS, _BOUND_MEMORY = 0.9, 0.5, 3.0, 1.1
_FIRST = 1000  # series after which memory is what it should stay
_A_BATCH = 200  # series, as the plan makes them of 60 rows or so
_WORKERS = (4, 16, 64)
_STILL_STARTING = 0.02  # of a processor
_TICKS = os.sysconf("SC_CLK_TCK")
Row = tuple[str, str, str, float, str, bool]


def make_table(path: Path, series: int, rows: int) -> Path:
    """Write so many monthly series with a season and noise."""
    random = np.random.default_rng(_SEED)
    season = 10 * np.sin(np.arange(rows) * np.pi / 6)
    with path.open("w", encoding="utf-8") as file:
        file.write("unique_id,ds,y\n")
        for number in range(series):
            values = 50 + number % 50 + season + random.normal(0, 3, rows)
            file.writelines(
                f"s{number:06},{2000 + row // 12}-{row % 12 + 1:02}-01,{value:.2f}\n"
                for row, value in enumerate(values)
            )
    return path


def start(
    table: Path, output: Path, *options: str, rank: int | None = None
) -> subprocess.Popen[str]:
    """Start the trainer: alone, or as a node of three."""
    variables = {"NODE_RANK": str(rank), "WORLD_SIZE": "3", "MASTER_ADDR": "127.0.0.1"}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "trainer", "many", "--input", str(table)),
            *("--output", str(output), "--run_id", "run", *options),
        ],
        env={**os.environ, "PYTHONPATH": "src", **({} if rank is None else variables)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def cpu_s(table: Path, output: Path, *options: str, rank: int | None = None) -> float:
    """Return the CPU seconds of a whole run with its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = start(table, output, *options, rank=rank)
    said = process.communicate()[1]
    if process.returncode:
        sys.exit(said[-2000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def engine(folder: Path, series: int, rounds: int) -> Iterator[Row]:
    """CPU of a series by Dask and by a pool: the slope between two sizes, so without the start."""
    tables = [make_table(folder / f"{n}.csv", n, 24) for n in (series // 4, series)]
    costs: dict[int | None, list[float]] = {None: [], 0: []}
    for number in range(rounds):
        for rank, found in costs.items():
            spent = [
                cpu_s(table, folder / f"e{number}-{rank}-{n}", "--processes", "2", rank=rank)
                for n, table in enumerate(tables)
            ]
            found.append(1000 * (spent[1] - spent[0]) / (series - series // 4))
    pool, dask = median(costs[None]), median(costs[0])
    more = dask - pool
    yield (
        "Dask, ms of CPU a series more than a pool",
        f"{more:.3f}",
        f"{_BOUND_MS}",
        more / _BOUND_MS,
        "<= 1",
        more <= _BOUND_MS,
    )


def idle(folder: Path, _series: int, _rounds: int) -> Iterator[Row]:
    """CPU of a scheduler and of a worker that has another plan, so no work, for twenty seconds."""
    tables = [make_table(folder / f"i{n}.csv", 4 + n, 24) for n in range(2)]
    with nodes_at(folder / "idle") as begin:
        head, worker = begin(tables[0], 0, 0), begin(tables[1], 1, 1)
        time.sleep(15)
        pids = {"scheduler": head.pid, "worker": engine_of(worker)}
        before = {name: used_s(pid) for name, pid in pids.items()}
        while True:  # on a busy machine they load their libraries for a while
            time.sleep(5)
            after = {name: used_s(pid) for name, pid in pids.items()}
            if all(after[name] - before[name] < _STILL_STARTING * 5 for name in pids):
                break
            before = after
        before = after
        time.sleep(20)
        for name, pid in pids.items():
            spent = 1000 * (used_s(pid) - before[name]) / 20
            yield (
                f"idle {name}, ms of CPU a second",
                f"{spent:.2f}",
                f"{_BOUND_IDLE_MS}",
                spent / _BOUND_IDLE_MS,
                "<= 1",
                spent <= _BOUND_IDLE_MS,
            )


def memory(folder: Path, series: int, _rounds: int) -> Iterator[Row]:
    """Memory of scheduler and workers at the end beside that after the first thousand series."""
    table, output = make_table(folder / "m.csv", max(series, 4 * _FIRST), 4), folder / "memory"
    with nodes_at(output) as begin:
        head = begin(table, 0, 0)
        workers = [begin(table, rank, 1) for rank in (1, 2)]
        batches = output / ".cluster/batches"
        first = dict[str, float]()
        last = dict[str, float]()
        while head.poll() is None:
            done = len(list(batches.iterdir())) if batches.is_dir() else 0
            if done:
                now = {"scheduler": memory_mb(head.pid)}
                now |= {f"worker {n}": node_mb(engine_of(w)) for n, w in enumerate(workers, 1)}
                last = now if all(now.values()) else last  # at the end they go one by one
                if done * 400 >= _FIRST and not first:  # a batch has 400 short series at most
                    first = dict(last)
            time.sleep(0.1)
        for name in first:
            ratio = last[name] / first[name]
            what = f"{name}, MB at the end and after {_FIRST:,} series"
            row = f"{last[name]:.0f}", f"{first[name]:.0f}", ratio
            yield (what, *row, f"<= {_BOUND_MEMORY}", ratio <= _BOUND_MEMORY)


def work(name: str) -> str:
    """Do nothing: only the names' way is measured."""
    return name


def scheduler(folder: Path, _series: int, rounds: int) -> Iterator[Row]:
    """CPU of a batch's way through client, scheduler and worker, all in this process."""
    from trainer.cluster.engine import Team, hand_out, work_for  # noqa: PLC0415 - loads Dask
    from trainer.cluster.engine import scheduler as serve  # noqa: PLC0415
    from trainer.cluster.invitation import make_invitation  # noqa: PLC0415

    class Listener:
        def done(self, answer: str) -> None:
            pass

        def failed(self, name: str, why: BaseException) -> None:
            sys.exit(f"{name}: {why}")

        def gave_back(self, why: str) -> None:
            pass

        def look(self, progress: object) -> None:
            pass

    async def spent_ms(workers: int, names: Sequence[str]) -> float:
        invitation = make_invitation(port=0, batches=folder)
        team = Team(invitation=invitation, plan="plan-1", host="127.0.0.1")
        async with serve(team) as serving:
            places = [folder / f"w{workers}-{n}" for n in range(workers)]
            at_work = [
                asyncio.create_task(work_for(serving.address, team, processes=1, folder=place))
                for place in places
            ]
            while len(serving.workers) < workers:  # noqa: ASYNC110 - Dask has no event for it
                await asyncio.sleep(0.1)
            began = time.process_time()
            await hand_out(serving, team, work, names, Listener())
            spent = time.process_time() - began
        await asyncio.gather(*at_work)
        return 1000 * spent / len(names)

    for workers in _WORKERS:
        names = [f"{secrets.token_hex(8)}-{n}" for n in range(20 * workers)]
        ms = median(asyncio.run(spent_ms(workers, names)) for _ in range(rounds))
        a_series = ms / _A_BATCH
        yield (
            f"{workers} workers, ms a batch, all in one process",
            f"{ms:.2f}",
            f"{_BOUND_MS * _A_BATCH:g}",
            a_series / _BOUND_MS,
            "<= 1",
            a_series <= _BOUND_MS,
        )


def containers(folder: Path, series: int, rounds: int) -> Iterator[Row]:
    """Four containers of half a core beside one container with two processes: series a second."""
    table = make_table(folder / "c.csv", series, 60)
    measured: dict[str, list[float]] = {"four": [], "two": []}
    for number in range(rounds):
        for kind, found in measured.items():
            found.append(series / fitted_s(table, folder / f"{kind}{number}", kind))
    speeds = {kind: median(found) for kind, found in measured.items()}
    ratio = speeds["four"] / speeds["two"]
    what = "4 containers of half a core, series a second"
    row = f"{speeds['four']:.1f}", f"{speeds['two']:.1f}", ratio
    yield (what, *row, f">= {_BOUND_CONTAINERS}", ratio >= _BOUND_CONTAINERS)


def fitted_s(table: Path, output: Path, kind: str) -> float:
    """Run in containers; return the seconds of the stage that forecasts, as node 0 prints it."""
    prefix = f"bench-cluster-{secrets.token_hex(4)}"
    output.mkdir()
    output.chmod(0o777)
    shared = ["--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp:exec,size=2g"]
    shared += ["--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{table}:/data.csv:ro"]
    shared += ["--volume", f"{output}:/output"]
    program = [image_tag(), "python", "-m", "trainer", "many", "--input", "/data.csv"]
    program += ["--output", "/output", "--run_id", "run"]
    if kind == "two":
        command = [*shared, "--network", "none", "--cpus", "2", *program, "--processes", "2"]
        return forecast_s(run_logged(["docker", "run", "--rm", *command]))
    run(["docker", "network", "create", "--internal", prefix])
    try:
        for rank in range(1, 5):
            node = [*variables(prefix, rank), "--cpus", "0.5", "--detach", *shared]
            names = ["--name", f"{prefix}-{rank}", "--network", prefix]
            run(["docker", "run", *names, *node, *program, "--processes", "1"])
        node = [*variables(prefix, 0), *shared, "--name", f"{prefix}-0", "--network", prefix]
        said = run_logged(["docker", "run", *node, *program, "--processes", "0"])
        return forecast_s(said)
    finally:
        names = [f"{prefix}-{rank}" for rank in range(5)]
        subprocess.run(["docker", "rm", "--force", *names], check=False, capture_output=True)
        run(["docker", "network", "rm", prefix])


def variables(prefix: str, rank: int) -> list[str]:
    """Return what a node is told."""
    told = {"MASTER_ADDR": f"{prefix}-0", "WORLD_SIZE": "5", "NODE_RANK": str(rank)}
    return [word for name, value in told.items() for word in ("--env", f"{name}={value}")]


def run_logged(command: Sequence[str]) -> str:
    """Run to the end and return both streams."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout + done.stderr


def forecast_s(said: str) -> float:
    """Return the seconds of the stage `forecast`."""
    found = re.search(r"^forecast .*\(([0-9.]+) s\)\s*$", said, re.MULTILINE)
    if found is None:
        sys.exit(f"no stage `forecast` in:\n{said[-2000:]}")
    return float(found[1])


@contextmanager
def nodes_at(output: Path) -> Iterator[Callable[[Path, int, int], subprocess.Popen[str]]]:
    """Yield what starts a node by table, rank and processes; at the end all are gone."""
    started = list[subprocess.Popen[str]]()

    def begin(table: Path, rank: int, processes: int) -> subprocess.Popen[str]:
        started.append(start(table, output, "--processes", str(processes), rank=rank))
        return started[-1]

    try:
        yield begin
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def engine_of(worker: subprocess.Popen[str]) -> int:
    """Return the process that has Dask: the supervisor's child, or itself when that is gone."""
    with suppress(OSError):
        listed = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text("ascii")
        return int((listed.split() or [str(worker.pid)])[0])
    return worker.pid


def used_s(pid: int) -> float:
    """Return the CPU seconds of a process without its children."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def node_mb(engine: int) -> float:
    """Return the memory of a node's engine and of what fits for it; 0 where that is gone."""
    with suppress(OSError):
        listed = Path(f"/proc/{engine}/task/{engine}/children").read_text("ascii").split()
        parts = [memory_mb(pid) for pid in (engine, *map(int, listed))]
        return sum(parts) if len(parts) > 1 and all(parts) else 0.0
    return 0.0


def memory_mb(pid: int) -> float:
    """Return what a process has of its own and its share of the rest (PSS); 0 when it is gone."""
    with suppress(OSError):
        found = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8")
        return int(re.findall(r"^Pss:\s+([0-9]+)", found, re.MULTILINE)[0]) / 1024
    return 0.0


PARTS = {
    "containers": containers,
    "engine": engine,
    "idle": idle,
    "memory": memory,
    "scheduler": scheduler,
}


def main() -> int:
    """Print a row for each bound; return 1 where one is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--series", type=int, default=2000, help="default: 2000; memory: 100000")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.chdir(ROOT)
    is_missed = False
    report_head()
    with tempfile.TemporaryDirectory() as made:
        for name in options.only or PARTS:
            for row in PARTS[name](Path(made), options.series, options.rounds):
                report(*row[:5])
                is_missed |= not row[5]
    return int(is_missed)


if __name__ == "__main__":
    sys.exit(main())
