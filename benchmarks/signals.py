"""Signals at random moments of a training: `python benchmarks/signals.py [--moments N] [--seed N]`.

Each must end with 128 + the signal's number, without a traceback, and leave a whole run or none.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
SIGNALS = (signal.SIGTERM, signal.SIGINT)
ARGUMENTS = ("--order", "1,0,0", "--backtest_windows", "0", "--input", "y.csv", "--output", "out")
# What Python says before the program's first line runs, of its own start.
_START = "KeyboardInterrupt"


def main() -> int:
    """Print what the moments came to; return 1 where one is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    draw = random.Random(options.seed)
    found, wrong = Counter[str](), list[str]()
    timed()  # the libraries' bytecode is compiled
    whole_s = timed()
    for moment in range(options.moments):
        number, after_s = draw.choice(SIGNALS), draw.uniform(0, whole_s)
        outcome, faults = at(after_s, number)
        found[outcome] += 1
        wrong += [f"{number.name} after {after_s:.3f} s: {fault}" for fault in faults]
        print(f"\r{moment + 1} moments, {len(wrong)} faults", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for outcome, count in found.most_common():
        print(f"{count:5}  {outcome}")
    print(*wrong, sep="\n")
    print(f"{options.moments} moments within {whole_s:.1f} s, {len(wrong)} faults")
    return 1 if wrong else 0


def timed() -> float:
    """Return how long a training takes, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        process = start(Path(folder))
        process.communicate()
        if process.returncode != 0:
            raise SystemExit("the training itself fails")
        return time.monotonic() - started


def at(after_s: float, number: signal.Signals) -> tuple[str, list[str]]:
    """Return what a signal after so many seconds came to, and what is wrong with it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = start(folder)
        time.sleep(after_s)
        process.send_signal(number)
        _, errors = process.communicate()
        output = folder / "out"
        files = sorted(str(p.relative_to(output)) for p in output.rglob("*") if p.is_file())
        state = "a whole run" if "record.json" in files else " ".join(files) or "no output"
        codes = {
            128 + number: "ended by the signal",
            -number: "ended by the signal before or after the program",
            0: "was quicker",
        }
        code = process.returncode
        faults = [] if code in codes else [f"exit code {code}"]
        if "Traceback" in errors and not errors.strip().endswith(_START):
            faults.append(f"a traceback: {errors}")
        if state not in ("no output", "failure.json"):
            faults += broken(output, files)
        faults += [f"left: {path}" for path in folder.rglob("*") if is_rest(folder, path)]
        is_early = _START in errors
        return f"{codes.get(code, code)}{' (in Python itself)' * is_early}, {state}", faults


def broken(output: Path, files: list[str]) -> list[str]:
    """Return what a run's record and its files disagree on."""
    if "record.json" not in files:
        return [f"half a run: {files}"]
    manifest = json.loads((output / "record.json").read_bytes())["manifest"]
    wrong = [
        name
        for name, entry in manifest.items()
        if hashlib.sha256((output / name).read_bytes()).hexdigest() != entry["sha256"]
    ]
    wrong += sorted(set(files) - {*manifest, "record.json"})
    return [f"changed: {wrong}"] if wrong else []


def is_rest(folder: Path, path: Path) -> bool:
    """Tell whether a path is a folder of unfinished or temporary files."""
    return path.name.startswith(".trainer-") or path.parent == folder / "tmp"


def start(folder: Path) -> "subprocess.Popen[str]":
    """Start a training of a tiny series there."""
    (folder / "tmp").mkdir()
    rows = [f"2024-01-{day:02},{day * 7 % 11}" for day in range(1, 32)]
    (folder / "y.csv").write_text("\n".join(["date,value", *rows]))
    return subprocess.Popen(
        [sys.executable, "-m", "trainer", *ARGUMENTS],
        cwd=folder,
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"], "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main())
