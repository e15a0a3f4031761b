"""Many jobs in a row: none lost, nothing left behind, as fast at the end as at the start."""

import statistics
from dataclasses import dataclass
from pathlib import Path

from drydock.job_containers import OWNER
from drydock.services import owner_of
from measure import report, run
from rehearsal.stand import Stand, expect

TOLERANCE = 0.2
WARM_UP = 3
EDGE = 10
MEMORY_MB = 20.0  # what a hundred jobs' own records and log lines may add


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


def many(stand: Stand, number: int) -> bool:
    """Submit and fetch this many jobs; print what changed; tell whether all bounds hold."""
    command = ("submit", "--create-compute", "--fetch", "--text", "text.txt")
    for _ in range(WARM_UP):
        expect(stand.hakobune(*command), "submit")
    jobs, runs = stand.counts()["jobs"], _runs(stand)
    before = held(stand)
    seconds = []
    for index in range(number):
        stand.write_text(f"job {index}")
        seconds.append(expect(stand.hakobune(*command), f"job {index}").seconds)
    after = held(stand)
    came = stand.counts()["jobs"] - jobs
    fetched = _runs(stand) - runs
    edge = min(EDGE, number // 2)
    first, last = statistics.median(seconds[:edge]), statistics.median(seconds[-edge:])
    report(f"jobs kept of {number}", f"{came}", f"{number}", came / number, "1.0x")
    report(f"jobs fetched of {number}", f"{fetched}", f"{number}", fetched / number, "1.0x")
    name = f"seconds per job, last {edge} and first {edge}"
    report(name, f"{last:.2f} s", f"{first:.2f} s", last / first, "0.8x to 1.2x")
    name = "drydock's memory, after and before"
    ratio = after.memory_mb / before.memory_mb
    report(name, f"{after.memory_mb:.0f} MB", f"{before.memory_mb:.0f} MB", ratio, "+20 MB")
    for what in ("files", "threads", "ports", "containers"):
        now, then = getattr(after, what), getattr(before, what)
        report(f"drydock's {what}, after and before", str(now), str(then), now / max(then, 1), "+0")
    kept = all(getattr(after, x) <= getattr(before, x) for x in ("files", "ports", "containers"))
    return (
        came == number
        and fetched == number
        and abs(last / first - 1) <= TOLERANCE
        and after.memory_mb - before.memory_mb <= MEMORY_MB
        and kept
    )


def _runs(stand: Stand) -> int:
    return len(list(stand.project.glob("runs/*/counts.json")))
