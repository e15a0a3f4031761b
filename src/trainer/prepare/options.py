"""The command line of `prepare` to one frozen value."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args

from trainer.input.options import STANDARD, ReadAs, add_table_options, table_options

Measure = Literal["mean", "sum", "count", "quantity"]
Period = Literal["day", "week", "month"]
Fill = Literal["none", "line", "zero"]
Sums = Literal["plain", "exact"]
Partial = Literal["drop", "keep"]
ROLES = ("date", "quantity", "cost", "type", "product")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnTexts:
    """How the user names each column: a header, or a place counted from 1."""

    date: str
    quantity: str | None = None
    cost: str | None = None
    type: str | None = None
    product: str | None = None

    def given(self) -> dict[str, str]:
        """Return the columns that are named, by their roles."""
        named = {role: getattr(self, role) for role in ROLES}
        return {role: text for role, text in named.items() if text is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for. `-` as a path means: standard input or output."""

    source: str
    output: str
    report: str | None
    measure: Measure
    by: Period
    fill: Fill
    sums: Sums
    partial: Partial
    types: tuple[str, ...]
    products: tuple[str, ...]
    first: date | None
    last: date | None
    columns: ColumnTexts | None
    read_as: ReadAs
    skips_broken: bool


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the checked command line. Exits with 2 where it is wrong."""
    parser = _parser()
    raw = parser.parse_args(arguments)
    _refuse_contradictions(parser, raw)
    return Options(
        source=raw.source,
        output=raw.output,
        report=raw.report,
        measure=raw.measure,
        by=raw.by,
        fill=raw.fill,
        sums=raw.sums,
        partial=raw.partial,
        types=tuple(text.strip() for text in raw.type),
        products=tuple(text.strip() for text in raw.product),
        first=raw.first,
        last=raw.last,
        columns=raw.columns,
        read_as=table_options(raw),
        skips_broken=raw.skip_broken,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer prepare",
        description="Turn raw transactions, one per line, into a series for training.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("source", metavar="FILE", type=_path, help="raw lines; - reads standard input")
    add("--output", default=STANDARD, type=_path, metavar="FILE", help="default: standard output")
    add("--report", type=_path, metavar="FILE", help="data report as JSON; default: on stderr")
    add("--measure", default="mean", choices=get_args(Measure), help="default: mean of amounts")
    add("--by", default="day", choices=get_args(Period), help="default: day")
    add("--type", action="append", default=[], metavar="TYPE", help="only this type; repeatable")
    add("--product", action="append", default=[], metavar="ID", help="only this one; repeatable")
    add("--from", dest="first", type=_day, metavar="DATE", help="first day, YYYY-MM-DD")
    add("--to", dest="last", type=_day, metavar="DATE", help="last day, YYYY-MM-DD")
    add("--fill", default="none", choices=get_args(Fill), help="days without lines; default: none")
    add("--partial", default="drop", choices=get_args(Partial), help="incomplete days or periods")
    add("--sums", default="plain", choices=get_args(Sums), help="exact: for unsorted lines")
    add("--columns", type=_columns, metavar="NAME=COLUMN,...", help="date, quantity, cost, ...")
    add_table_options(parser)
    add("--skip_broken", action="store_true", help="skip and count lines that cannot be read")
    return parser


def _refuse_contradictions(parser: argparse.ArgumentParser, raw: argparse.Namespace) -> None:
    columns = raw.columns
    if raw.first and raw.last and raw.first > raw.last:
        parser.error(f"--from {raw.first} is later than --to {raw.last}")
    if raw.fill == "zero" and raw.measure == "mean":
        parser.error("--fill zero: without amounts the mean is not 0; use --fill none or line")
    if raw.report == STANDARD == raw.output:
        parser.error("--report -: standard output holds the series; name a file")
    if raw.report not in (None, STANDARD) and is_same_file(raw.report, raw.output):
        parser.error("--report and --output name the same file")
    if raw.source != STANDARD and any(
        is_same_file(raw.source, path) for path in (raw.output, raw.report)
    ):
        parser.error("the raw file would be overwritten; name another --output or --report")
    needed = {"mean": ("quantity", "cost"), "sum": ("quantity", "cost"), "quantity": ("quantity",)}
    wanted = [*needed.get(raw.measure, ()), *(["type"] if raw.type else [])]
    for role in [*wanted, *(["product"] if raw.product else [])]:
        if columns is not None and getattr(columns, role) is None:
            parser.error(f"--columns: {role}=... is needed")


def is_same_file(one: str, other: str | None) -> bool:
    """Return whether two paths name one file, through links too."""
    if other in (None, STANDARD):
        return False
    try:
        return Path(one).resolve() == Path(other or "").resolve() or Path(one).samefile(other or "")
    except OSError:
        return False


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("an empty path")
    return text


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a date: write YYYY-MM-DD")
    try:
        return date.fromisoformat(text.strip())
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text!r} is not a date: {exc}") from exc


def _columns(text: str) -> ColumnTexts:
    given = dict[str, str]()
    # A header may hold a comma: only one that a role follows parts two columns.
    for part in re.split(rf",(?=\s*(?:{'|'.join(ROLES)})\s*=)", text):
        role, mark, column = (piece.strip() for piece in part.partition("="))
        if role not in ROLES or not mark or not column or role in given:
            reason = "is given twice" if role in given else f"is not {'/'.join(ROLES)}=COLUMN"
            raise argparse.ArgumentTypeError(f"{part.strip()!r} {reason}")
        given[role] = column
    if "date" not in given:
        raise argparse.ArgumentTypeError("date=COLUMN is missing")
    return ColumnTexts(**given)
