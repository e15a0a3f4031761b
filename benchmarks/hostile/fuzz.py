"""The fuzzer: processes that each read many made-up inputs, and a table of what they found.

An input is known by its kind, the seed and its number; `--kind record --seed 1 --first 1234
--count 1` runs that one alone. A process that a single input stops is replaced by another, which
goes on with the next number.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hostile.rows import Row

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("record", "listing", "config", "conda", "job")
_CHUNK = 500  # inputs of one process
_STUCK_S = 300.0  # far more than what one input may take by its own clocks
_SHOWN = 12


@dataclass
class Findings:
    """What the inputs of one kind did; `groups` are counts and first numbers by what went wrong."""

    done: int = 0
    wrong: int = 0
    cpu_s: float = 0.0
    memory_bytes: int = 0
    groups: dict[str, list[int]] = field(default_factory=dict)

    def add(self, number: int, found: list[str]) -> None:
        """Count an input that did something wrong."""
        self.wrong += 1
        for what in found:
            alike = re.sub(r"0x[0-9a-f]+|\d{3,}|position .*|'\\.*'$|: '-.*", "…", what)
            self.groups.setdefault(alike, []).append(number)


@dataclass
class _Process:
    first: int
    count: int
    folder: Path
    popen: subprocess.Popen[bytes]
    seen_at: str = ""
    since: float = 0.0


def fuzz(kind: str, *, seed: str, first: int, count: int, checkout: Path) -> Row:
    """Run the inputs of a kind in as many processes as there are processors; return their row."""
    found, began = Findings(), time.monotonic()
    waiting = [
        (start, min(_CHUNK, first + count - start)) for start in range(first, first + count, _CHUNK)
    ]
    running: list[_Process] = []
    base = Path(tempfile.mkdtemp(prefix="hakobune-fuzz-"))
    try:
        while waiting or running:
            while waiting and len(running) < (os.cpu_count() or 1):
                running.append(_start(kind, seed, waiting.pop(0), base, checkout))
            time.sleep(0.2)
            for process in list(running):
                if left := _looked_at(process, found):
                    waiting += [part for part in left if part[1] > 0]
                    running.remove(process)
    finally:
        for process in running:
            process.popen.kill()
            process.popen.wait()
        shutil.rmtree(base, ignore_errors=True)
    _show(kind, seed, found)
    seconds = time.monotonic() - began
    measured = f"most CPU {found.cpu_s:.2f} s, memory +{found.memory_bytes / 1e6:.0f} MB"
    return Row(
        name=f"fuzz: {kind}",
        expected=f"{count} inputs, none wrong (seed {seed})",
        found=f"{found.done} inputs, {found.wrong} wrong; {measured}; {seconds:.0f} s",
        is_right=found.wrong == 0 and found.done == count,
    )


def _start(kind: str, seed: str, part: tuple[int, int], base: Path, checkout: Path) -> _Process:
    folder = Path(tempfile.mkdtemp(dir=base))
    paths = (ROOT / "benchmarks", checkout / "src", checkout)
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        popen = subprocess.Popen(
            [sys.executable, "-m", "hostile.worker", kind, seed, *map(str, part), str(folder)],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
    return _Process(*part, folder, popen, since=time.monotonic())


def _looked_at(process: _Process, found: Findings) -> list[tuple[int, int]]:
    """Return nothing while the process works, else what is left to do (an empty part: nothing)."""
    at = _text(process.folder / "at")
    if process.popen.poll() is None:
        if at != process.seen_at:
            process.seen_at, process.since = at, time.monotonic()
        if time.monotonic() - process.since < _STUCK_S:
            return []
        process.popen.kill()  # it is in C code, where no signal of its own reaches it
        process.popen.wait()
    is_whole = False
    for line in _lines(process.folder / "out"):
        if "done" in line:
            is_whole = True
            found.cpu_s = max(found.cpu_s, line["cpu_s"])
            found.memory_bytes = max(found.memory_bytes, line["bytes"])
        else:
            found.add(line["input"], line["found"])
    number = int(at or process.first)
    done = process.count if is_whole else number + 1 - process.first
    found.done += done
    if not is_whole:
        end = _text(process.folder / "err")[-300:]
        found.add(number, [f"the process ended with {process.popen.returncode}: {end!r}"])
    shutil.rmtree(process.folder, ignore_errors=True)
    return [(process.first + done, process.count - done)]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in _text(path).splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _show(kind: str, seed: str, found: Findings) -> None:
    """Print what went wrong, the most frequent first, with the numbers to run it again."""
    groups = sorted(found.groups.items(), key=lambda group: -len(group[1]))
    for what, numbers in groups[:_SHOWN]:
        first = ", ".join(map(str, sorted(numbers)[:3]))
        print(f"  {kind}, seed {seed}: {len(numbers)} times: {what} (inputs {first})", flush=True)
    if len(groups) > _SHOWN:
        print(f"  {kind}: and {len(groups) - _SHOWN} more kinds of failure", flush=True)
