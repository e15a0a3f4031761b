"""Small values and fakes that tests of the tool share."""

import csv
import hashlib
import io
import json
import shlex
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

from hakobune.adapters.process import Completed
from hakobune.errors import HakobuneError
from hakobune.model.lock import PLATFORM, DebianBase, Lock, LockedDebian, LockedWheel, RegistryBase
from hakobune.model.project import Input, Library, Output, Project
from hakobune.transform.write_lock import write_lock

ENVIRONMENT = b"""\
name: demo
channels: [conda-forge]
dependencies:
  - python=3.13
  - pip
  - pip:
      - six==1.17.0
"""
# How long a test waits for a program or a container before it takes it for hanging. It says nothing
# about speed: beside other work on the same machine a build of seconds takes minutes.
PATIENCE_S = 900
DIGEST = "sha256:" + "a1" * 32
COMMIT = "c0ffee" * 6 + "c0ff"


LIBRARY = Library(path="inner/fast.so", files=("inner/fast.c", "more.c"))


def make_project(root: Path, *libraries: Library) -> Project:
    return Project(
        root=root,
        environment="environments/demo.yml",
        source="src/demo",
        command=("python", "-m", "demo"),
        service="train",
        inputs=(Input(name="input", flag="--input"),),
        outputs=(Output(name="output", flag="--output", files=("model.bin", "metric.json")),),
        libraries=libraries,
    )


def make_lock(
    *,
    environment_sha256: str = "e" * 64,
    digest: str | None = None,
    debian: bool = True,
    compiler: bool = False,
) -> Lock:
    wheel = LockedWheel(
        name="six",
        version="1.17.0",
        file="six-1.17.0-py2.py3-none-any.whl",
        size=11050,
        sha256="4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274",
    )
    tool = LockedWheel(
        name="uv", version="0.9", file="uv-0.9-py3-none-any.whl", size=1, sha256="b" * 64
    )
    zig = LockedWheel(
        name="ziglang",
        version="0.17",
        file="ziglang-0.17-py3-none-any.whl",
        size=2,
        sha256="9" * 64,
    )
    package = LockedDebian(
        name="python3",
        version="3.13.5-1",
        architecture="amd64",
        size=28000,
        sha256="c" * 64,
        path="pool/main/p/python3-defaults/python3_3.13.5-1_amd64.deb",
    )
    return Lock(
        environment="demo",
        environment_sha256=environment_sha256,
        platform=PLATFORM,
        python="3.13",
        requirements=("python=3.13", "six==1.17.0"),
        registry_base=RegistryBase(
            image="docker.io/library/python:3.13-slim-trixie", digest=digest
        ),
        debian_base=DebianBase(suite="trixie", packages=(package,)) if debian else None,
        tools=(tool, zig) if compiler else (tool,),
        packages=(wheel,),
        sha256="d" * 64,
    )


def write_project(root: Path, *, lock: Lock | None = None) -> Project:
    """Write a whole small project whose lock belongs to its conda file."""
    project = make_project(root)
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    project.environment_path.parent.mkdir(parents=True)
    project.environment_path.write_bytes(ENVIRONMENT)
    source = root / project.source
    source.mkdir(parents=True)
    (source / "__main__.py").write_text("print('hello')\n", encoding="utf-8")
    lock = lock or make_lock(environment_sha256=hashlib.sha256(ENVIRONMENT).hexdigest())
    project.lock_path.write_bytes(write_lock(lock, written_from=project.environment))
    return project


PYPROJECT = """\
[tool.hakobune]
environment = "environments/demo.yml"
source = "src/demo"
command = ["python", "-m", "demo"]

[tool.hakobune.inputs]
input = { flag = "--input" }

[tool.hakobune.outputs.output]
flag = "--output"
files = ["model.bin", "metric.json"]
"""

# The Runner's code for a program that takes longer than allowed.
_TIMED_OUT = 124

Answer = Callable[[Sequence[str]], Completed | None]


@dataclass
class FakeRunner:
    """Keeps the calls; `answers` are asked in turn, and the first that knows the command wins."""

    answers: Sequence[Answer] = ()
    calls: list[list[str]] = field(default_factory=list)
    # The variables that each call of `show` adds to the environment.
    shown_env: list[dict[str, str]] = field(default_factory=list)
    piped: bytes = b""
    # What each piped call prints, in turn, where that is not always `piped`.
    pipe_each: Iterator[bytes] = field(default_factory=lambda: iter(()))

    def capture(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Completed:
        del env, timeout_s
        return self._answer(command)

    def show(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        take: Callable[[bytes], None] | None = None,
    ) -> Completed:
        del cwd
        self.shown_env.append(dict(env or {}))
        done = self._answer(command)
        if take is not None:
            take((done.stdout or done.stderr).encode())
        return done

    def attach(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> int:
        del env, cwd
        return self._answer(command).exit_code

    def pipe(self, command: Sequence[str], consume: Callable[[IO[bytes]], None]) -> Completed:
        done = self._answer(command)
        printed = next(self.pipe_each, self.piped)
        consume(io.BytesIO(printed if done.exit_code == 0 else b""))
        return done

    # How the last container ended: what the engine would tell of it.
    last_run: int | None = None

    def _answer(self, command: Sequence[str]) -> Completed:
        self.calls.append(list(command))
        for answer in (*self.answers, self._engine):
            done = answer(command)
            if done is not None:
                if command[0] == "docker" and "run" in command and "rm" not in command[:2]:
                    self.last_run = done.exit_code
                return done
        raise AssertionError(f"no answer is given to the command: {shlex.join(command)}")

    def _engine(self, command: Sequence[str]) -> Completed | None:
        """Answer for the container of the last `docker run`."""
        if self.last_run is None:
            return None
        if command[:4] == ["docker", "inspect", "--type", "container"]:
            return ended(self.last_run, is_running=self.last_run == _TIMED_OUT)(command)
        if command[:4] == ["docker", "rm", "--force", "--volumes"]:
            return completed()
        return completed() if command[:2] == ["docker", "events"] else None

    def called(self, *words: str) -> list[list[str]]:
        """The calls that hold all these words."""
        return [call for call in self.calls if set(words) <= set(call)]


def completed(stdout: str = "", *, exit_code: int = 0, stderr: str = "") -> Completed:
    return Completed(exit_code=exit_code, stdout=stdout, stderr=stderr)


def on(*words: str, stdout: str = "", exit_code: int = 0, stderr: str = "") -> Answer:
    """Answer a command that holds all these words."""

    def answer(command: Sequence[str]) -> Completed | None:
        if all(any(word in part for part in command) for word in words):
            return completed(stdout, exit_code=exit_code, stderr=stderr)
        return None

    return answer


def begins(*words: str, stdout: str = "", exit_code: int = 0, stderr: str = "") -> Answer:
    """Answer a command whose first words are these."""

    def answer(command: Sequence[str]) -> Completed | None:
        if list(command[: len(words)]) == list(words):
            return completed(stdout, exit_code=exit_code, stderr=stderr)
        return None

    return answer


def ended(  # noqa: PLR0913 - what the engine tells of a container
    exit_code: int = 0,
    *,
    is_out_of_memory: bool = False,
    memory: int = 0,
    is_running: bool = False,
    is_started: bool = True,
    error: str = "",
) -> Answer:
    """Answer the question how a container ended, as Docker 26.1.5 does."""
    never, then = "0001-01-01T00:00:00Z", "2026-11-27T14:25:33.650713705Z"
    state = {
        "Status": "running" if is_running else "exited" if is_started else "created",
        "Running": is_running,
        "OOMKilled": is_out_of_memory,
        "ExitCode": exit_code,
        "Error": error,
        "StartedAt": then if is_started else never,
        "FinishedAt": then if is_started and not is_running else never,
    }
    told = json.dumps({"state": state, "memory": memory})
    return begins("docker", "inspect", "--type", "container", stdout=f"{told}\n")


def shares_folders(command: Sequence[str]) -> Completed | None:
    """Answer the round trip as an engine of this machine does: its containers see its folders."""
    source = mounts_of(command).get(("/probe", False)) if command[:2] == ["docker", "run"] else None
    if source is None:
        return None
    Path(source, "there").write_text(command[-1], encoding="ascii")
    return completed(Path(source, "here").read_text(encoding="ascii"))


NO_CONTAINER = begins(
    *("docker", "inspect", "--type", "container"),
    stderr="Error response from daemon: No such container: x\n",
    exit_code=1,
)

# What the real programs print for the commands that most tests need.
ENGINE = begins("docker", "version", stdout="26.1.5\n")
BUILDX = begins("docker", "buildx", "version", stdout="github.com/docker/buildx v0.13.1\n")
_STORE = ("docker", "info", "--format", "{{json .DriverStatus}}")
CONTAINERD = begins(*_STORE, stdout='[["driver-type","io.containerd.snapshotter.v1"]]\n')
CLASSIC = begins(*_STORE, stdout='[["Backing Filesystem","extfs"],["Supports d_type","true"]]\n')
IMAGE_HERE = begins("docker", "image", "inspect", stdout="[{}]\n")
NO_IMAGE = begins(
    *("docker", "image", "inspect"),
    stdout="[]\n",
    stderr="Error response from daemon: No such image\n",
    exit_code=1,
)
_SILENT = begins("docker", "buildx", "imagetools", stderr="i/o timeout\n", exit_code=1)
_NO_MIRROR = on("RegistryConfig.Mirrors", stdout="null\n")


def NO_REGISTRY(command: Sequence[str]) -> Completed | None:  # noqa: N802 - an answer as others
    """Answer for an engine that reaches no registry and has no mirror."""
    return _SILENT(command) or _NO_MIRROR(command)


BUILDS = begins("docker", "buildx", "build")
SAVES = begins("docker", "save")
TAGS = begins("docker", "tag")
PUSHES = begins("docker", "push")
REMOVES_IMAGE = begins("docker", "image", "rm")
STOPS = begins("docker", "stop")
REMOVES = begins("docker", "rm")
HEAD = on("git", "rev-parse", stdout=f"{COMMIT}\n")
CLEAN = on("git", "status", "--porcelain")
NO_REPOSITORY = begins("git", stderr="fatal: not a git repository\n", exit_code=128)
NO_DEBIAN = on("resolve.sh", stderr="resolve.sh: this host has no apt\n", exit_code=34)


def seen_as_runs(command: Sequence[str]) -> Path:
    """Return the folder of this machine that a training sees as `runs`."""
    return mounts_of(command)["/workspace/runs", False]


def mounts_of(command: Sequence[str]) -> dict[tuple[str, bool], Path]:
    """Return what a `docker run` mounts, by its place and whether that is read-only."""
    given = [value for option, value in pairwise(command) if option == "--mount"]
    found = {}
    for kind, source, place, *access in csv.reader(given):
        assert kind == "type=bind"
        where = place.removeprefix("dst="), access == ["readonly"]
        found[where] = Path(source.removeprefix("src="))
    return found


def is_training(command: Sequence[str]) -> bool:
    """Tell whether this starts a training, and no other container."""
    return list(command[:2]) == ["docker", "run"] and any(
        word.startswith("HAKOBUNE_RUN_ID=") for word in command
    )


def program_of(command: Sequence[str], service: str = "train") -> list[str]:
    """Return the program of a training, with its arguments."""
    words = list(command)
    entry = words[words.index("-c") :]
    return entry[entry.index(service) + 1 :]


def trains(exit_code: int = 0) -> Answer:
    """Answer a training, and no other container."""
    return lambda c: completed(exit_code=exit_code) if is_training(c) else None


@dataclass
class FakeReporter:
    said: list[str] = field(default_factory=list)
    stages: list[tuple[str, str, str]] = field(default_factory=list)
    at_work: str = ""

    def say(self, text: str) -> None:
        self.said.append(text)

    def done(
        self, stage: str, outcome: str, *, digest: str = "", seconds: float | None = None
    ) -> None:
        self.stages.append((stage, outcome, digest))

    def working(self, text: str) -> None:
        self.at_work = text

    def heard(self, content: bytes) -> None:
        del content


def assert_failed(done: subprocess.CompletedProcess[str], name: str) -> None:
    """Expect the failure of this name, with the exit code of its family and a remedy."""
    families = HakobuneError.__subclasses__()
    known = {error.name(): error for family in families for error in family.__subclasses__()}
    assert f"error[{name}]: " in done.stderr, done.stderr
    assert done.returncode == known[name].exit_code, done.stderr
    assert "\n  fix: " in done.stderr
