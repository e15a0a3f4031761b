"""The command line of `many` to one frozen value."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer import __version__
from trainer.errors import BatchesUnusableError, ChoicesContradictError
from trainer.input.options import ReadAs, add_table_options, table_options
from trainer.settings import FLOORS, RunPlace, read_environment, read_horizon

KEYS = ".cluster"
_BATCHES = "batches"
_SHARD = re.compile(r"([0-9]{1,6})/([0-9]{1,6})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ManySettings:
    """What the user asked for.

    `horizon` None means one season of each series. `only` are columns and the texts that a row has
    to have one of. `processes` None means all cores. `batches` is the folder that keeps the
    batches, None for one that is gone with the run; `shard` is a part from 0 and their number.
    `max_failures` None means that some series at least must not fail.
    """

    place: RunPlace
    input: Path
    series_columns: tuple[str, ...]
    date_column: str | None
    value_column: str | None
    read_as: ReadAs
    only: tuple[tuple[str, tuple[str, ...]], ...]
    sums_days: bool
    horizon: int | None
    has_floor: bool
    max_failures: int | None
    processes: int | None
    batches: Path | None
    keeps_batches: bool
    shard: tuple[int, int] | None
    keys: Path | None


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the raw texts of the command line. Exits with 2 on an unknown option."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer many",
        description="Forecast every series of a long table: one row for each series and date, "
        "with the columns unique_id, ds and y or those that are named.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--input", required=True, metavar="FILE", help="CSV, .csv.gz or parquet, in any order")
    add("--output", default="./outputs", metavar="FOLDER", help="may contain {run_id}")
    add("--run_id", metavar="ID", help="default: $AZUREML_RUN_ID, $HAKOBUNE_RUN_ID, or a new one")
    add(
        "--series_column",
        action="append",
        default=[],
        metavar="COLUMN",
        help="names the series; repeatable; default: unique_id",
    )
    add("--date_column", metavar="COLUMN", help="default: ds, or the column that holds dates")
    add("--value_column", metavar="COLUMN", help="default: y, or the column that holds numbers")
    add_table_options(parser)
    add(
        "--only",
        action="append",
        default=[],
        type=_only,
        metavar="COLUMN=TEXT",
        help="rows with this text in a column; repeatable",
    )
    add("--sum_days", action="store_true", help="add up rows by day; a day without a row is 0")
    add("--horizon", metavar="STEPS", help="default: a season, or 6 steps without one")
    add("--floor", choices=FLOORS, help="no forecast below 0 where no value is; default: auto")
    add(
        "--max_failures",
        type=_count,
        metavar="N",
        help="fail if more series fail; default: if all do",
    )
    add("--processes", type=_some, metavar="N", help="default: one for each core; 1: in this one")
    add("--batches", metavar="FOLDER", help="keep finished batches there, and use those it has")
    add(
        "--cluster",
        nargs="?",
        const=KEYS,
        metavar="FOLDER",
        help="this is one of several nodes with one output, as on Azure ML with --instances; "
        "they find their key in FOLDER, by default one beside the batches or in the output",
    )
    add("--shard", metavar="R/N", help="only batches of part R (from 0) of N; no result files")
    add("--version", action="version", version=f"trainer {__version__}")
    return parser.parse_args(arguments)


def complete(raw: argparse.Namespace, place: RunPlace) -> ManySettings:
    """Check all texts. Raises UsageError."""
    only = dict[str, list[str]]()
    for column, text in raw.only:
        only.setdefault(column, []).append(text)
    return ManySettings(
        place=place,
        input=Path(raw.input),
        series_columns=tuple(raw.series_column),
        date_column=raw.date_column,
        value_column=raw.value_column,
        read_as=table_options(raw),
        only=tuple((column, tuple(texts)) for column, texts in only.items()),
        sums_days=raw.sum_days,
        horizon=None if raw.horizon is None else read_horizon(raw.horizon),
        has_floor=(raw.floor or "auto") == "auto",
        max_failures=raw.max_failures,
        processes=raw.processes,
        batches=_batches(raw, place),
        keeps_batches=raw.batches is not None,
        shard=_shard(raw.shard, raw.batches),
        keys=_keys(raw, place),
    )


def _batches(raw: argparse.Namespace, place: RunPlace) -> Path | None:
    if raw.batches is not None:
        return Path(raw.batches)
    return None if raw.cluster is None else place.output / KEYS / _BATCHES


def _keys(raw: argparse.Namespace, place: RunPlace) -> Path | None:
    if raw.cluster is not None and raw.shard is not None:
        raise ChoicesContradictError(
            "--cluster and --shard exclude each other", remedy="leave out one of them"
        )
    if raw.cluster is None:
        return None
    if raw.cluster != KEYS:
        return Path(raw.cluster)
    # Nodes on one machine may share a folder in memory, which an output is not.
    in_memory = read_environment().get("HAKOBUNE_KEYS")
    # Beside the batches, where these have a folder: what is left of it is no result of the run.
    beside = place.output if raw.batches is None else Path(raw.batches)
    return Path(in_memory) if in_memory else beside / KEYS


def _shard(text: str | None, batches: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = _SHARD.fullmatch(text.strip())
    if found is None or not int(found[1]) < int(found[2]):
        raise BatchesUnusableError(
            f"--shard {text!r} is not a part of a number of parts",
            remedy="give R/N, with R from 0 to N - 1: 0/4, 1/4, 2/4 and 3/4",
        )
    if batches is None:
        raise BatchesUnusableError(
            f"--shard {text}: its batches need a folder that all parts share",
            remedy="name it with --batches FOLDER",
        )
    return int(found[1]), int(found[2])


def _only(text: str) -> tuple[str, str]:
    column, mark, value = text.partition("=")
    if not column or not mark:
        raise argparse.ArgumentTypeError(f"{text!r} is not COLUMN=TEXT")
    return column, value.strip()


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of series")
    return int(text)


def _some(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes")
    return int(text)
