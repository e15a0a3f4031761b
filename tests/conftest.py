"""What every test gets: a guard, so that a missing marker fails and does not use Docker."""

import platform
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
# Libraries ask for it when they load. The answer is kept, and finding it can start a process.
platform.platform()
# Who starts us in the background lets us ignore it, and every child of ours would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# `make quick` draws fewer examples of each property than the usual hundred.
hypothesis.settings.register_profile("quick", max_examples=20)
PROCESS_MARKERS = ("process", "container", "e2e", "cloud")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let the tests that share something costly share a process."""
    from tests.together import Together

    return Together(config, log)


@pytest.fixture(autouse=True)
def _no_processes_or_sockets(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if any(request.node.get_closest_marker(name) for name in PROCESS_MARKERS):
        return

    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        pytest.fail("a unit test started a process or opened a socket: it lacks a marker")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the checkout; tests that need it skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared, the real data beside the checkout")
    return folder
