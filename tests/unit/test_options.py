"""Every option of every command is an argument in a test of that command.

The rule: one test function, with its decorators and the module's constants that it names, holds
the option (or `option=value`) and, where a program has commands, the command's name. Each is a
string of its own, as an argument of a call or in a tuple or list: a sentence that mentions an
option, or a comparison with a help text, does not count.
"""

import ast
import contextlib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from drydock.cli import cli as drydock
from hakobune.cli.main import COMMANDS
from hakobune.cli.main import cli as hakobune
from trainer.__main__ import main as train

TESTS = Path(__file__).resolve().parents[1]
# The folders whose tests call the program.
HAKOBUNE = ("unit/hakobune/cli", "container", "e2e")
DRYDOCK = ("unit/drydock", "e2e")
TRAINER = ("unit/trainer", "container", "e2e")


def words_of(*folders: str) -> list[set[str]]:
    """Return the strings of each test function below these folders."""
    paths = [path for folder in folders for path in sorted((TESTS / folder).rglob("*.py"))]
    return [words for path in paths for words in words_in(path)]


@cache
def words_in(path: Path) -> list[set[str]]:
    """Return the strings of each function of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            named = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
            parts = [node, *(constants[name] for name in named & set(constants))]
            found.append({word for part in parts for word in strings_in(part)})
    return found


def strings_in(tree: ast.AST) -> set[str]:
    return {
        part.value
        for node in ast.walk(tree)
        for part in arguments_in(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }


def arguments_in(node: ast.AST) -> list[ast.expr]:
    """Return what a call is given, or what a tuple or list that a call may be given holds."""
    if isinstance(node, ast.Call):
        return node.args
    return node.elts if isinstance(node, ast.Tuple | ast.List) else []


def is_used(option: str, command: str, tests: list[set[str]]) -> bool:
    return any(
        (not command or command in words)
        and any(word == option or word.startswith(f"{option}=") for word in words)
        for words in tests
    )


def click_options(group: click.Group, names: list[str]) -> Iterator[tuple[str, str]]:
    context = click.Context(group)
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield name, next(o for o in parameter.opts if o.startswith("--"))


def trainer_options(capsys: pytest.CaptureFixture[str], *command: str) -> list[str]:
    """Return the options that a command's help lists."""
    with contextlib.suppress(SystemExit):
        train([*command, "--help"])
    found = re.findall(r"(?m)^  (?:-\w, )?(--[\w-]+)", capsys.readouterr().out)
    return [option for option in found if option != "--help"]


def test_every_option_of_hakobune_is_tested() -> None:
    tests = words_of(*HAKOBUNE)
    options = list(click_options(hakobune, list(COMMANDS)))
    assert len(options) > 60
    # unit/hakobune/cli/test_json.py calls every command with it.
    options = [found for found in options if found[1] != "--json"]
    assert [" ".join(o) for o in options if not is_used(o[1], o[0], tests)] == []


def test_every_option_of_drydock_is_tested() -> None:
    tests = words_of(*DRYDOCK)
    options = list(click_options(drydock, list(drydock.commands)))
    assert len(options) > 5
    assert [" ".join(o) for o in options if not is_used(o[1], o[0], tests)] == []


@pytest.mark.parametrize("command", ["train", "many", "compare", "predict", "prepare"])
def test_every_option_of_the_trainer_is_tested(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A training is the command without a name; the others have a folder of tests each.
    is_train = command == "train"
    folders = (f"unit/trainer/{command}", "unit/trainer/cluster", "container")
    tests = words_of(*(TRAINER if is_train else folders))
    options = trainer_options(capsys, *(() if is_train else (command,)))
    assert len(options) > 3
    assert [option for option in options if not is_used(option, "", tests)] == []
