"""Drydock as a process of its own: start it, run it, stop it."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from drydock.addresses import Addresses, is_alive, note_stopped, read_addresses
from drydock.clock import RandomIds, SystemClock
from drydock.console import say
from drydock.errors import (
    AlreadyRunningError,
    NotRunningError,
    StartFailedError,
    StopFailedError,
)
from drydock.files import make_private

LOG = "log.txt"
_START_S = 600  # the first start builds the images of registry and blob store
_STOP_S = 60
_STEP_S = 0.05
_LAST_LINES = 12


def start(state: Path, *, is_keyless: bool = False) -> Addresses:
    """Start a drydock that outlives this process; return its addresses."""
    before = read_addresses(state)
    if before is not None and is_alive(before.pid):
        raise AlreadyRunningError(
            f"a drydock with the state folder {state} is already running (process {before.pid})",
            remedy="drydock stop\nor use another folder with --state",
        )
    make_private(state)
    keyless = ["--keyless"] if is_keyless else []
    with (state / LOG).open("ab") as log:
        size = log.tell()
        child = subprocess.Popen(
            [sys.executable, "-m", "drydock", "serve", "--state", str(state), *keyless],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        return _wait_until_up(state, child, size)
    except BaseException:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_STOP_S)
        raise


def stop(state: Path) -> None:
    """Stop the drydock of this folder, and its containers."""
    found = read_addresses(state)
    if found is None or found.pid is None:
        raise NotRunningError(
            f"no drydock is running with the state folder {state}",
            remedy="drydock start",
        )
    if not is_alive(found.pid):
        _remove_what_is_left(state)
        return
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_S
    while is_alive(found.pid):
        if time.monotonic() > deadline:
            raise StopFailedError(
                f"drydock (process {found.pid}) is still running after {_STOP_S} s",
                remedy=f"read {state / LOG}, then:\nkill -KILL {found.pid}; drydock stop",
            )
        time.sleep(_STEP_S)


def serve(state: Path, *, is_keyless: bool = False) -> None:
    """Run drydock until a signal stops it."""
    from drydock.rehearsal import Rehearsal, only_one  # noqa: PLC0415 - heavy
    from drydock.services import run_services  # noqa: PLC0415 - heavy

    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("azure").setLevel(logging.WARNING)  # its lines would show signatures
    is_over = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        is_over.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    clock = SystemClock()
    with only_one(state):
        services = run_services(state, clock, is_keyless=is_keyless)
        try:
            rehearsal = Rehearsal(state, services, clock=clock, ids=RandomIds())
        except BaseException:
            services.stop()
            raise
        say(f"drydock answers at {rehearsal.addresses.management_url}")
        is_over.wait()
        for ended in rehearsal.stop():
            say(f"stopped {ended}")


def _wait_until_up(state: Path, child: "subprocess.Popen[bytes]", log_start: int) -> Addresses:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        found = read_addresses(state)
        if found is not None and found.pid == child.pid:
            return found
        if child.poll() is not None:
            break
        time.sleep(_STEP_S)
    text = (state / LOG).read_bytes()[log_start:].decode(errors="replace")
    last = "\n".join(text.splitlines()[-_LAST_LINES:])
    raise StartFailedError(
        f"drydock did not start; the last lines of its log:\n{last}",
        remedy=f"the whole log: {state / LOG}",
    )


def _remove_what_is_left(state: Path) -> None:
    """Remove the containers of a drydock that was killed."""
    from drydock.services import read_services, stop_services  # noqa: PLC0415 - heavy

    services = read_services(state)
    if services is not None:
        for ended in stop_services(services):
            say(f"removed {ended}, which a killed drydock left")
    note_stopped(state)
