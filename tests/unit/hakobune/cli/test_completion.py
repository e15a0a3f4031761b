"""A real bash in a terminal, in which somebody presses Tab."""

import os
import pty
import select
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hakobune.stages.job_notes import NOTES
from hakobune.transform.job_note import JobNote, write_note
from tests.samples import write_project

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash"),
]
RUNS = ("demo-20260101-120000-aa", "demo-20260102-120000-bb")
GIVES_UP_S = 60


class Shell:
    """An interactive bash with hakobune's completion, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.child, self.terminal = pty.fork()
        if self.child == 0:  # pragma: no cover - the other process
            os.chdir(folder)
            path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
            os.execvpe(  # noqa: S606 - a terminal's own shell
                "bash",
                ["bash", "--norc", "--noprofile", "-i"],
                {"PATH": path, "PS1": "$ ", "TERM": "dumb", "HOME": str(folder)},
            )
        self.type('eval "$(_HAKOBUNE_COMPLETE=bash_source hakobune)"; echo re""ady\n')
        self.until("ready\r\n")

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def until(self, text: str) -> str:
        """Return what the terminal shows until this text."""
        shown, end = "", time.monotonic() + GIVES_UP_S
        while text not in shown:
            assert time.monotonic() < end, shown
            if select.select([self.terminal], [], [], 1)[0]:
                shown += os.read(self.terminal, 65536).decode(errors="replace")
        return shown

    def completed(self, words: str) -> str:
        """Return the words that a line becomes by one Tab, which has only one completion."""
        self.type(f'{words}\t\x01echo \x05; echo e""nd\n')
        lines = self.until("\nend\r\n").replace("\r", "").splitlines()
        return lines[lines.index("end") - 1]

    def close(self) -> None:
        with suppress(OSError):
            self.type("\x03exit\n")
        os.close(self.terminal)
        os.waitpid(self.child, 0)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    write_project(tmp_path)
    for run in (*RUNS, "x; touch hit", "no-run"):
        (tmp_path / "runs" / run).mkdir(parents=True)
        if run != "no-run":
            (tmp_path / "runs" / run / "record.json").write_text("{}", encoding="utf-8")
    note = JobNote(
        name="job-1",
        plan_sha256="0" * 64,
        planned="2026-01-01T00:00:00Z",
        is_submitted=True,
        inputs={},
        attempt=1,
    )
    (tmp_path / NOTES).mkdir(parents=True)
    (tmp_path / NOTES / "job-1.json").write_bytes(write_note(note))
    opened = Shell(tmp_path)
    yield opened
    opened.close()


def test_tab_completes_commands_options_runs_jobs_and_files(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("x", encoding="utf-8")
    for typed, whole in (
        ("hakobune reprod", "hakobune reproduce"),
        ("hakobune reproduce mo", "hakobune reproduce model"),
        ("hakobune lock --che", "hakobune lock --check"),
        ("hakobune verify demo-20260102", f"hakobune verify {RUNS[1]}"),
        (f"hakobune compare {RUNS[0]} demo-20260102", f"hakobune compare {RUNS[0]} {RUNS[1]}"),
        ("hakobune watch j", "hakobune watch job-1"),
        ("hakobune sign run --key ke", "hakobune sign run --key key.pem"),
    ):
        assert shell.completed(typed) == whole
    # No other name is offered than those that a shell takes as they are.
    assert shell.completed("hakobune verify x") == "hakobune verify x"
    assert not (tmp_path / "hit").exists()
