"""A signal at each call of docker that a command makes: its exit code, and what it leaves."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hakobune.model.project import Project
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import current_source, render
from tests.samples import DIGEST, NO_REPOSITORY, FakeReporter, FakeRunner, write_project

pytestmark = [pytest.mark.process, pytest.mark.slow]
# Says what the real one says, and at its n-th call sends the signal to who called it. What takes
# long takes long: it has to be ended.
DOCKER = """\
#!/bin/sh
echo "$*" | tr '\\n' ' ' >> "$CALLS"
echo >> "$CALLS"
if [ "$(wc -l < "$CALLS")" = "$NTH" ]; then
  kill -"$NUMBER" $PPID
  case "$1" in rm | stop) exit 0 ;; esac
  exec sleep 60
fi
case "$*" in
  version*) echo 26.1.5 ;;
  "buildx imagetools"*) exit 1 ;;
  "image inspect"*) cat "$FACTS/image.json" ;;
  "inspect --type container"*) cat "$FACTS/container.json" ;;
  run*) echo "no such program" >&2; exit 1 ;;
esac
"""
LONGEST_S = 60


def ready(root: Path) -> Project:
    """Write a project, and what the engine says of its image and container."""
    (root / "project").mkdir()
    project = write_project(root / "project")
    lock = read_fresh_lock(project)
    runner = FakeRunner([NO_REPOSITORY])
    render(project, lock, runner, FakeReporter())
    labels = {
        "hakobune.lock.sha256": lock.sha256,
        "hakobune.environment.sha256": lock.environment_sha256,
        "hakobune.source.sha256": current_source(project, runner).sha256,
    }
    image = [{"Id": DIGEST, "Size": 1, "Config": {"Labels": labels}}]
    state = {"ExitCode": 1, "StartedAt": "2026-11-27T14:25:33.650713705Z"}
    (root / "image.json").write_text(json.dumps(image), encoding="utf-8")
    container = {"state": state, "memory": 0}
    (root / "container.json").write_text(json.dumps(container), encoding="utf-8")
    (root / "bin").mkdir()
    (root / "bin/docker").write_text(DOCKER, encoding="utf-8")
    (root / "bin/docker").chmod(0o755)
    (root / "tmp").mkdir()
    return project


def call(root: Path, command: str, nth: int, number: int) -> "subprocess.CompletedProcess[str]":
    """Run a command of hakobune whose n-th call of docker sends it a signal."""
    (root / "calls").unlink(missing_ok=True)
    env = {
        **os.environ,
        "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
        "TMPDIR": str(root / "tmp"),
        "CALLS": str(root / "calls"),
        "FACTS": str(root),
        "NTH": str(nth),
        "NUMBER": str(int(number)),
    }
    return subprocess.run(
        [sys.executable, "-m", "hakobune", command],
        cwd=root / "project",
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )


def files_of(project: Project) -> set[Path]:
    """Return the project's files without the locks that hakobune keeps for itself."""
    every = {path for path in project.root.rglob("*") if path.is_file()}
    return {path for path in every if ".hakobune" not in path.parts}


@pytest.mark.parametrize("command", ["build", "train"])
def test_a_signal_at_any_call_ends_the_command_and_leaves_nothing(
    tmp_path: Path, command: str
) -> None:
    project = ready(tmp_path)
    before = files_of(project)
    for nth in range(1, 40):
        number = (signal.SIGINT, signal.SIGTERM)[nth % 2]
        done = call(tmp_path, command, nth, number)
        calls = (tmp_path / "calls").read_text(encoding="utf-8").splitlines()
        if len(calls) < nth:
            break
        at = f"{number.name} at call {nth}, docker {calls[nth - 1]}"
        assert done.returncode == 128 + number, f"{at}: {done.stderr}"
        assert "Traceback" not in done.stderr, at
        assert list((tmp_path / "tmp").iterdir()) == [], at
        assert files_of(project) == before, at
        started = next((n for n, words in enumerate(calls) if " run " in f" {words} "), None)
        if started is not None:
            assert any(words.startswith("rm --force") for words in calls[started:]), at
    assert nth > 5
