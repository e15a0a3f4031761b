"""The stand-in as a process, with its real registry and blob store."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.samples import PATIENCE_S

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.container


def drydock(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drydock", *words, "--state", str(state)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )


def containers_of(state: Path) -> list[str]:
    done = subprocess.run(
        ["docker", "ps", "-aq", "--filter", f"label=drydock.state={state.resolve()}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@pytest.fixture
def states(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    found = (tmp_path / "one", tmp_path / "other")
    yield found
    for state in found:
        drydock(state, "stop")
        assert containers_of(state) == []


def test_two_start_say_where_they_are_and_stop_without_each_other(
    states: tuple[Path, Path],
) -> None:
    found = []
    for state in states:
        started = drydock(state, "start")
        assert started.returncode == 0, started.stderr
        assert "eval" in started.stderr
        told = json.loads(drydock(state, "env", "--json").stdout)
        assert told["HAKOBUNE_REGISTRY"] in started.stdout
        found.append(told)
    assert found[0]["HAKOBUNE_REGISTRY"] != found[1]["HAKOBUNE_REGISTRY"]
    assert found[0]["AZURE_AUTHORITY_HOST"] != found[1]["AZURE_AUTHORITY_HOST"]
    stopped = drydock(states[0], "stop")
    assert stopped.returncode == 0, stopped.stderr
    assert stopped.stderr.count("removed the container") == 2
    assert containers_of(states[0]) == []
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{found[1]['HAKOBUNE_REGISTRY']}/v2/", timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    assert drydock(states[1], "status").returncode == 0


def test_one_that_was_killed_is_cleared_up_and_comes_back(states: tuple[Path, Path]) -> None:
    state = states[0]
    assert drydock(state, "start").returncode == 0
    before = json.loads((state / "state.json").read_text())
    os.kill(before["pid"], signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while drydock(state, "status").returncode == 0:
        assert time.monotonic() < deadline
    assert len(containers_of(state)) == 2
    again = drydock(state, "start")
    assert again.returncode == 0, again.stderr
    after = json.loads((state / "state.json").read_text())
    assert after["management_url"] == before["management_url"]
    assert len(containers_of(state)) == 2
    os.kill(after["pid"], signal.SIGKILL)
    time.sleep(0.2)
    cleared = drydock(state, "stop")
    assert cleared.returncode == 0, cleared.stderr
    assert cleared.stderr.count("a killed drydock left") == 2
