"""The command line of `compare` to one frozen value."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from trainer.input.options import ReadAs, add_table_options, table_options

Loss = Literal["absolute", "squared"]
STANDARD = "-"
DEFAULT_SIGNIFICANCE = 0.05
_LARGEST_SIGNIFICANCE = 0.5
_MOST_STEPS = 10_000
_COUNT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for. `json` is a path, `-` for standard output, or None."""

    champion: Path
    challenger: Path
    data: Path
    date_column: str | None
    value_column: str | None
    read_as: ReadAs
    horizon: int | None
    step: int | None
    loss: Loss
    significance: float
    trust_pickle: bool
    json: str | None


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the checked command line. Exits with 2 where it is wrong."""
    raw = _parser().parse_args(arguments)
    return Options(
        champion=Path(raw.champion),
        challenger=Path(raw.challenger),
        data=Path(raw.data),
        date_column=raw.date_column,
        value_column=raw.value_column,
        read_as=table_options(raw),
        horizon=raw.horizon,
        step=raw.step,
        loss=raw.loss,
        significance=raw.significance,
        trust_pickle=raw.trust_pickle,
        json=raw.json,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer compare",
        description="Compare two models on values that neither was trained on: which one "
        "should be kept?",
        epilog="Exit code 0: promote the challenger; 10: keep the champion; all others: the "
        "comparison failed, keep the champion.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--champion", required=True, metavar="RUN", type=_path, help="a run's folder, or its JSON")
    add("--challenger", required=True, metavar="RUN", type=_path, help="the model to promote")
    add(
        "--data",
        required=True,
        metavar="FILE",
        type=_path,
        help="CSV with rows that are new to both",
    )
    add("--date_column", metavar="COLUMN", help="default: that of the models, or detected")
    add("--value_column", metavar="COLUMN", help="default: that of the models, or detected")
    add_table_options(parser)
    add("--horizon", metavar="STEPS", type=_count, help="default: a season, or less")
    add("--step", metavar="ROWS", type=_count, help="from origin to origin; default: 1")
    add("--loss", choices=get_args(Loss), default="absolute", help="of errors; default: absolute")
    add(
        "--significance",
        metavar="P",
        type=_significance,
        default=DEFAULT_SIGNIFICANCE,
        help=f"promote below this p-value; default: {DEFAULT_SIGNIFICANCE}",
    )
    add(
        "--trust-pickle",
        action="store_true",
        help="open a .pkl itself; default: the JSON beside it",
    )
    add("--json", metavar="FILE", type=_path, help="the verdict; - for standard output")
    return parser


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("an empty path")
    return text


def _count(text: str) -> int:
    if not _COUNT.fullmatch(text.strip()) or not 1 <= int(text) <= _MOST_STEPS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to {_MOST_STEPS}")
    return int(text)


def _significance(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _LARGEST_SIGNIFICANCE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a probability above 0 and up to {_LARGEST_SIGNIFICANCE}"
        )
    return number
