"""Write the generated pages of this folder: cli.md and exit-codes.md (`make docs`)."""

import contextlib
import io
import sys
from pathlib import Path

import click

from hakobune import errors
from hakobune.cli.main import BUG_EXIT_CODE, COMMANDS, cli

HERE = Path(__file__).parent
NOTE = "<!-- Written by docs/reference/generate.py (`make docs`); not to be edited by hand. -->\n"


def pages() -> dict[str, str]:
    """Return each page's text by its file name."""
    return {"cli.md": cli_page(), "exit-codes.md": exit_codes_page()}


def cli_page() -> str:
    """Return the help of each command."""
    parts = [f"{NOTE}\n# Command line\n\n```text\n{help_of()}```\n"]
    parts += [
        f"\n## hakobune {' '.join(words)}\n\n```text\n{help_of(*words)}```\n"
        for name in COMMANDS
        for words in with_inner(name)
    ]
    return "".join(parts)


def with_inner(name: str) -> list[tuple[str, ...]]:
    """Return the command, and after a group the commands in it."""
    command = cli.get_command(click.Context(cli), name)
    inner = command.commands if isinstance(command, click.Group) else {}
    return [(name,), *((name, each) for each in inner)]


def help_of(*command: str) -> str:
    """Return what `hakobune … --help` prints, at a width of 90."""
    with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
        cli.main([*command, "--help"], prog_name="hakobune", max_content_width=90)
    return text.getvalue()


def exit_codes_page() -> str:
    """Return the table of exit codes."""
    found = [
        item
        for item in vars(errors).values()
        if isinstance(item, type)
        and issubclass(item, errors.HakobuneError)
        and item is not errors.HakobuneError
    ]
    rows = [(error.exit_code, (error.__doc__ or "").splitlines()[0]) for error in found]
    rows += [
        (0, "All went well."),
        (2, "Wrong usage of the command line."),
        (4, "`hakobune doctor`: a step works in another way than it should."),
        (5, "`hakobune doctor`: a step cannot work."),
        (BUG_EXIT_CODE, "A bug of hakobune; the traceback is shown."),
        (130, "Interrupted (Ctrl-C)."),
        (129, "The terminal was closed (SIGHUP)."),
        (143, "Terminated (SIGTERM)."),
    ]
    lines = [f"| {code} | {text} |" for code, text in sorted(rows)]
    return "\n".join(
        [
            f"{NOTE}\n# Exit codes of `hakobune`\n",
            "| code | meaning |",
            "| --- | --- |",
            *lines,
            "\n`hakobune train` ends with the training program's own code where that failed",
            "([trainer.md](trainer.md)).",
            "`docker/engine.sh` and `docker/base/build.sh` list theirs at their top.\n",
        ]
    )


if __name__ == "__main__":
    for file_name, page in pages().items():
        (HERE / file_name).write_text(page, encoding="utf-8")
        sys.stderr.write(f"docs/reference/{file_name}\n")
