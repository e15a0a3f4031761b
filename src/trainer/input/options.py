"""How a table is read, as the user says it: the options of every command that reads one.

What is not told is found out, or asked for where two readings are possible.
"""

import argparse
from dataclasses import dataclass

from trainer.input.date_forms import NAMES
from trainer.input.numbers import MARKS, Mark

STANDARD = "-"  # standard input or output, as a path
ENCODINGS = ("utf-8", "utf-16", "cp932", "cp1252", "latin-1")
_SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " ", "\\t": "\t"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAs:
    """What the user said about a table; None: find it out."""

    decimal: Mark | None = None
    encoding: str | None = None
    separator: str | None = None
    date_format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdout:
    """The last part of the series, which is scored: a number of rows, or a fraction of all rows."""

    rows: int | None = None
    fraction: float | None = None


def add_table_options(parser: argparse._ActionsContainer) -> None:
    """Add the options that say how a table is read."""
    add = parser.add_argument
    add("--decimal", choices=MARKS, metavar="MARK", help="decimal mark, . or ,; default: detected")
    add("--encoding", choices=ENCODINGS, metavar="NAME", help=f"one of {', '.join(ENCODINGS)}")
    add("--separator", type=_separator, metavar="TEXT", help="tab, comma, ...; default: detected")
    add("--date_format", choices=NAMES, metavar="FORMAT", help="such as DD/MM/YYYY")


def table_options(raw: argparse.Namespace) -> ReadAs:
    """Return what the command line says about the table."""
    return ReadAs(
        decimal=raw.decimal,
        encoding=raw.encoding,
        separator=raw.separator,
        date_format=raw.date_format,
    )


def _separator(text: str) -> str:
    separator = _SEPARATORS.get(text.lower(), text)
    if len(separator) != 1 or separator in '"\r\n.+-' or separator.isalnum():
        names = ", ".join(name for name in _SEPARATORS if name.isalpha())
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a separator: give one character, or {names}"
        )
    return separator
