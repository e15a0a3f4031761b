import json
import shlex

import pytest

from drydock.assumptions import ASSUMPTIONS as BREAKABLE
from hakobune.errors import AnswerInvalidError
from hakobune.transform.canary import (
    ASSUMPTIONS,
    canary_command,
    find_report,
    judge,
    read_report,
)

SEEN = {one.name: [True, "works"] for one in ASSUMPTIONS}


def document(**checks: object) -> bytes:
    return json.dumps({"checks": {**SEEN, **checks}, "facts": {"umask": "022"}}).encode()


def test_drydock_can_break_each_assumption() -> None:
    assert [one.name for one in ASSUMPTIONS] == list(BREAKABLE)


@pytest.mark.parametrize("name", [one.name for one in ASSUMPTIONS[:-2]])
def test_what_does_not_hold_is_named_with_both_sides_and_a_remedy(name: str) -> None:
    report = read_report(document(**{name: [False, "EIO"]}))
    report.checks.update(arrival=(True, "there"), log=(True, "there"))
    (found,) = [one for one in judge(report) if one.state != "ok"]
    assert found.step == name
    assert "\nobserved: EIO" in found.what
    assert found.remedy


def test_what_was_not_tried_is_no_finding() -> None:
    report = read_report(document(rename=[None, "the output is not writable"]))
    report.checks.update(arrival=(None, ""), log=(True, "there"))
    assert {"rename", "arrival"}.isdisjoint(one.step for one in judge(report))


def test_the_last_report_of_a_log_counts() -> None:
    log = b"hakobune-canary {}\nnoise\nhakobune-canary {1}\r\nend\n"
    assert find_report(log) == b"{1}"
    assert find_report(b"nothing\n") == b""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"checks": {}, "facts": {}}',
        document(user=["yes", "x"]),
        document(user=[True, "two\nlines"]),
        document(user=[True, "\x1b[31m"]),
        document(user=[1, "x"]),
        b" " * 70_000,
    ],
)
def test_what_the_program_does_not_write_is_refused(content: bytes) -> None:
    with pytest.raises(AnswerInvalidError):
        read_report(content)


def test_the_command_holds_one_expression_and_the_whole_program() -> None:
    text = canary_command("print('${{inputs.x}} \"$(id)\"')\n" * 9, ("py thon", "-m", "x"))
    assert "\n" not in text
    assert text.count("${{") == 1
    assert "'py thon'" in text
    assert "$(id)" not in shlex.split(text)
