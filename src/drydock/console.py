"""All terminal text. Results go to stdout, progress and errors to stderr."""

import sys
from collections.abc import Sequence

from drydock.errors import DrydockError


def say(text: str) -> None:
    """Show one line on stderr."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def show(text: str) -> None:
    """Print lines of result on stdout."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")


def show_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print rows in aligned columns on stdout."""
    width = max((len(row[0]) for row in rows), default=0)
    for name, text in rows:
        show(f"{name:<{width}}  {text}")


def show_error(error: DrydockError) -> None:
    """Show what failed and what to do."""
    say(f"error[{error.name()}]: {error}")
    for number, line in enumerate(error.remedy.splitlines()):
        say(f"  fix: {line}" if number == 0 else f"       {line}")
