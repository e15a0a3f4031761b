"""`--json` on every command: one document on stdout, and all that is for people on stderr."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from hakobune.cli.main import COMMANDS, cli
from hakobune.cli.wiring import Wiring
from hakobune.stages.project import read_fresh_lock
from hakobune.stages.render import render
from tests.command_samples import FakeWiring, run
from tests.delivery_samples import Ready, make_ready
from tests.run_samples import Made, make_run
from tests.samples import (
    BUILDS,
    BUILDX,
    ENGINE,
    NO_REGISTRY,
    REMOVES_IMAGE,
    TAGS,
    FakeReporter,
    FakeRunner,
    begins,
    write_project,
)

Hakobune = Callable[..., tuple[int, str, str]]
ERROR = ["name", "message", "place", "fix", "exit_code"]


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with its words."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from (((name, each), inner) for each, inner in command.commands.items())
        else:
            yield (name,), command


def keys_of(words: tuple[str, ...]) -> dict[str, str]:
    """The documented keys of the command that these words call, with what each holds."""
    command = max((known for known in commands() if words[: len(known[0])] == known[0]), key=len)[1]
    found: dict[str, str] = command.callback.json_keys  # type: ignore[union-attr] # of `json_option`
    return found


def required_of(command: click.Command) -> list[str]:
    """What the command has to be given: here, names of nothing."""
    words = []
    for parameter in command.params:
        if parameter.required:
            is_option = isinstance(parameter, click.Option)
            words += [parameter.opts[0], "nothing"] if is_option else ["nothing"]
    return words


def assert_documented(out: str, *words: str) -> dict[str, Any]:
    """Expect one document with the keys that cli.md lists."""
    found: dict[str, Any] = json.loads(out)
    keys = keys_of(words)
    assert set(found) <= set(keys), words
    always = {key for key, what in keys.items() if not what.startswith(("if ", "with "))}
    assert always <= set(found), words
    return found


@pytest.fixture
def hakobune(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Hakobune:
    def call(*words: str, wiring: Wiring | None = None) -> tuple[int, str, str]:
        return run(monkeypatch, capsys, *words, wiring=wiring)

    return call


def test_every_command_that_fails_prints_one_document_and_the_words_aside(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # which is no project
    seen = []
    for words, command in commands():
        code, out, err = hakobune(*words, *required_of(command), "--json")
        found = json.loads(out)
        assert found["exit_code"] == code != 0, words
        if words == ("doctor",):
            (finding,) = found["findings"]
            assert finding["state"] == "no"
        else:
            assert list(found) == ERROR, words
            assert f"error[{found['name']}]: " in err, words
            assert found["fix"], words
        seen.append(words[0])
    assert list(dict.fromkeys(seen)) == list(COMMANDS)


def test_every_command_takes_wrong_usage_as_a_document(hakobune: Hakobune) -> None:
    for words, command in commands():
        if not command.context_settings.get("ignore_unknown_options"):
            code, out, _ = hakobune(*words, "--json", "--nothing-of-ours")
            assert (code, json.loads(out)["name"]) == (2, "usage"), words


def test_what_commands_find_has_the_documented_keys(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_project(tmp_path)
    render(project, read_fresh_lock(project), FakeRunner(), FakeReporter())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HAKOBUNE_OFFLINE", "1")
    for words in (("render",), ("compose",), ("compile",), ("lock", "--check")):
        code, out, err = hakobune(*words, "--json")
        assert code == 0, err
        assert_documented(out, *words)


def test_init_as_a_document_names_the_next_command(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "env.yml").write_text("name: a\ndependencies: [python=3.13]\n", encoding="utf-8")
    (tmp_path / "train.py").write_text("print(1)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    code, out, err = hakobune("init", "--json")
    assert code == 0
    found = assert_documented(out, "init")
    assert f"next: {found['next']}" in err
    assert "pyproject.toml" in found["written"]


def test_build_as_a_document_and_all_of_docker_where_it_is_asked_for(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run(tmp_path)
    monkeypatch.chdir(made.project.root)
    printed = "#4 [packages 1/1] RUN x\n#4 0.5 word\n#4 DONE 3.0s\n"
    for more in ((), ("--verbose",)):
        wiring = Wiring()
        builds = begins("docker", "buildx", "build", stdout=printed)
        engine = [ENGINE, BUILDX, builds, TAGS, REMOVES_IMAGE, NO_REGISTRY, BUILDS]
        wiring.runner = FakeRunner([*engine, made.runner._answer])
        monkeypatch.setattr("hakobune.cli.build.ensure_sbom", lambda *_: tmp_path / "sbom.json")
        code, out, err = hakobune("build", *more, "--json", wiring=wiring)
        assert code == 0, err
        assert assert_documented(out, "build")["image"] == made.image.id
        assert "build   packages: downloaded, checked, installed  3.0 s\n" in err
        assert ("#4 0.5 word\n" in err) is bool(more)


def test_what_is_found_of_runs_has_the_documented_keys(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: Made = make_run(tmp_path)
    monkeypatch.chdir(made.project.root)
    name = made.folder.name
    for words in (("verify", name), ("compare", name, name)):
        wiring = Wiring()
        wiring.runner = made.runner
        code, out, err = hakobune(*words, "--json", wiring=wiring)
        assert code == 0, err
        assert_documented(out, *words)
        assert err, "people read the same, on stderr"


def test_what_is_found_of_jobs_has_the_documented_keys(
    hakobune: Hakobune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("SUBSCRIPTION", "RESOURCE_GROUP", "WORKSPACE"):
        monkeypatch.setenv(f"HAKOBUNE_{name}", "x")
    ready: Ready = make_ready(tmp_path)
    ready.cloud.statuses = iter(["Running", *["Completed"] * 20])
    ready.cloud.logs = [b"fitting\n"]
    words: tuple[str, ...]
    for words in (
        ("push",),
        ("submit", "--create-compute", "--register", "--ungraded"),
        ("watch",),
        ("fetch",),
        ("register", "--ungraded"),
        ("cancel",),
        ("export", "--pylock", "pylock.toml"),
    ):
        code, out, err = hakobune(*words, "--json", wiring=FakeWiring(ready, is_offline=False))
        assert code == 0, (words, err)
        assert_documented(out, *words)


PROGRAM = """
import sys
from hakobune.adapters.process import SystemRunner
from hakobune.console import all_aside, show, show_json

show("before")
with all_aside():
    show("ours")
    SystemRunner().attach([sys.executable, "-c", "print('theirs')"])
show_json({})
"""


@pytest.mark.process
def test_what_a_program_prints_meanwhile_goes_aside() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == "before\n{}\n"
    assert sorted(done.stderr.splitlines()) == ["ours", "theirs"]
