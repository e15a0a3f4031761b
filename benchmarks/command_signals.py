"""SIGINT and SIGTERM at random moments: each command ends with 128+n and leaves nothing half-made.

    python benchmarks/command_signals.py [--moments 200] [--seed N] [--only build,lock]

The project is a copy of tests/cases/word-count with an environment's name of its own; `submit` and
`fetch` go to a drydock of its own. A moment is right where the command ended with 128+n without a
traceback, no process, container or temporary file of it is left, and each file that it writes is
the one of before or of after. A command that was faster than its signal is tried again; one that
ends with 0 long after it has lost it. Exits with 1 where a moment is wrong.
"""

import argparse
import hashlib
import json
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MARK = "HAKOBUNE_SIGNALS_MARK"
NAME = f"signals-{secrets.token_hex(3)}"  # nobody else's image or container has it
LONGEST_S = 120
AS_INSTALLED = "from hakobune.__main__ import run; run()"  # what the script `hakobune` does
# From the end of the handlers to the end of the process, on a busy machine.
AT_ITS_END_S = 0.3


class Bench:
    """The project, and what is true of it before each moment."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / NAME  # compose makes names of the folder's
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        shutil.copytree(ROOT / "tests/cases/word-count", self.root)
        for name in ("conda.yml", "docker-compose.yml"):
            path = self.root / name
            path.write_text(path.read_text().replace("word-count", NAME))
        (self.root / "text.txt").write_text("one two one\n")
        (self.root / "runs").mkdir()
        program = self.root / "counter/__main__.py"
        # Long enough that signals find it at work.
        program.write_text(program.read_text() + "import time\ntime.sleep(0.5)\n")
        self.mark = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
        self.env = {**os.environ, MARK: self.mark, "TMPDIR": str(self.temporary)}
        self.job = ""

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command of hakobune."""
        return subprocess.Popen(
            [sys.executable, "-c", AS_INSTALLED, *words],
            cwd=self.root,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> str:
        """Run it to its end and return what it printed."""
        child = self.start(*words)
        out, err = child.communicate()
        if child.returncode != 0:
            raise SystemExit(f"hakobune {' '.join(words)} failed:\n{err}")
        return out

    def processes(self) -> list[str]:
        """Return the processes that a command started and that are still there."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                environ = (path / "environ").read_bytes()
                if f"{MARK}={self.mark}".encode() in environ and path.name != str(os.getpid()):
                    found.append((path / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def containers(self) -> list[str]:
        """Return the containers that hakobune made of the project's image, running or not."""
        digest = hashlib.sha256((self.root / "conda.yml").read_bytes()).hexdigest()
        label = f"label=hakobune.environment.sha256={digest}"
        listed = docker("ps", "--all", "--filter", label, "--format", "{{.Names}}")
        return [name for name in listed.split() if name.startswith("hakobune-")]


def docker(*words: str) -> str:
    """Return what a docker command printed."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    return done.stdout


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder, without the empty locks of hakobune itself."""
    every = [path for path in folder.rglob("*") if path.is_file()]
    of_ours = {p for p in every if ".hakobune" in p.parts and not p.read_bytes()}
    return {str(path.relative_to(folder)): path.read_bytes() for path in set(every) - of_ours}


# Each command: what makes the state before it, its words, and what is wrong in the state after it.
Check = Callable[[], list[str]]
Prepare = Callable[[Bench, int], tuple[list[str], Check]]


def lock(bench: Bench, number: int) -> tuple[list[str], Check]:
    """Lock anew: from no lock, or over one for other pins."""
    path = bench.root / "conda.lock"
    whole = path.read_bytes()
    before = None if number % 2 else whole + b"\n# edited\n"
    path.unlink() if before is None else path.write_bytes(before)
    listed = set(files_of(bench.root))

    def check() -> list[str]:
        after = path.read_bytes() if path.exists() else None
        more = set(files_of(bench.root)) - listed - {"conda.lock"}
        path.write_bytes(whole)
        return ["conda.lock is half-written"] * (after not in (before, whole)) + sorted(more)

    return ["lock"], check


def build(bench: Bench, number: int) -> tuple[list[str], Check]:
    """Build after a change of one line, so that there is always something to build."""
    program = bench.root / "counter/__init__.py"
    program.write_text(f'"""Counts words."""\n# {number} {random.random()}\n')
    listed = set(files_of(bench.root))
    tag = f"{NAME}:local"
    before = docker("image", "inspect", "--format", "{{.Id}}", tag)
    dockerfile = (bench.root / "docker/Dockerfile").read_bytes()

    def check() -> list[str]:
        wrong = []
        after = docker("image", "inspect", "--format", "{{.Id}}", tag)
        found = docker("run", "--rm", "--network", "none", tag, "python", "-c", "import counter")
        if not after or found:
            wrong.append("the image is gone or broken")
        if (bench.root / "docker/Dockerfile").read_bytes() != dockerfile:
            # The new one is whole where the tool says so.
            with_new = bench.start("lock", "--check")
            with_new.communicate()
            wrong += ["the Dockerfile is half-written"] * (with_new.returncode != 0)
        for name in set(files_of(bench.root)) - listed - {".hakobune/.gitignore"}:
            if name.endswith(".cdx.json"):
                json.loads((bench.root / name).read_bytes())
            else:
                wrong.append(name)
        if before != after:
            docker("image", "rm", before.strip())
        return wrong

    return ["build"], check


def train(bench: Bench, _number: int) -> tuple[list[str], Check]:
    """Train; a run is there with its record or not at all."""
    before = set(files_of(bench.root))

    def check() -> list[str]:
        wrong = []
        for folder in (bench.root / "runs").iterdir():
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            done = bench.start("verify", str(folder.relative_to(bench.root)))
            _, err = done.communicate()
            if done.returncode != 0:
                wrong.append(f"{sorted(files_of(folder))} in a run that does not verify: {err}")
            shutil.rmtree(folder)
        return wrong + sorted(set(files_of(bench.root)) - before - {".hakobune/.gitignore"})

    return ["train", "--text", "text.txt"], check


def submit(bench: Bench, _number: int) -> tuple[list[str], Check]:
    """Submit a job; the project's files are those of before and a whole note."""
    before = files_of(bench.root)

    def check() -> list[str]:
        after = files_of(bench.root)
        changed = [name for name, content in after.items() if before.get(name) != content]
        return [name for name in changed if not is_whole(after[name])]

    return ["submit", "--create-compute", "--text", "text.txt"], check


def is_whole(content: bytes) -> bool:
    """Tell whether a note is empty (a lock file) or whole JSON."""
    try:
        return not content or isinstance(json.loads(content), dict)
    except ValueError:
        return False


def fetch(bench: Bench, _number: int) -> tuple[list[str], Check]:
    """Fetch a job's outputs; the run is whole or not there, and what was fetched may be kept."""
    folder = bench.root / "runs" / bench.job
    before = set(files_of(bench.root))

    def check() -> list[str]:
        wrong = []
        if folder.exists():
            done = bench.start("verify", f"runs/{bench.job}")
            _, err = done.communicate()
            wrong += [f"the run does not verify: {err}"] * (done.returncode != 0)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(folder.with_name(f".{bench.job}.fetching"), ignore_errors=True)
        return wrong + sorted(set(files_of(bench.root)) - before - {".hakobune/.gitignore"})

    return ["fetch", bench.job], check


COMMANDS: dict[str, Prepare] = {
    "lock": lock,
    "build": build,
    "train": train,
    "fetch": fetch,
    "submit": submit,
}


def moment(
    bench: Bench, prepare: Prepare, number: int, at_s: float, which: signal.Signals
) -> tuple[str, list[str]]:
    """Send one signal; return how it ended, and what is wrong."""
    words, check = prepare(bench, number)
    child = bench.start(*words)
    time.sleep(at_s)
    was_alive = child.poll() is None
    child.send_signal(which)
    sent = time.monotonic()
    out, err = child.communicate(timeout=LONGEST_S)
    ended, wrong = "128+n", []
    if not was_alive:
        ended = "was faster"
    elif child.returncode == 0 and time.monotonic() - sent < AT_ITS_END_S:
        ended = "was at its end"
    elif child.returncode == 0:
        wrong.append("the signal was lost")
    elif child.returncode == -which:
        ended = "before the handlers"
    elif child.returncode != 128 + which:
        wrong.append(f"exit code {child.returncode}: {err}")
    if "KeyboardInterrupt" in err and "hakobune" not in err.replace(str(bench.root), ""):
        ended, wrong = "in the interpreter's own start", []
    elif "Traceback" in err or "Exception ignored" in err:
        wrong.append(err)
    wrong += [f"left in TMPDIR: {path.name}" for path in bench.temporary.iterdir()]
    wrong += [f"still running: {name}" for name in bench.processes()]
    wrong += [f"a container is left: {name}" for name in bench.containers()]
    for path in bench.temporary.iterdir():
        subprocess.run(["rm", "-rf", str(path)], check=False)
    del out
    return ended, wrong + check()


def measure(bench: Bench, name: str, moments: int, chosen: random.Random) -> int:
    """Try a command at so many moments; print the row, and return how many were wrong."""
    prepare, took = COMMANDS[name], []
    for number in range(3):
        words, check = prepare(bench, number)
        began = time.monotonic()
        bench.run(*words)
        took.append(time.monotonic() - began)
        if wrong := check():
            raise SystemExit(f"{name}, not interrupted: {wrong}")
    longest, counted, bad, number = sorted(took)[1], Counter[str](), 0, 0
    while counted.total() - counted["was faster"] - counted["was at its end"] < moments:
        at_s = chosen.uniform(0, longest)
        which = chosen.choice((signal.SIGINT, signal.SIGTERM))
        number += 1
        began = time.monotonic()
        ended, wrong = moment(bench, prepare, number, at_s, which)
        counted[ended] += 1
        if ended.startswith("was "):  # a busy machine was slower at first
            longest = max(0.8 * longest, min(longest, time.monotonic() - began))
        if wrong:
            bad += 1
            print(f"  {name} at {at_s:.3f} s, {which.name}: {'; '.join(wrong)}", flush=True)
    how = ", ".join(f"{count} {ended}" for ended, count in counted.most_common())
    print(f"{name:<7} {longest:5.1f} s  {how}; wrong: {bad}", flush=True)
    return bad


@contextmanager
def drydock(bench: Bench, folder: Path) -> Iterator[None]:
    """Run a stand-in for Azure ML while inside, and submit the job that `fetch` fetches."""
    words = [sys.executable, "-m", "drydock"]
    state = ["--state", str(folder / "drydock")]
    subprocess.run([*words, "start", *state], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        told = subprocess.run(
            [*words, "env", "--json", *state], check=True, cwd=ROOT, capture_output=True
        )
        bench.env |= json.loads(told.stdout)
        bench.run("smoke", "--text", "text.txt")
        given = ("--create-compute", "--watch", "--text", "text.txt")
        bench.job = json.loads(bench.run("submit", "--json", *given))["job"]
        yield
    finally:
        subprocess.run([*words, "stop", *state], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def main() -> None:
    """Print a row for each command; exit with 1 where a moment is wrong."""
    # A shell's background job ignores SIGINT, and would hand that on to the commands.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", default=",".join(COMMANDS))
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.moments} moments each", flush=True)
    chosen, wanted, bad = random.Random(options.seed), options.only.split(","), 0
    with tempfile.TemporaryDirectory(prefix="signals-") as folder:
        bench = Bench(Path(folder))
        bench.run("lock")
        for name in [name for name in ("lock", "build", "train") if name in wanted]:
            bench.run("build")  # of what the command before it has left
            bad += measure(bench, name, options.moments, chosen)
        if {"submit", "fetch"} & set(wanted):
            bench.run("build")
            with drydock(bench, Path(folder)):
                for name in [name for name in ("fetch", "submit") if name in wanted]:
                    bad += measure(bench, name, options.moments, chosen)
        docker("image", "rm", "--force", f"{NAME}:local")
        docker("network", "rm", f"{bench.root.name}_default")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
