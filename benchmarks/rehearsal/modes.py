"""What mounted outputs and keyless storage cost beside plain uploads, and whether files agree."""

import json
import os
import resource
import statistics
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from drydock.job_containers import OWNER, ROLE
from drydock.output_mounts import reason_against
from drydock.services import owner_of
from measure import report, run
from rehearsal.stand import Stand, expect, stand

ROUNDS = 5
BOUND = 2.0
UPLOAD = "upload"
Measured = tuple[list[float], set[bytes]]
_TICKS = os.sysconf("SC_CLK_TCK")
_SERVICES = ("registry", "blobs")


def shown(here: Stand) -> bool:
    """Print the processor time of a rehearsal mounted, keyless, and plain; compare files.

    It is that of the command, of drydock with its mounts, and of registry and blob store: all but
    the job itself.
    """
    if reason := reason_against():
        print(f"no row for rw_mount: {reason}")
    plain = _measured(here, UPLOAD)
    others = [] if reason else [("rw_mount and upload", _measured(here, "rw_mount"))]
    others.append(("keyless and with keys", _keyless()))
    uploaded, content = statistics.median(plain[0]), plain[1]
    are_met = len(content) == 1
    for name, (seconds, files) in others:
        median = statistics.median(seconds)
        row = (f"{median:.2f} s", f"{uploaded:.2f} s", median / uploaded, f"{BOUND}x")
        report(f"processor beside the job, {name}", *row)
        are_met &= files == content and median <= BOUND * uploaded
        content |= files
    is_same = len(content) == 1
    print(f"  the files are {'bit-identical' if is_same else 'NOT THE SAME'} in all runs")
    return are_met and is_same


def _measured(there: Stand, mode: str) -> Measured:
    """Return the processor seconds of each round, and the contents of the file that came."""
    _rehearsed(there, mode)  # the image is pushed, the cluster made
    seconds, content = [], set()
    for _ in range(ROUNDS):
        before = _processor_s(there)
        folder = _rehearsed(there, mode)
        seconds.append(_processor_s(there) - before)
        content.add((folder / "counts.json").read_bytes())
    return seconds, content


def _keyless() -> Measured:
    """Return the same of a drydock whose storage has no keys, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        return other.submit(_keyless_here).result()


def _keyless_here() -> Measured:
    with stand(is_keyless=True) as there:
        return _measured(there, UPLOAD)


def _rehearsed(there: Stand, mode: str) -> Path:
    """Submit and fetch a job; return the folder of its run."""
    words = ("submit", "--again", "--create-compute", "--output-mode", mode, "--fetch", "--json")
    done = expect(there.hakobune(*words, "--text", "text.txt"), mode)
    return Path(json.loads(done.stdout)["folder"])


def _processor_s(there: Stand) -> float:
    """Return the processor time so far of everything that a rehearsal starts, but jobs."""
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    owner = f"label={OWNER}={owner_of(there.state)}"
    found = [own.ru_utime + own.ru_stime, _ticks_s(there.pid())]
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
