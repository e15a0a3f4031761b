"""Write the generated pages of this folder: cli.md, exit-codes.md and forms.md (`make docs`)."""

import contextlib
import io
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import click

import drydock.errors
import hakobune.errors
import trainer.errors
from hakobune.cli.main import BUG_EXIT_CODE, COMMANDS, cli
from hakobune.model.finding import DEGRADED_EXIT_CODE
from hakobune.model.forms import FORMS, UNSEEN
from hakobune.model.json_text import DEEPEST, LARGEST, LONGEST_NUMBER, MOST_VALUES

HERE = Path(__file__).parent
PROGRAMS = {
    "hakobune": hakobune.errors,
    "trainer": trainer.errors,
    "drydock": drydock.errors,
}
NOTE = "<!-- Written by docs/reference/generate.py (`make docs`); not to be edited by hand. -->\n"

COMPLETION = """
## Completion

The shell completes commands, options, files, and the names of runs and jobs, after one of these:

```sh
eval "$(_HAKOBUNE_COMPLETE=bash_source hakobune)"    # in ~/.bashrc; needs bash 4.4
eval "$(_HAKOBUNE_COMPLETE=zsh_source hakobune)"     # in ~/.zshrc
_HAKOBUNE_COMPLETE=fish_source hakobune | source     # in ~/.config/fish/completions/hakobune.fish
```

`hakobune` must be found by that name: activate `.venv`, or install it with `uv tool` or `pipx`.
Offered are the runs whose names consist of letters, digits, `.`, `-` and `_`. The tests press Tab
in bash only.
"""
JSON = """
## JSON

Every command has `--json`. It then prints one JSON object on stdout when it ends, and everything
else on stderr, also what the training program and docker print. Each command lists the keys of its
object below. They are stable: later versions may add keys, and rename or remove none. A failure is
an object too, with these keys:

| key | value |
| --- | --- |
| `name` | the error's [stable name](exit-codes.md#names), `usage`, `interrupted` or `bug` |
| `message` | what failed |
| `place` | where: a file or `file:line`, or empty |
| `fix` | what to do |
| `exit_code` | the exit code of the command |

Before `--`, the `--json` of `hakobune train` is hakobune's option; after it, the option goes to the
training program. `--help`, `--version` and `--dry-run` print no JSON.
"""


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    return {"cli.md": cli_page(), "exit-codes.md": exit_codes_page(), "forms.md": forms_page()}


def cli_page() -> str:
    """Return the help of each command."""
    parts = [f"{NOTE}\n# Command line\n\n```text\n{help_of()}```\n", COMPLETION, JSON]
    parts += [
        f"\n## hakobune {' '.join(words)}\n\n```text\n{help_of(*words)}```\n{keys_of(command)}"
        for name in COMMANDS
        for words, command in with_inner(name)
    ]
    return "".join(parts)


def with_inner(name: str) -> list[tuple[tuple[str, ...], click.Command]]:
    """Return the command with its words, and after a group the commands in it."""
    command = cli.get_command(click.Context(cli), name)
    inner = command.commands if isinstance(command, click.Group) else {}
    found = [((name,), command)] if command is not None else []
    return [*found, *(((name, each), one) for each, one in inner.items())]


def keys_of(command: click.Command) -> str:
    """Return a table of what a command prints with `--json`; a group prints nothing."""
    keys = getattr(command.callback, "json_keys", {})
    rows = "".join(f"| `{key}` | {what} |\n" for key, what in keys.items())
    return f"\n| key with `--json` | value |\n| --- | --- |\n{rows}" if rows else ""


def help_of(*command: str) -> str:
    """Return what `hakobune … --help` prints, at a width of 90."""
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        cli.main([*command, "--help"], prog_name="hakobune", max_content_width=90)
    return text.getvalue()


def exit_codes_page() -> str:
    """Return the exit codes on one screen, and below them the names of the errors."""
    rows = {
        0: "Success.",
        DEGRADED_EXIT_CODE: "`hakobune doctor`: everything works, but something is degraded.",
        BUG_EXIT_CODE: "A bug of the program; the traceback is shown.",
        129: "The terminal was closed (SIGHUP).",
        130: "Interrupted (SIGINT, Ctrl-C).",
        143: "Terminated (SIGTERM).",
    }
    for errors in PROGRAMS.values():
        for family in families_of(errors):
            rows.setdefault(family.exit_code, first_line(family))
    lines = [f"| {code} | {text} |" for code, text in sorted(rows.items())]
    named = [
        f"| `{error.name()}` | {error.exit_code} | {program} | {first_line(error)} |"
        for program, errors in PROGRAMS.items()
        for family in families_of(errors)
        for error in family.__subclasses__()
    ]
    return "\n".join(
        [
            f"{NOTE}\n# Exit codes and names of errors\n",
            "Each code covers errors with the same kind of remedy, and has the same meaning in",
            "`hakobune`, in the training program and in `drydock`. A script that needs more detail",
            "can test the name: an error is printed as `error[lock-stale]: ...`. With `--json` it",
            "is also [one JSON object](cli.md#json) on stdout.\n",
            "| code | meaning |",
            "| --- | --- |",
            *lines,
            "\n`hakobune train` exits with 11 if the training program failed.",
            "`docker/engine.sh` and `docker/base/build.sh` list their exit codes at the top.\n",
            "## Names\n",
            "| name | code | program | meaning |",
            "| --- | --- | --- | --- |",
            *sorted(named),
            "",
        ]
    )


def forms_page() -> str:
    """Return the form of every text that comes from outside."""
    lines = [
        f"| {kind} | {form.used} | {form.words} | `{shown_pattern(form.pattern)}` "
        f"| {form.longest} |"
        for kind, form in FORMS.items()
    ]
    return "\n".join(
        [
            f"{NOTE}\n# Forms of texts from outside\n",
            "Whoever writes a run, a job, a tag, a file in storage or a config.json may be",
            "hostile. Each text that hakobune reads from them has one of these forms, as a",
            "whole, or the record, answer or file is refused. The rest of a record (`notes`,",
            "unknown keys) is neither used nor shown. Every text that is shown is escaped: the",
            "escape character appears as `\\x1b`.\n",
            "JSON must be UTF-8, without equal keys in one object, lone surrogates, NaN, infinite",
            f"numbers or numbers of more than {LONGEST_NUMBER} digits; nested at most {DEEPEST}",
            f"levels, at most {LARGEST >> 20} MiB, with at most {MOST_VALUES} values.\n",
            "`UNSEEN` are control characters, ends of lines, lone surrogates and characters that",
            f"change the direction of writing: `{UNSEEN}`.\n",
            "| form | texts | meaning | pattern | longest |",
            "| --- | --- | --- | --- | --- |",
            *lines,
            "",
        ]
    )


def shown_pattern(pattern: str) -> str:
    """Return a pattern as a cell of a table shows it."""
    return pattern.replace(UNSEEN, "UNSEEN").replace("|", "\\|")


def families_of(errors: ModuleType) -> list[type[Any]]:
    """Return the families of a program's errors: the classes right below its base class."""
    base = next(item for item in vars(errors).values() if is_base(item))
    return sorted(base.__subclasses__(), key=lambda family: int(family.exit_code))


def is_base(item: object) -> bool:
    """Return whether this is the class that all of a program's errors derive from."""
    return isinstance(item, type) and item.__base__ is Exception


def first_line(error: type[Any]) -> str:
    """Return the first line of a class's docstring."""
    return (error.__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    for file_name, page in pages().items():
        (HERE / file_name).write_text(page, encoding="utf-8")
        sys.stderr.write(f"docs/reference/{file_name}\n")
