"""Arguments and environment to one frozen value. The only reader of environment variables.

`parse_arguments` gives raw text, `place_run` says which run this is and where it goes (a failure is
recorded there), `complete` checks the rest and fills in what was not given.
"""

import argparse
import os
import platform
import re
import secrets
import time
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer import __version__
from trainer.errors import (
    BacktestInvalidError,
    BoxCoxInvalidError,
    ChoicesContradictError,
    HoldoutInvalidError,
    HorizonInvalidError,
    OrderInvalidError,
    RunIdInvalidError,
)
from trainer.input.options import Holdout, ReadAs, add_table_options, table_options
from trainer.record import has_avx2_and_fma
from trainer.regressors.plan import Plan, parse_names, parse_plan, parse_seasons

DEFAULT_HOLDOUT_FRACTION = 0.1
DEFAULT_WINDOWS = 5
MOST_WINDOWS = 200
ENGINES = ("kernel", "pmdarima")
SELECTS = ("combination", "backtest", "aicc", "average")
FLOORS = ("auto", "none")
POINTS = ("median", "mean")
LONGEST_HORIZON = 10_000
LARGEST_ORDER = (12, 2, 12)
LARGEST_SEASONAL_ORDER = (3, 1, 3, 366)
# NumPy's names for its loops beyond AVX2, which the image names too, for other programs.
_WITHOUT_LOOPS = "NPY_DISABLE_CPU_FEATURES"
_WIDER_LOOPS = ("X86_V4", "AVX512_ICL", "AVX512_SPR")
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_COUNT = re.compile(r"[0-9]{1,9}")
_FRACTION = re.compile(r"[0-9]*\.[0-9]+|[0-9]+(?:\.[0-9]+)?%")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_LARGEST_POWER = 5.0
# Few retries, because a training does not wait long; and MLflow's makers are told nothing.
_MLFLOW_DEFAULTS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "8",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}
# A folder as store needs the first from MLflow 3.13 on; what is logged has to be there at the end.
_MLFLOW_VARIABLES = {"MLFLOW_ALLOW_FILE_STORE": "true", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"}
_ORDER_REMEDY = (
    "give --order p,d,q such as 2,0,2 (at most {}), or --order auto; "
    "and --seasonal_order P,D,Q,m such as 0,1,1,7 (at most {})"
).format(
    ",".join(str(number) for number in LARGEST_ORDER),
    ",".join(str(number) for number in LARGEST_SEASONAL_ORDER),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlace:
    """Which run this is, and the folder that its outputs go to."""

    run_id: str
    output: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPlan:
    """Windows of the backtest; a step or horizon of None is found from the forecast's."""

    windows: int
    step: int | None
    horizon: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for. `order` None means: search; `input` None: the built-in series.

    `seasons` None means the calendar's natural ones. `power` is Box-Cox's, `is_mean`: its forecast
    is the mean, not the median. `required_skill` None means that a model without skill is no error.
    """

    model_name: str
    place: RunPlace
    input: Path | None
    order: tuple[int, int, int] | None
    seasonal_order: tuple[int, int, int, int]
    date_column: str | None
    value_column: str | None
    read_as: ReadAs
    holdout: Holdout
    horizon: int | None
    engine: Literal["kernel", "pmdarima"]
    select: Literal["combination", "backtest", "aicc", "average"]
    has_floor: bool
    power: float | Literal["auto"] | None
    is_mean: bool
    seasons: tuple[int, ...] | None
    calendar: Plan
    regressors: tuple[str, ...]
    backtest: BacktestPlan
    required_skill: float | None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Tracking:
    """Where MLflow is told of the run. Address and variables may hold secrets: never print it.

    `run_id` names a run to go on with, None means a new one; `variables` are the environment of
    the process that tells.
    """

    uri: str
    run_id: str | None
    experiment: str | None
    experiment_id: str | None
    variables: Mapping[str, str]


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the raw texts of the command line. Exits with 2 on an unknown option."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description="Fit an ARIMA model to a CSV of dates and numbers; score it and forecast.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--model_name", default="arima-model", metavar="NAME", type=_model_name)
    add("--input", metavar="FILE", help="CSV with a header; default: the AirPassengers series")
    add("--output", default="./outputs", metavar="FOLDER", help="may contain {run_id}")
    add("--run_id", metavar="ID", help="default: $AZUREML_RUN_ID, $HAKOBUNE_RUN_ID, or a new one")
    add("--order", default="auto", metavar="p,d,q", help="or auto (the default): search")
    add("--seasonal_order", metavar="P,D,Q,m", help="with --order p,d,q; default: not seasonal")
    add("--date_column", metavar="COLUMN", help="default: the column that holds dates")
    add("--value_column", metavar="COLUMN", help="default: the column that holds numbers")
    add_table_options(parser)
    add("--holdout", metavar="ROWS", help="last rows to score: 16, 0.1 or 10%% (default)")
    add("--horizon", metavar="STEPS", help="steps to forecast; default: as many as held out")
    add("--engine", choices=ENGINES, help="search engine of --order auto; default: kernel")
    add("--select", choices=SELECTS, help="what --order auto forecasts by; default: combination")
    add("--floor", choices=FLOORS, help="no forecast below 0 where no value is; default: auto")
    add("--season", metavar="STEPS", help="such as 48,336; 1: none; default: by the calendar")
    add("--box_cox", metavar="POWER", help="transform positive values; 0 is the log; or auto")
    add("--box_cox_point", choices=POINTS, help="what --box_cox forecasts; default: median")
    add("--calendar", action="append", metavar="LIST", help="weekday,month,holidays:DE")
    add("--fourier", action="append", metavar="PERIOD:PAIRS", help="a long season: 365.25:3")
    add("--regressors", action="append", metavar="COLUMNS", help="columns that explain the values")
    add("--backtest_windows", metavar="N", help="origins to forecast from; 0: none; default: 5")
    add("--backtest_step", metavar="ROWS", help="between origins; default: half the horizon")
    add("--backtest_horizon", metavar="STEPS", help="default: as many as are forecast")
    add("--require_skill", metavar="SHARE", help="fail unless this much better than each baseline")
    add("--version", action="version", version=f"trainer {__version__}")
    return parser.parse_args(arguments)


def read_environment() -> MutableMapping[str, str]:
    """Return the process's environment, to be read here and prepared for the libraries."""
    return os.environ


def library_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the libraries need to hear before they load.

    One thread: the matrices are small, and the number of threads changes the last bits of sums.
    OpenBLAS and NumPy would choose their code by the processor, and with it the last digits: they
    are told to take what every claimed processor has, whatever the environment says. Only on an
    older one OpenBLAS has to hear less, as it would die of an instruction that is not there.
    """
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    variables = {name: "1" for name in names if name not in environment}
    if platform.machine() == "x86_64":
        variables["OPENBLAS_CORETYPE"] = "Haswell" if has_avx2_and_fma() else "Nehalem"
        given = environment.get(_WITHOUT_LOOPS, "").replace(",", " ").split()
        variables[_WITHOUT_LOOPS] = " ".join(dict.fromkeys([*given, *_WIDER_LOOPS]))
    return variables


def read_tracking(environment: Mapping[str, str]) -> Tracking | None:
    """Return where MLflow is told of the run; None where the environment names no place.

    MLflow's own variables, and on Azure ML the job's run, which is one of MLflow's there.
    """
    uri = environment.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        return None
    azure_run = environment.get("AZUREML_RUN_ID") if uri.startswith("azureml:") else None
    return Tracking(
        uri=uri,
        run_id=environment.get("MLFLOW_RUN_ID") or azure_run or None,
        experiment=environment.get("MLFLOW_EXPERIMENT_NAME") or None,
        experiment_id=environment.get("MLFLOW_EXPERIMENT_ID") or None,
        variables={**_MLFLOW_DEFAULTS, **environment, **_MLFLOW_VARIABLES},
    )


def has_matplotlib_folder(environment: Mapping[str, str]) -> bool:
    """Return whether matplotlib finds a folder of the user's for its font list."""
    if environment.get("MPLCONFIGDIR"):
        return True
    home = environment.get("HOME")
    for variable, name in (("XDG_CONFIG_HOME", ".config"), ("XDG_CACHE_HOME", ".cache")):
        given = environment.get(variable) or (f"{home}/{name}" if home else None)
        if given is None or not _can_be_made(Path(given) / "matplotlib"):
            return False
    return True


def _can_be_made(folder: Path) -> bool:
    paths = (folder, *folder.parents)
    existing = next((path for path in paths if os.path.exists(path)), folder)  # noqa: PTH110 - Path.exists raises where it may not look
    return existing.is_dir() and os.access(existing, os.W_OK)


def place_run(raw: argparse.Namespace, environment: Mapping[str, str]) -> RunPlace:
    """Return the run's id and output folder."""
    given = raw.run_id, environment.get("AZUREML_RUN_ID"), environment.get("HAKOBUNE_RUN_ID")
    run_id = next((text for text in given if text), None) or new_run_id()
    if not RUN_ID.fullmatch(run_id):
        raise RunIdInvalidError(
            f"the run id {run_id!r} cannot be used as a folder name",
            remedy="use letters, digits, '.', '_' and '-', a letter or digit first, at most 200",
        )
    return RunPlace(run_id=run_id, output=Path(raw.output.replace("{run_id}", run_id)))


def new_run_id() -> str:
    """Return a new id; ids sort by the second in which they were made."""
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(3)}"


def complete(raw: argparse.Namespace, place: RunPlace) -> Settings:
    """Check the texts and fill in what was not given."""
    order = _order(raw.order)
    if order is None and raw.seasonal_order is not None:
        raise OrderInvalidError(
            "--seasonal_order was given, but --order is auto", remedy=_ORDER_REMEDY
        )
    _refuse_contradictions(raw, order)
    return Settings(
        model_name=raw.model_name,
        place=place,
        input=None if raw.input is None else Path(raw.input),
        order=order,
        seasonal_order=_seasonal_order(raw.seasonal_order),
        date_column=raw.date_column,
        value_column=raw.value_column,
        read_as=table_options(raw),
        holdout=_holdout(raw.holdout),
        horizon=None if raw.horizon is None else read_horizon(raw.horizon),
        engine=raw.engine or "kernel",
        select=raw.select or "combination",
        has_floor=(raw.floor or "auto") == "auto" and order is None,
        power=_power(raw.box_cox),
        is_mean=raw.box_cox_point == "mean",
        seasons=parse_seasons(raw.season),
        calendar=parse_plan(calendar=raw.calendar or (), fourier=raw.fourier or ()),
        regressors=parse_names(raw.regressors or ()),
        backtest=_backtest(raw),
        required_skill=_skill(raw.require_skill),
    )


def _refuse_contradictions(raw: argparse.Namespace, order: tuple[int, int, int] | None) -> None:
    for flag in ("--engine", "--select", "--floor", "--season"):
        value = getattr(raw, flag[2:])
        if order is not None and value is not None:
            raise ChoicesContradictError(
                f"{flag} {value} is for a search, but --order names an order",
                remedy=f"leave out {flag}, or give --order auto; --seasonal_order names a season",
            )
    if raw.box_cox_point is not None and raw.box_cox is None:
        what = f"--box_cox_point {raw.box_cox_point} was given without --box_cox"
        raise ChoicesContradictError(what, remedy="give --box_cox auto, or leave it out")
    if raw.engine == "pmdarima" and raw.select is not None:
        raise ChoicesContradictError(
            f"--select {raw.select} works with --engine kernel only; pmdarima selects by AICc",
            remedy="leave out --select, or give --engine kernel",
        )


def _power(text: str | None) -> float | Literal["auto"] | None:
    if text is None:
        return None
    if text.strip() == "auto":
        return "auto"
    if not _NUMBER.fullmatch(text.strip()) or abs(float(text)) > _LARGEST_POWER:
        raise BoxCoxInvalidError(
            f"--box_cox {text!r} is not a power",
            remedy=f"give a number from -{_LARGEST_POWER:g} to {_LARGEST_POWER:g}, or auto",
        )
    return float(text)


def _backtest(raw: argparse.Namespace) -> BacktestPlan:
    return BacktestPlan(
        windows=_count("--backtest_windows", raw.backtest_windows, DEFAULT_WINDOWS, least=0) or 0,
        step=_count("--backtest_step", raw.backtest_step, None, least=1),
        horizon=_count("--backtest_horizon", raw.backtest_horizon, None, least=1),
    )


def _count(flag: str, text: str | None, default: int | None, *, least: int) -> int | None:
    if text is None:
        return default
    most = MOST_WINDOWS if flag == "--backtest_windows" else LONGEST_HORIZON
    if not _COUNT.fullmatch(text.strip()) or not least <= int(text) <= most:
        raise BacktestInvalidError(
            f"{flag} {text!r} is not a valid number",
            remedy=f"give a whole number from {least} to {most}",
        )
    return int(text)


def _skill(text: str | None) -> float | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text.strip()) or float(text) >= 1:
        raise BacktestInvalidError(
            f"--require_skill {text!r} is not a share below 1",
            remedy="give 0.0 to ask for any skill, 0.1 for a tenth less error than each baseline",
        )
    return float(text)


def _model_name(text: str) -> str:
    if not text.strip() or len(text) > 255 or not text.isprintable():  # noqa: PLR2004 - a file name's length
        raise argparse.ArgumentTypeError("a name of 1 to 255 printable characters")
    return text


def _order(text: str) -> tuple[int, int, int] | None:
    if text.strip().lower() == "auto":
        return None
    p, d, q = _whole_numbers("--order", text, LARGEST_ORDER)
    return p, d, q


def _seasonal_order(text: str | None) -> tuple[int, int, int, int]:
    if text is None:
        return 0, 0, 0, 0
    p, d, q, m = _whole_numbers("--seasonal_order", text, LARGEST_SEASONAL_ORDER)
    if p + d + q == 0:
        return 0, 0, 0, 0
    if m < 2:  # noqa: PLR2004 - a season has at least two steps
        raise OrderInvalidError(
            f"--seasonal_order {text}: the season length must be at least 2", remedy=_ORDER_REMEDY
        )
    return p, d, q, m


def _whole_numbers(flag: str, text: str, largest: tuple[int, ...]) -> list[int]:
    parts = [part.strip() for part in text.strip().removeprefix("(").removesuffix(")").split(",")]
    if len(parts) != len(largest) or not all(_COUNT.fullmatch(part) for part in parts):
        raise OrderInvalidError(
            f"{flag} {text!r} is not {len(largest)} non-negative integers separated by commas",
            remedy=_ORDER_REMEDY,
        )
    numbers = [int(part) for part in parts]
    if any(number > limit for number, limit in zip(numbers, largest, strict=True)):
        raise OrderInvalidError(f"{flag} {text} is too large", remedy=_ORDER_REMEDY)
    return numbers


def _holdout(text: str | None) -> Holdout:
    if text is None:
        return Holdout(fraction=DEFAULT_HOLDOUT_FRACTION)
    text = text.strip()
    if _COUNT.fullmatch(text) and int(text) >= 1:
        return Holdout(rows=int(text))
    if _FRACTION.fullmatch(text):
        fraction = float(text[:-1]) / 100 if text.endswith("%") else float(text)
        if 0 < fraction < 1:
            return Holdout(fraction=fraction)
    raise HoldoutInvalidError(
        f"--holdout {text!r} is neither a number of rows nor a fraction between 0 and 1",
        remedy="give a number of rows (16), a fraction (0.1) or a percentage (10%)",
    )


def read_horizon(text: str) -> int:
    """Return the number of steps. Raises HorizonInvalidError."""
    if not _COUNT.fullmatch(text.strip()) or not 1 <= int(text) <= LONGEST_HORIZON:
        raise HorizonInvalidError(
            f"--horizon {text!r} is not a number of steps",
            remedy=f"give a whole number from 1 to {LONGEST_HORIZON}",
        )
    return int(text)
