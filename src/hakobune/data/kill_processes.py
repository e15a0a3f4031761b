"""Runs in a node's container: ends all processes of it but the first, at a moment that counts.

    python kill_processes.py write FOLDER SECONDS     while one of them writes a file there, or,
                                                      after some seconds without one, in /tmp
    python kill_processes.py work TIMES SECONDS       so many times, after a second's work of one

Prints what it did, in one line. The kernel keeps process 1 of a container from this signal, so the
caller ends the container, or lets it start its processes again. Uses the standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

_WORKED_S = 1.0
_ONLY_THERE_S = 3.0
_LOOK_S = 0.001


def others() -> list[int]:
    """Return the processes of the container but the first and this one."""
    found = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [pid for pid in found if pid not in (1, os.getpid())]


def written_file(folder: str, least: int = 0) -> Path | None:
    """Return a file below the folder that a process has open for writing, of so many bytes."""
    for pid in others():
        with contextlib.suppress(OSError):  # it ended meanwhile
            for handle in Path(f"/proc/{pid}/fd").iterdir():
                target = handle.readlink()
                is_inside = str(target).startswith(folder) and target.exists()
                if is_inside and target.stat().st_size >= least:
                    facts = Path(f"/proc/{pid}/fdinfo/{handle.name}").read_text("ascii")
                    flags = int(facts.partition("flags:")[2].split()[0], 8)
                    if flags & os.O_ACCMODE:
                        return target
    return None


def worked_s(pid: int) -> float:
    """Return the processor's seconds of a process; 0 for one that is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def end_others() -> None:
    """End every process that this user may end: not the first, and not this one."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)


def while_writing(folder: str, limit_s: float) -> str:
    """Wait for a file that is being written: its moment may be short, so any other will do."""
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        found = written_file(folder)
        if found is None and time.monotonic() - began > _ONLY_THERE_S:
            found = written_file(tempfile.gettempdir(), least=1)  # an empty one is a lock
        if found is not None:
            end_others()
            size = found.stat().st_size if found.exists() else 0
            return f"while it wrote {found.name[:24]}, of which {size:,} bytes are there"
        time.sleep(_LOOK_S)
    end_others()
    return "between two files: none was being written for a while"


def while_working(times: int, limit_s: float) -> str:
    """Let processes work for a second, and end them."""
    deadline, count = time.monotonic() + limit_s, 0
    while count < times and time.monotonic() < deadline:
        if any(worked_s(pid) >= _WORKED_S for pid in others()):
            end_others()
            count += 1
        time.sleep(0.05)
    return f"{count} times"


if __name__ == "__main__":
    _kind, _what, _seconds = sys.argv[1:]
    if _kind == "write":
        print(while_writing(_what, float(_seconds)), flush=True)
    else:
        print(while_working(int(_what), float(_seconds)), flush=True)
