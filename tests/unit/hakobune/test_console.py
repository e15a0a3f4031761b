import io
import sys
from functools import partial

import pytest

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
