import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hakobune.adapters.files import write_bytes
from hakobune.adapters.process import SystemRunner
from hakobune.interruption import Interrupted, raised_on_signals, uninterrupted

pytestmark = pytest.mark.process
RUNNER = SystemRunner()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_captured_streams_are_returned_apart() -> None:
    done = RUNNER.capture(python("import sys; print(1); print(2, file=sys.stderr); sys.exit(3)"))
    assert (done.exit_code, done.stdout, done.stderr) == (3, "1\n", "2\n")


def test_a_missing_program_is_exit_code_127() -> None:
    assert RUNNER.capture(["/no/such/program"]).exit_code == 127
    assert RUNNER.show(["/no/such/program"]).exit_code == 127
    assert RUNNER.attach(["/no/such/program"]) == 127


def test_a_program_that_takes_too_long_is_exit_code_124() -> None:
    assert RUNNER.capture(python("import time; time.sleep(30)"), timeout_s=0.2).exit_code == 124


def test_variables_are_added_and_not_replaced() -> None:
    done = RUNNER.capture(
        python("import os; print(os.environ['A'], 'PATH' in os.environ)"), env={"A": "1"}
    )
    assert done.stdout == "1 True\n"


def test_shown_output_appears_on_stderr_and_is_returned(capfd: pytest.CaptureFixture[str]) -> None:
    done = RUNNER.show(python("import sys; print('é'); print(2, file=sys.stderr)"))
    out, err = capfd.readouterr()
    assert out == ""
    assert sorted(err.split()) == ["2", "é"]
    assert done.stdout == err


def test_bytes_that_are_no_text_are_no_failure() -> None:
    done = RUNNER.show(python("import os; os.write(1, b'\\xff\\n')"))
    assert done.stdout == "\ufffd\n"


@pytest.mark.parametrize("method", ["capture", "show", "attach"])
def test_an_interruption_ends_the_child_before_it_goes_on_upwards(
    method: str, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    code = (
        "import pathlib, signal, sys, time\n"
        f"note = pathlib.Path({str(note)!r})\n"
        "def end(*_):\n    time.sleep(0.3)\n    note.write_text('ended')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGINT, end)\nsignal.signal(signal.SIGTERM, end)\n"
        "note.write_text('started')\ntime.sleep(30)\n"
    )

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not note.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted), raised_on_signals(interrupt.__code__):
        getattr(RUNNER, method)(python(code))
    assert note.read_text() == "ended"


def has_ended(process: int) -> bool:
    """Wait for the end of a process that nobody here waits for; a zombie has ended."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("method", ["capture", "show"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_a_script_started_ends_with_it(method: str, number: int, tmp_path: Path) -> None:
    """A shell without a trap ends at once by SIGTERM, and waits for its child after SIGINT."""
    note = tmp_path / "note"
    script = f"sleep 60 & echo $! > {note}.tmp; mv {note}.tmp {note}; sleep 61; echo went on"

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not note.exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted), raised_on_signals(interrupt.__code__):
        getattr(RUNNER, method)(["bash", "-c", script])
    assert has_ended(int(note.read_text()))


def test_a_signal_while_cleaning_up_does_not_keep_a_program_from_it(tmp_path: Path) -> None:
    """`docker rm` is started after the signal came, and before it takes effect."""
    note = tmp_path / "note"

    @uninterrupted
    def clean_up() -> None:
        signal.raise_signal(signal.SIGTERM)
        RUNNER.capture(["touch", str(note)])
        write_bytes(tmp_path / "file", b"x")

    def work() -> None:
        clean_up()
        time.sleep(30)

    with pytest.raises(Interrupted), raised_on_signals(work.__code__):
        work()
    assert note.exists()
    assert (tmp_path / "file").exists()


@pytest.mark.parametrize("what", ["starts", "writes"])
def test_nothing_is_begun_once_a_signal_s_exception_was_lost(what: str, tmp_path: Path) -> None:
    note = tmp_path / "note"

    def work() -> None:
        with suppress(BaseException):  # as a library may
            signal.raise_signal(signal.SIGTERM)
        if what == "starts":
            RUNNER.capture(["touch", str(note)])
        else:
            write_bytes(note, b"x")

    def outermost() -> None:
        work()

    with pytest.raises(Interrupted), raised_on_signals(outermost.__code__):
        outermost()
    assert not note.exists()


def test_an_interruption_waits_for_what_docker_itself_started(tmp_path: Path) -> None:
    """docker may end before its plugin, which then starts a container that nobody removes."""
    note, docker = tmp_path / "note", tmp_path / "docker"
    plugin = f"trap '' TERM; echo > {note}.begun; sleep 0.5; echo > {note}"
    docker.write_text(f'#!/bin/sh\nsh -c "{plugin}" &\nexec sleep 60\n', encoding="utf-8")
    docker.chmod(0o755)

    def interrupt() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not Path(f"{note}.begun").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    with pytest.raises(Interrupted), raised_on_signals(interrupt.__code__):
        RUNNER.attach([str(docker)])
    assert note.exists()
