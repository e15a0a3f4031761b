"""A stand-in for Azure ML that really runs, and the command line pointed at it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 300

Hakobune = Callable[..., subprocess.CompletedProcess[str]]


@dataclass
class Drydock:
    """A running stand-in; `env` holds the variables that point at it."""

    state: Path
    env: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: str) -> str:
        """Run `python -m drydock …` and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "drydock", *arguments, "--state", str(self.state)],
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def weather(self, kind: str, route: str = "*", times: int = 1) -> None:
        """Let a fault strike."""
        self.run("weather", kind, "--route", route, "--times", str(times))

    def resources(self, kind: str) -> list[Path]:
        """The files of what the workspace holds of a kind."""
        return sorted((self.state / "resources" / kind).rglob("*.json"))


@pytest.fixture(scope="session")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drydock]:
    """A stand-in for all tests of this process."""
    drydock = Drydock(state=tmp_path_factory.mktemp("drydock") / "state")
    drydock.run("start")
    try:
        drydock.env = json.loads(drydock.run("env", "--json"))
        yield drydock
    finally:
        drydock.run("stop")


@pytest.fixture
def drydock(rehearsal: Drydock) -> Iterator[Drydock]:
    """The stand-in, under a clear sky before and after."""
    yield rehearsal
    rehearsal.run("weather", "--clear")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, so that its runs do not lie in the checkout."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("environments", "docker", "src/trainer"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so")
        )
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.fixture
def hakobune(drydock: Drydock, project: Path) -> Hakobune:
    """Run the command line in the project, pointed at the stand-in."""

    def call(*arguments: str, cwd: Path = project, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command_line(*arguments),
            cwd=cwd,
            env={**environment(drydock), **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )

    return call


def command_line(*arguments: str) -> list[str]:
    """Return the words that run the command line."""
    return [sys.executable, "-m", "hakobune", *arguments]


def environment(drydock: Drydock) -> dict[str, str]:
    """Return the variables for it."""
    return {**os.environ, **drydock.env, "PYTHONPATH": str(ROOT / "src")}
