"""What hakobune itself costs in a project of somebody else's: the first run, and the next ones.

    python benchmarks/first_run.py [--rounds 5]

In a folder with a conda file and a script: `hakobune init` and the first `hakobune train`, which
locks and builds, by the CPU seconds of hakobune's own process and of the programs that it starts
(uv, docker, apt). Then an unchanged `hakobune train` beside `docker run` of the same container, in
turn, by the clock. Needs an engine, the base image and a package index.
"""

import argparse
import json
import os
import secrets
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MOST_CPU_S, MOST_INIT_S, MOST_EXTRA_S = 5.0, 0.3, 1.5
CONDA = """\
name: {name}
channels: [conda-forge]
dependencies:
  - python=3.13
  - pip
  - pip: [six]
"""
SCRIPT = """\
import argparse, pathlib
import six
parser = argparse.ArgumentParser()
parser.add_argument("--output", required=True)
out = pathlib.Path(parser.parse_args().output)
out.mkdir(parents=True)
(out / "model.txt").write_text(six.__version__)
"""
# As the installed script does, and writes down what the process and its children took.
MEASURED = """\
import atexit, json, os, resource
def tell():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with open(os.environ["CPU"], "w") as file:
        json.dump([one.ru_utime + one.ru_stime for one in used], file)
atexit.register(tell)
from hakobune.__main__ import run
run()
"""


def main() -> None:
    """Print a line for each measure, and end with 1 where one is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    name = f"first-run-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory(prefix="hakobune-bench-") as temporary:
        project = Path(temporary, name)
        project.mkdir()
        (project / "environment.yml").write_text(CONDA.format(name=name), encoding="utf-8")
        (project / "train.py").write_text(SCRIPT, encoding="utf-8")
        try:
            is_well = first(project)
            is_well &= unchanged(project, rounds)
        finally:
            listed = docker("image", "ls", "--quiet", name).split()
            if listed:
                docker("image", "rm", "--force", *listed)
    sys.exit(0 if is_well else 1)


def first(project: Path) -> bool:
    """Measure init and the first train."""
    own, others, seconds = hakobune(project, "init")
    print(f"init: {seconds:.2f} s, {own:.2f} CPU s of hakobune", flush=True)
    more, more_others, train_s = hakobune(project, "train")
    print(f"first train, with lock and build: {train_s:.1f} s, {more:.2f} CPU s of hakobune")
    print(f"  and {others + more_others:.2f} CPU s of uv, docker and apt")
    print(f"init and train: {own + more:.2f} CPU s of hakobune, limit {MOST_CPU_S}", flush=True)
    return own + more <= MOST_CPU_S and own <= MOST_INIT_S


def unchanged(project: Path, rounds: int) -> bool:
    """Measure a train that makes nothing, and the same container by docker alone, in turn."""
    extra, ratios, used = [], [], []
    for _ in range(rounds):
        alone = by_docker(project)
        own, _, seconds = hakobune(project, "train")
        extra.append(seconds - alone)
        ratios.append(seconds / alone)
        used.append(own)
    print(
        f"unchanged train: {statistics.median(extra):+.2f} s beside docker run "
        f"({min(extra):+.2f} to {max(extra):+.2f}), limit {MOST_EXTRA_S}; "
        f"{statistics.median(ratios):.2f} times its seconds; "
        f"{statistics.median(used):.2f} CPU s of hakobune"
    )
    return statistics.median(extra) <= MOST_EXTRA_S


def by_docker(project: Path) -> float:
    """Run the container of `hakobune train --dry-run`; return its seconds."""
    done = subprocess.run(
        [sys.executable, "-m", "hakobune", "train", "--dry-run"],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    command = shlex.split(done.stdout)
    (mounted,) = [word for word in command if word.endswith("dst=/workspace/runs")]
    waiting = Path(mounted.split("src=")[1].split(",")[0])
    waiting.mkdir(parents=True)
    begin = time.perf_counter()
    subprocess.run(command, cwd=project, stdin=subprocess.DEVNULL, check=True)
    seconds = time.perf_counter() - begin
    docker("rm", command[command.index("--name") + 1])
    shutil.rmtree(waiting)
    return seconds


def hakobune(project: Path, *words: str) -> tuple[float, float, float]:
    """Run a command; return CPU seconds of its process and of its children, and seconds."""
    cpu = project.parent / "cpu.json"
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, *words],
        cwd=project,
        env={**os.environ, "CPU": str(cpu)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - begin
    if done.returncode != 0:
        sys.exit(f"hakobune {' '.join(words)} failed:\n{done.stderr}")
    own, others = json.loads(cpu.read_text(encoding="utf-8"))
    return own, others, seconds


def docker(*words: str) -> str:
    """Return what a docker command printed."""
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    main()
