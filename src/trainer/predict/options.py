"""The command line of `predict` to one frozen value."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer.input.options import STANDARD, ReadAs, add_table_options, table_options
from trainer.prepare.options import is_same_file
from trainer.settings import LONGEST_HORIZON, read_horizon


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user asked for. `output` is a path, or `-` for standard output."""

    model: Path
    series: str | None
    horizon: int
    future: Path | None
    read_as: ReadAs
    trust_pickle: bool
    output: str


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the checked command line. Exits with 2 where it is wrong.

    Raises HorizonInvalidError where the horizon is not a valid number.
    """
    parser = _parser()
    raw = parser.parse_args(arguments)
    if any(is_same_file(path, raw.output) for path in (raw.model, raw.future) if path):
        parser.error("the model or its regressors would be overwritten; name another --output")
    return Options(
        model=Path(raw.model),
        series=raw.series,
        horizon=read_horizon(raw.horizon),
        future=None if raw.future is None else Path(raw.future),
        read_as=table_options(raw),
        trust_pickle=raw.trust_pickle,
        output=raw.output,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer predict",
        description="Forecast what follows the rows that a model was trained on, as forecast.csv "
        "does: dates, forecast, and intervals of 80 and 95 %.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--model",
        required=True,
        metavar="FILE",
        type=_path,
        help="a run's arima_model.json, or models.sqlite",
    )
    add("--series", metavar="ID", help="which one, where the file is the models.sqlite of `many`")
    add("--horizon", required=True, metavar="STEPS", help=f"1 to {LONGEST_HORIZON}")
    add(
        "--future",
        metavar="FILE",
        type=_path,
        help="CSV with the dates to forecast and the model's --regressors; required if it has any",
    )
    add_table_options(parser.add_argument_group("how --future is read"))
    add(
        "--trust-pickle",
        action="store_true",
        help="open a .pkl itself; default: the JSON beside it",
    )
    add("--output", default=STANDARD, metavar="FILE", type=_path, help="default: standard output")
    return parser


def _path(text: str) -> str:
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError("an empty path")
    return text
