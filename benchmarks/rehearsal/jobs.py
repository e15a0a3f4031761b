"""Many jobs in a row: none lost, nothing left behind, as fast at the end as at the start."""

import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from drydock.job_containers import OWNER
from drydock.services import owner_of
from measure import report, run
from rehearsal.stand import Stand, expect

TOLERANCE = 0.2
WARM_UP = 3
EDGE = 10
SETTLE_TRIES, SETTLE_S = 10, 0.5
HELD_TOLERANCE = 0.05  # of memory, files and threads after all jobs, beside those after EDGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What drydock's process holds at a moment."""

    memory_mb: float
    files: int
    threads: int
    ports: int
    containers: int


def held(stand: Stand) -> Held:
    """Return what drydock holds now. Containers are those of jobs on this engine."""
    process = Path("/proc", str(stand.pid()))
    status = dict(
        line.split(":", 1) for line in (process / "status").read_text(encoding="utf-8").splitlines()
    )
    links = [str(path.readlink()) for path in (process / "fd").iterdir() if path.is_symlink()]
    listening = {
        f"socket:[{line.split()[9]}]"
        for line in Path("/proc/net/tcp").read_text(encoding="utf-8").splitlines()[1:]
        if line.split()[3] == "0A"
    }
    containers = run(
        ["docker", "ps", "--all", "--quiet", "--filter", f"label={OWNER}={owner_of(stand.state)}"]
    )
    return Held(
        memory_mb=int(status["VmRSS"].split()[0]) / 1024,
        files=len(links),
        threads=int(status["Threads"]),
        ports=len(listening & set(links)),
        containers=len(containers.split()),
    )


def settled(stand: Stand) -> Held:
    """Return what drydock holds once the connections of the last command are closed."""
    found = held(stand)
    for _ in range(SETTLE_TRIES):
        time.sleep(SETTLE_S)
        found = min(found, held(stand), key=lambda one: one.files + one.threads)
    return found


def many(stand: Stand, number: int) -> bool:
    """Submit and fetch this many jobs; print what changed; tell whether all bounds hold."""
    command = ("submit", "--create-compute", "--fetch", "--text", "text.txt")
    for _ in range(WARM_UP):
        expect(stand.hakobune(*command), "submit")
    jobs, runs = stand.counts()["jobs"], _runs(stand)
    edge = min(EDGE, number // 2)
    before = settled(stand)
    seconds = []
    for index in range(number):
        stand.write_text(f"job {index}")
        seconds.append(expect(stand.hakobune(*command), f"job {index}").seconds)
        before = settled(stand) if index + 1 == edge else before
    after = settled(stand)
    came = stand.counts()["jobs"] - jobs
    fetched = _runs(stand) - runs
    first, last = statistics.median(seconds[:edge]), statistics.median(seconds[-edge:])
    report(f"jobs kept of {number}", f"{came}", f"{number}", came / number, "1.0x")
    report(f"jobs fetched of {number}", f"{fetched}", f"{number}", fetched / number, "1.0x")
    name = f"seconds per job, last {edge} and first {edge}"
    report(name, f"{last:.2f} s", f"{first:.2f} s", last / first, "1.2x")
    are_held = True
    for what in ("memory_mb", "files", "threads", "ports", "containers"):
        now, then = getattr(after, what), getattr(before, what)
        ratio = now / max(then, 1)
        row = (f"{now:.0f}", f"{then:.0f}", ratio, f"{1 + HELD_TOLERANCE}x")
        report(f"drydock's {what} after {number} jobs and {edge}", *row)
        are_held &= now <= then * (1 + HELD_TOLERANCE)
    return came == number and fetched == number and last / first <= 1 + TOLERANCE and are_held


def _runs(stand: Stand) -> int:
    return len(list(stand.project.glob("runs/*/counts.json")))
