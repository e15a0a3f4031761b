"""A signal ends the command at whatever moment it comes, and exactly once."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from hakobune import interruption
from hakobune.interruption import Interrupted, raised_on_signals, uninterrupted

pytestmark = pytest.mark.process
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def run(code: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python code whose command `work` is called as hakobune's commands are."""
    program = f"""
import gc, os, signal, sys, time, weakref
from hakobune.cli import main as command_line
def send(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
{textwrap.dedent(code)}
command_line.cli.main = lambda **_: work()
signal.signal(signal.SIGINT, signal.default_int_handler)
command_line.main()
"""
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_raises_and_the_former_handlers_come_back(number: int) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as ended, raised_on_signals(run.__code__):
        signal.raise_signal(number)
    assert ended.value.exit_code == 128 + number
    assert signal.getsignal(number) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raised_on_signals(run.__code__):
            signal.raise_signal(signal.SIGHUP)
        assert interruption.signal_that_came() == 0
    finally:
        signal.signal(signal.SIGHUP, before)


LOST = {
    "__del__": """
        class Thing:
            def __del__(self):
                send()
        def lose():
            Thing()
    """,
    "a weak reference's callback": """
        class Thing: pass
        def lose():
            thing = Thing()
            kept = weakref.ref(thing, lambda _: send())
            del thing
    """,
    "a callback of the garbage collector": """
        def lose():
            gc.callbacks.append(lambda phase, _: send() if phase == "stop" else None)
            gc.collect()
            gc.callbacks.clear()
    """,
    "a library that drops everything": """
        def lose():
            try:
                send()
                time.sleep(10)
            except BaseException:
                pass
    """,
    "a library that makes another failure of it": """
        def lose():
            try:
                send()
                time.sleep(10)
            except BaseException as exc:
                raise ValueError("odd") from exc
    """,
}


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("after", ["time.sleep(30)", "while True: pass", "pass"])
def test_an_exception_that_is_dropped_is_raised_again(how: str, after: str) -> None:
    done = run(
        textwrap.dedent(LOST[how]) + f"\ndef work():\n    lose()\n    {after}\n    return 0\n"
    )
    assert (done.returncode, done.stderr) == (143, "\nterminated by SIGTERM\n")


def test_a_signal_during_an_import_takes_effect_after_it() -> None:
    code = """
        import types, importlib.abc, importlib.machinery
        class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
            def find_spec(self, name, path, target=None):
                return importlib.machinery.ModuleSpec(name, self) if name == "odd" else None
            def exec_module(self, module):
                send()
                time.sleep(0.1)
                module.whole = True
        sys.meta_path.insert(0, Finder())
        def work():
            try:
                import odd
                time.sleep(30)
            finally:
                print(sys.modules["odd"].whole)
    """
    done = run(code)
    assert (done.returncode, done.stdout) == (143, "True\n")
    assert done.stderr == "\nterminated by SIGTERM\n"


def test_what_must_not_stop_halfway_is_ended_first() -> None:
    done_before = []

    @uninterrupted
    def both() -> None:
        signal.raise_signal(signal.SIGTERM)
        done_before.append(1)

    def work() -> None:
        both()
        signal.pause()

    with pytest.raises(Interrupted), raised_on_signals(run.__code__):
        work()
    assert done_before == [1]


def test_cleaning_up_is_not_interrupted_again() -> None:
    cleaned = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        finally:
            signal.raise_signal(signal.SIGTERM)
            interruption.raise_if_interrupted()
            cleaned.append(1)

    with pytest.raises(Interrupted), raised_on_signals(run.__code__):
        work()
    assert cleaned == [1]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_command_ends_with_128_and_the_number(number: int) -> None:
    done = run(f"def work():\n    send({int(number)})\n    time.sleep(30)\n")
    assert done.returncode == 128 + number
    assert "Traceback" not in done.stderr
    assert done.stderr.strip() in ("interrupted", f"terminated by {signal.Signals(number).name}")


def test_before_the_handlers_stand_ctrl_c_leaves_no_traceback() -> None:
    code = (
        "import builtins, os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "real = builtins.__import__\n"
        "def watched(name, *rest):\n"
        "    if name == 'click': os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(name, *rest)\n"
        "builtins.__import__ = watched\n"
        "from hakobune.__main__ import run\nrun()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")


def test_the_entry_point_loads_nothing_before_it_looks_at_signals() -> None:
    code = "import sys, hakobune.__main__\nprint(*(m for m in sys.modules if 'hakobune' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"hakobune", "hakobune.__main__"}


def test_a_folder_for_a_while_is_gone_whenever_the_signal_comes(tmp_path: Path) -> None:
    # At each call and each line of what makes, uses and removes the folder.
    code = f"""
        import tempfile
        tempfile.tempdir = {str(tmp_path)!r}
        nth, seen = 0, 0
        def watch(frame, event, _):
            global seen
            seen += 1
            if seen == nth:
                sys.settrace(None)
                send()
            return watch
        def work():
            global nth, seen
            for nth in range(1, 400, 3):
                seen = 0
                sys.settrace(watch)
                try:
                    with tempfile.TemporaryDirectory() as folder:
                        os.mkdir(os.path.join(folder, "x"))
                    sys.settrace(None)
                    if seen < nth:
                        break
                    time.sleep(1)
                    raise SystemExit("a signal was lost")
                except Interrupted:
                    interruption._came = 0
                assert not os.listdir({str(tmp_path)!r}), nth
            print("moments", nth)
            return 0
        from hakobune import interruption
        from hakobune.interruption import Interrupted
    """
    done = run(code)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[1]) > 20
