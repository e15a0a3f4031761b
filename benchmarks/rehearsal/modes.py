"""What a mounted output costs beside an uploaded one, and whether the files are the same."""

import json
import os
import resource
import statistics
from pathlib import Path

from drydock.job_containers import OWNER, ROLE
from drydock.output_mounts import reason_against
from drydock.services import owner_of
from measure import report, run
from rehearsal.stand import Stand, expect

ROUNDS = 5
BOUND = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")
_SERVICES = ("registry", "blobs")


def shown(stand: Stand) -> bool:
    """Print the processor time of a rehearsal in mode rw_mount and in mode upload; compare files.

    It is that of the command, of drydock with its mounts, and of registry and blob store: all but
    the job itself.
    """
    if reason := reason_against():
        print(f"no row for rw_mount: {reason}")
        return True
    seconds: dict[str, list[float]] = {"upload": [], "rw_mount": []}
    content: dict[str, set[bytes]] = {mode: set() for mode in seconds}
    _rehearsed(stand, "upload")  # the image is pushed, the cluster made
    for _ in range(ROUNDS):
        for mode, spent in seconds.items():
            before = _processor_s(stand)
            folder = _rehearsed(stand, mode)
            spent.append(_processor_s(stand) - before)
            content[mode].add((folder / "counts.json").read_bytes())
    mounted, uploaded = (statistics.median(seconds[mode]) for mode in ("rw_mount", "upload"))
    name = "processor beside the job, rw_mount and upload"
    report(name, f"{mounted:.2f} s", f"{uploaded:.2f} s", mounted / uploaded, f"{BOUND}x")
    is_same = content["rw_mount"] == content["upload"] and len(content["upload"]) == 1
    print(f"  the files are {'bit-identical' if is_same else 'NOT THE SAME'} in all runs")
    return is_same and mounted <= BOUND * uploaded


def _rehearsed(stand: Stand, mode: str) -> Path:
    """Submit and fetch a job; return the folder of its run."""
    words = ("submit", "--again", "--create-compute", "--output-mode", mode, "--fetch", "--json")
    done = expect(stand.hakobune(*words, "--text", "text.txt"), mode)
    return Path(json.loads(done.stdout)["folder"])


def _processor_s(stand: Stand) -> float:
    """Return the processor time so far of everything that a rehearsal starts, but jobs."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    owner = f"label={OWNER}={owner_of(stand.state)}"
    found = [own.ru_utime + own.ru_stime, _ticks_s(stand.pid())]
    for role in _SERVICES:
        filters = ["--filter", owner, "--filter", f"label={ROLE}={role}"]
        container = run(["docker", "ps", "--quiet", *filters]).strip()
        pid = run(["docker", "inspect", "--format", "{{.State.Pid}}", container])
        found += [_ticks_s(child) for child in (int(pid), *_children(int(pid)))]
    return sum(found)


def _ticks_s(pid: int) -> float:
    """Return the processor time of a process and of its ended children (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    return sum(int(fields[at]) for at in (11, 12, 13, 14)) / _TICKS


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(word) for word in text.split()]
