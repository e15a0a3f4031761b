import errno
import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hakobune import __version__
from hakobune.cli import main as command_line
from hakobune.cli.wiring import Wiring
from hakobune.errors import LockError
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render
from tests.command_samples import run
from tests.lock_samples import Uv, debian_list
from tests.samples import NO_REGISTRY, FakeReporter, FakeRunner, completed, on, write_project

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hakobune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return lambda *arguments: run(monkeypatch, capsys, *arguments)


def test_help_lists_every_command(hakobune: Command) -> None:
    code, out, _ = hakobune("--help")
    assert code == 0
    for name in command_line.COMMANDS:
        assert f"  {name} " in out


@pytest.mark.parametrize("name", list(command_line.COMMANDS))
def test_every_command_explains_itself(hakobune: Command, name: str) -> None:
    code, out, _ = hakobune(name, "--help")
    assert code == 0
    assert len(out.splitlines()) >= 5


def test_the_version_is_told(hakobune: Command) -> None:
    assert hakobune("--version") == (0, f"hakobune {__version__}\n", "")


def test_help_lists_the_commands_in_groups_in_the_order_of_work(hakobune: Command) -> None:
    out = hakobune("--help")[1]
    groups = re.findall(r"(?m)^(\w+):$", out)
    assert groups == ["Options", "Start", "Cloud", "Trust", "Tools"]
    start = out.partition("\nStart:\n")[2].partition("\nCloud:\n")[0]
    names = re.findall(r"(?m)^  (\w+) ", start)
    assert names == ["init", "doctor", "lock", "build", "train", "smoke"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("lok",), "No such command 'lok'. Did you mean 'lock'?\n"),
        (("fetsch",), "No such command 'fetsch'. Did you mean 'fetch'?\n"),
        (("\x1b[2Jzzz",), "No such command '\\x1b[2Jzzz'.\n"),
        (("lock", "--chekc"), "'--check'"),
        (("reproduce", "imag"), "Did you mean 'image'?\n"),
    ],
)
def test_a_word_that_is_nearly_known_names_the_known_one(
    hakobune: Command, words: tuple[str, ...], hint: str
) -> None:
    code, out, err = hakobune(*words)
    assert (code, out) == (2, "")
    assert hint in err


def test_wrong_usage_is_exit_code_2(hakobune: Command) -> None:
    code, _, err = hakobune("lok")
    assert code == 2
    assert "lok" in err


def test_a_failure_is_shown_with_its_fix_and_its_own_code(
    hakobune: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = hakobune("lock", "--check")
    assert (code, out) == (3, "")
    assert err.startswith("error[configuration-invalid]: ")
    assert "\n  fix: " in err


def test_with_json_a_failure_is_one_object(
    hakobune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    project.environment_path.write_bytes(b"# later\n" + project.environment_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    code, out, err = hakobune("lock", "--check", "--json")
    found = json.loads(out)
    assert list(found) == ["name", "message", "place", "fix", "exit_code"]
    assert (found["name"], found["exit_code"], code) == ("lock-stale", 4, 4)
    assert found["place"] == project.lock
    assert err == f"error[lock-stale]: {found['message']}\n  fix: {found['fix']}\n"


@pytest.mark.parametrize("words", [("push", "--json", "--nope"), ("register", "--json", "a", "b")])
def test_with_json_wrong_usage_is_one_object_too(hakobune: Command, words: tuple[str, ...]) -> None:
    code, out, _ = hakobune(*words)
    assert (code, json.loads(out)["name"]) == (2, "usage")


def test_json_of_the_program_is_not_ours(
    hakobune: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("train", "--", "--json"), ("submit", "--", "--json")):
        assert not hakobune(*words)[1]


def test_a_bug_shows_where_and_says_so(
    hakobune: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command_line.cli, "main", broken)
    code, _, err = hakobune("lock")
    assert code == 70
    assert "ZeroDivisionError" in err
    assert "this is a bug in hakobune" in err


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENAMETOOLONG, errno.EIO])
def test_what_the_system_refuses_is_no_bug_of_ours(
    hakobune: Command, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/x/record.json")

    monkeypatch.setattr(command_line.cli, "main", refused)
    code, _, err = hakobune("lock")
    assert code == 13
    assert err.startswith(
        f"error[file-not-writable]: /x/record.json: {os.strerror(number)}\n  fix: "
    )


def test_a_closed_terminal_ends_like_sigterm(
    hakobune: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGHUP)

    monkeypatch.setattr(command_line.cli, "main", closed)
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        code, _, err = hakobune("lock")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (code, err) == (129, "\nterminated by SIGHUP\n")


def test_ctrl_c_is_exit_code_130(
    hakobune: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command_line.cli, "main", interrupted)
    code, _, err = hakobune("lock")
    assert (code, err) == (130, "\ninterrupted\n")


def test_a_current_lock_is_told_in_two_lines(
    hakobune: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAKOBUNE_OFFLINE", "1")
    code, out, err = hakobune("lock", "--check")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "environments/demo.lock and docker/Dockerfile are up to date with environments/demo.yml",
        "1 packages for Python 3.13 on linux/amd64",
    ]


def test_a_dry_run_prints_the_command(
    hakobune: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    code, out, _ = hakobune("train", "--dry-run", "--order", "2,0,2")
    assert code == 0
    assert out.startswith("docker run --name hakobune-")
    assert " demo:local -c " in out
    assert " --order 2,0,2 --output runs/" in out


def test_what_a_lock_lets_move_is_what_its_options_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)

    def moved(*options: str) -> tuple[bool, bool]:
        """Whether any pin was kept, and whether Debian was asked."""
        uv, wiring = Uv(), Wiring()
        wiring.runner = FakeRunner([uv, NO_REGISTRY, on("resolve.sh", stdout=debian_list())])
        code, _, err = run(monkeypatch, capsys, "lock", *options, wiring=wiring)
        assert code == 0, err
        return not any(uv.preferred), bool(wiring.runner.called("trixie"))

    moved()  # the base is resolved once
    assert moved() == (False, False)
    assert moved("--upgrade") == (True, False)
    assert moved("--move-base") == (False, True)


def test_a_lock_shows_the_whole_proof_only_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    proof = "\n".join(f"And because six=={n} is none" for n in range(40))

    def said(*options: str) -> str:
        wiring = Wiring()
        wiring.runner = FakeRunner([lambda _: completed(exit_code=1, stderr=proof)])
        code, _, err = run(monkeypatch, capsys, "lock", *options, wiring=wiring)
        assert code == LockError.exit_code
        return err

    assert "six==39" not in said()
    assert "six==39" in said("--verbose")
