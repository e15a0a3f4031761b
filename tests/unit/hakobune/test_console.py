import io
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from hakobune import console
from hakobune.console import Console, show_bytes, show_error, show_findings, show_table
from hakobune.errors import LockMissingError
from hakobune.model.finding import Finding, exit_code_of


def test_an_error_is_what_failed_and_the_fix(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(LockMissingError("a.lock: there is no lock yet", remedy="hakobune lock\nor so"))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "error[lock-missing]: a.lock: there is no lock yet\n  fix: hakobune lock\n       or so\n"
    )


def test_a_page_of_ours_is_named_by_its_place_where_we_are_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = LockMissingError("x", remedy="see docs/reference/forms.md, and docs/x")
    show_error(error)
    assert "see docs/reference/forms.md, and docs/x\n" in capsys.readouterr().err
    monkeypatch.setattr(console, "_PAGES", tmp_path)
    show_error(error)
    assert f"see {tmp_path}/docs/reference/forms.md, and docs/x\n" in capsys.readouterr().err


def test_a_stage_is_one_line_with_its_digest(capsys: pytest.CaptureFixture[str]) -> None:
    Console().done("build", "demo:local", digest="sha256:" + "0123456789abcdef" * 4)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "build   demo:local  0.0 s  sha256:0123456789ab\n"


def test_a_table_is_aligned_and_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    show_table([("a", "x"), ("long", "y")])
    assert capsys.readouterr().out == "a     x\nlong  y\n"


def test_a_finding_shows_its_remedy_below(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings([Finding(step="build", state="no", what="no engine", remedy="start one")])
    assert capsys.readouterr().out == f"no    build    no engine\n{'':15}-> start one\n"


def test_the_worst_finding_gives_the_exit_code() -> None:
    ok, weak, no = (Finding(step="s", state=s, what="") for s in ("ok", "weak", "no"))
    assert exit_code_of([ok, ok]) == 0
    assert exit_code_of([ok, weak]) == 14
    assert exit_code_of([no, weak, ok]) == 5


def test_a_log_on_a_terminal_keeps_colours_and_loses_all_other_effects(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = b"a\r\n\x1b[1;31mred\x1b[0m \x1b[2J\x1b]0;t\x07 \xff \xe7\xae\xb1 \xe2\x80\xae\n"
    shown = {}
    for is_terminal in (True, False):
        content = io.BytesIO()
        stream = io.TextIOWrapper(content, encoding="utf-8", newline="")
        monkeypatch.setattr(stream, "isatty", partial(bool, is_terminal))
        monkeypatch.setattr(sys, "stdout", stream)
        show_bytes(log)
        shown[is_terminal] = content.getvalue()
    assert shown[False] == log
    assert shown[True].decode() == (
        "a\r\n\x1b[1;31mred\x1b[0m \\x1b[2J\\x1b]0;t\\x07 \\xff 箱 \\u202e\n"
    )


class Terminal(io.StringIO):
    """A stderr that is a terminal of some columns."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch, *, columns: int) -> Terminal:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(console, "_columns", lambda: columns)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    return terminal


def test_what_is_being_done_stays_on_one_line_of_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal, shown = on_terminal(monkeypatch, columns=40), Console()
    for text in ("x" * 100, "箱" * 100, "\x1b[2J\n" + "y" * 100, ""):
        shown.working(text)
    written = terminal.getvalue().split("\r")[1:]
    assert written == [
        "x" * 39 + "\x1b[K",
        "箱" * 19 + "\x1b[K",
        "\\x1b[2J\\n" + "y" * 30 + "\x1b[K",
        "\x1b[K",
    ]


def test_a_line_that_does_not_change_is_not_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, shown = on_terminal(monkeypatch, columns=40), Console()
    for _ in range(3):
        shown.working("same")
    assert terminal.getvalue() == "\rsame\x1b[K"


def test_a_finished_stage_takes_the_place_of_what_was_being_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal, shown = on_terminal(monkeypatch, columns=40), Console()
    shown.working("packages 3 s")
    shown.done("build", "packages", seconds=3.25)
    shown.say("word")
    assert terminal.getvalue() == "\rpackages 3 s\x1b[K\r\x1b[Kbuild   packages  3.2 s\nword\n"


def test_without_a_terminal_only_finished_stages_are_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = Console()
    shown.working("packages 3 s")
    shown.heard(b"#4 [packages 1/1] RUN x\n")
    shown.done("build", "packages", seconds=3.0)
    assert capsys.readouterr().err == "build   packages  3.0 s\n"


def test_other_programs_are_shown_in_place_of_the_line_where_all_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    shown = Console()
    shown.is_verbose = True
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    shown.working("packages 3 s")
    shown.heard(b"\x1b[32mok\x1b[0m \x1b[2J\n")
    assert capsysbinary.readouterr().err == b"\x1b[32mok\x1b[0m \\x1b[2J\n"


def test_a_part_of_a_stage_leaves_the_seconds_of_the_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = iter([0.0, 10.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    shown = Console()
    shown.done("build", "packages", seconds=3.0)
    shown.done("build", "demo:local")
    assert capsys.readouterr().err == "build   packages  3.0 s\nbuild   demo:local  10.0 s\n"
