"""A node's work is started again when it is killed, and its own exit code is the node's."""

import os
import signal
from pathlib import Path

import pytest

from trainer.cluster import supervisor

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PAUSE_S", 0)
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE_S", 0)


@pytest.mark.parametrize("code", [0, 13])
def test_the_work_s_exit_code_is_returned(code: int) -> None:
    assert supervisor.supervise(lambda: code, lambda: False) == code


def test_work_that_is_killed_starts_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    marks = tmp_path / "marks"

    def work() -> int:
        with marks.open("a") as stream:
            stream.write("x")
        if marks.stat().st_size < 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert supervisor.supervise(work, lambda: False) == 0
    assert marks.stat().st_size == 3
    assert capsys.readouterr().err.count("ended by SIGKILL; another one starts") == 2


def test_work_that_is_killed_each_time_is_tried_until_the_run_is_over() -> None:
    looks = iter(range(100))

    def work() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 1

    assert supervisor.supervise(work, lambda: next(looks) > 4) == 0


def test_a_run_that_is_over_starts_nothing() -> None:
    assert supervisor.supervise(lambda: 1, lambda: True) == 0
