"""The default forecast on all design series: errors, intervals and CPU against the bounds.

`accuracy` prints it below its own table. The equal-weight mean is that of ARIMA by AICc, ETS and
Theta, its standard error the mean of theirs. `--select average` is that of commit 5f64409, which
runs from an archive of that commit, in the same run. Seasons are those that the calendar of such
dates has: of hours a day and a week, of half hours too, of weeks a year where three are known.
"""

import gzip
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from search.engines import ROOT, Engine, replies
from search.protocol import Task
from search.table import Row
from trainer.combine.series import forecast_series
from trainer.members.kinds import fit, run
from trainer.members.member import MemberUnavailableError
from trainer.search.find import find_model

Floats = npt.NDArray[np.float64]
AVERAGE_AT = "5f64409"
OTHERS = ("m4-hourly", "m4-weekly", "nn5-daily")
GROUPS = ("m3", *OTHERS, "half-hourly", "carparts")
LONGER = {"m4-hourly": (168,), "half-hourly": (336,)}
WEEKS, FEWEST_YEARS = 52, 3
OVERALL, EACH, FEWEST = (0.92, 0.97), (0.89, 0.98), 80
MOST_CPU, MOST_BIAS = 0.20, 0.05
AT_95 = 1.959963984540054
LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)


@dataclass(frozen=True, slots=True)
class Scored:
    """Figures of one forecast of one series."""

    group: str
    smape: float
    mase: float
    covered: float
    msis: float
    rmse: float
    pinball: float
    total: float
    actual: float
    cpu_s: float


def rows(path: Path, groups: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of the bounds of these groups; a bound that is missed has `is_met` False."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        records = json.load(file)
    forecast_series(np.random.default_rng(1).normal(size=60).cumsum(), season=12, horizon=2)
    if "m3" in groups:
        yield from _m3([one for one in records if one["set"].startswith("m3")])
    named = [one for one in records if one["set"] in OTHERS and one["set"] in groups]
    if named:
        yield from _against_average(named)
    if "half-hourly" in groups:
        yield from _half_hours([one for one in records if one["set"] == "half-hourly"])
    if "carparts" in groups:
        yield from _demand([one for one in records if one["set"] == "carparts"])


def _m3(records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    ours = [_default(one) for one in records]
    yield from _intervals(ours, [_equal_mean(one) for one in records])
    cpu_s = float(np.mean([one.cpu_s for one in ours]))
    yield Row(
        what="M3: CPU a series, with backtest errors",
        ours=f"{cpu_s:.4f} s",
        bound=f"<= {MOST_CPU} s",
        is_met=cpu_s <= MOST_CPU,
    )


def _against_average(records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        given = replies(_average(Path(folder)), [_task(one) for one in records])
    for name in dict.fromkeys(one["set"] for one in records):
        group = [one for one in records if one["set"] == name]
        theirs = [_of_reply(one, np.array(given[one["name"]].forecast)) for one in group]
        for kind in ("", ", unnamed") if name == "m4-weekly" else ("",):
            found = [_default(one, has_natural=not kind) for one in group]
            (smape, mase), (other, others) = (
                [_mean(each, measure) for measure in ("smape", "mase")] for each in (found, theirs)
            )
            ratio = (smape / other + mase / others) / 2
            yield Row(
                what=f"{name}{kind}: sMAPE, MASE; average's",
                ours=f"{smape:.2f} {mase:.3f}",
                reference=f"{other:.2f} {others:.3f}",
                ratio=f"{ratio:.3f}x",
                bound="<= 1x",
                is_met=ratio <= 1,
            )


def _average(folder: Path) -> Engine:
    """Return `--select average` of the commit, from an archive of it in this folder."""
    command = ["git", "archive", AVERAGE_AT, "src", "benchmarks", "pyproject.toml"]
    archive = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as file:
        file.extractall(folder, filter="data")
    settings = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    source = str(folder / "src/trainer")
    for library, files in settings["tool"]["hakobune"]["libraries"].items():
        program = str(folder / "src/hakobune/data/compile_library.py")
        places = [str(Path.home() / ".cache/hakobune/zig"), source, source]
        subprocess.run([sys.executable, program, *places, library, *files], check=True)
    return Engine(
        name=f"average of {AVERAGE_AT}",
        command=(sys.executable, "-m", "search.run_hakobune", "--select", "average"),
        root=folder,
    )


def _task(record: dict[str, Any]) -> Task:
    values = tuple(_numbers(record["train"]).tolist())
    return Task(
        name=record["name"], values=values, season=record["season"], horizon=len(record["test"])
    )


def _of_reply(record: dict[str, Any], point: Floats) -> Scored:
    return _scored(record, point, (point, point), [point] * len(LEVELS), 0.0)


def _half_hours(records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    """Yield the error of each series, and of all: one week alone is mostly chance."""
    ours, theirs = [], []
    for record in records:
        ours.append(_default(record).mase)
        week = _numbers(record["train"])[-LONGER["half-hourly"][0] :]
        theirs.append(_of_reply(record, np.resize(week, len(record["test"]))).mase)
        what = f"{record['name']}: MASE, and of last week's"
        yield replace(_less(what, ours[-1], theirs[-1]), bound="", is_met=None)
    yield _less("half-hourly: MASE, and of last week's", fmean(ours), fmean(theirs))


def _intervals(ours: Sequence[Scored], mean: Sequence[Scored]) -> Iterator[Row]:
    groups = defaultdict(list)
    for one in ours:
        groups[one.group].append(one)
    covers = {"M3": (list(ours), OVERALL)}
    covers |= {name: (found, EACH) for name, found in groups.items() if len(found) >= FEWEST}
    for name, (found, (least, most)) in covers.items():
        share = _mean(found, "covered")
        yield Row(
            what=f"{name}: 95 % interval covers",
            ours=f"{100 * share:.1f} %",
            bound=f"{100 * least:.0f} to {100 * most:.0f} %",
            is_met=least <= share <= most,
        )
    yield _less("M3: MSIS, and the equal-weight mean's", _mean(ours, "msis"), _mean(mean, "msis"))


def _demand(records: Sequence[dict[str, Any]]) -> Iterator[Row]:
    ours, theta = [_default(one) for one in records], [_theta(one) for one in records]
    for name in ("rmse", "pinball"):
        yield _less(f"carparts: {name}, and Theta's", _mean(ours, name), _mean(theta, name))
    bias = sum(one.total for one in ours) / sum(one.actual for one in ours) - 1
    yield Row(
        what="carparts: bias of the total",
        ours=f"{100 * bias:+.1f} %",
        bound=f"within {100 * MOST_BIAS:.0f} %",
        is_met=abs(bias) <= MOST_BIAS,
    )


def _less(what: str, ours: float, theirs: float) -> Row:
    return Row(
        what=what,
        ours=f"{ours:.3f}",
        reference=f"{theirs:.3f}",
        ratio=f"{ours / theirs:.3f}x",
        bound="<= 1x",
        is_met=bool(ours <= theirs),
    )


def _mean(found: Sequence[Scored], name: str) -> float:
    return float(np.nanmean([getattr(one, name) for one in found]))


def _default(record: dict[str, Any], *, has_natural: bool = True) -> Scored:
    """Score our forecast; `has_natural`: with the seasons that the calendar would name.

    Without, the season of the record is all that is known.
    """
    began = time.process_time()
    values, horizon, season = _numbers(record["train"]), len(record["test"]), record["season"]
    seasons = (season, *LONGER.get(record["set"], ())) if has_natural else (season,)
    if has_natural and record["set"] == "m4-weekly" and len(values) >= FEWEST_YEARS * WEEKS:
        seasons = (WEEKS,)
    found = forecast_series(
        values, season=seasons[0], seasons=seasons if has_natural else (), horizon=horizon
    ).prediction
    spent = time.process_time() - began
    quantiles = [found.quantile(level) for level in LEVELS]
    return _scored(record, found.point, found.bounds(0.95), quantiles, spent)


def _theta(record: dict[str, Any]) -> Scored:
    values, horizon = _numbers(record["train"]), len(record["test"])
    try:
        member = fit("theta", values, record["season"])
    except MemberUnavailableError:
        member = fit("naive", values, 1)
    ahead = run(member, values, horizon)
    return _normal(record, ahead.mean, ahead.standard_error)


def _equal_mean(record: dict[str, Any]) -> Scored:
    values, horizon, season = _numbers(record["train"]), len(record["test"]), record["season"]
    arima = find_model(values, season=season, select="aicc").predict(horizon)
    parts = [(arima.mean, arima.standard_error)]
    for kind in ("ets", "theta"):
        ahead = run(fit(kind, values, season), values, horizon)
        parts.append((ahead.mean, ahead.standard_error))
    means, spreads = (np.mean(each, axis=0) for each in zip(*parts, strict=True))
    return _normal(record, means, spreads)


def _normal(record: dict[str, Any], mean: Floats, spread: Floats) -> Scored:
    from statistics import NormalDist  # noqa: PLC0415 - beside its one use

    quantiles = [np.maximum(mean + NormalDist().inv_cdf(level) * spread, 0) for level in LEVELS]
    bounds = np.maximum(mean - AT_95 * spread, 0), mean + AT_95 * spread
    return _scored(record, np.maximum(mean, 0), bounds, quantiles, 0.0)


def _scored(
    record: dict[str, Any],
    point: Floats,
    bounds: tuple[Floats, Floats],
    quantiles: Sequence[Floats],
    cpu_s: float,
) -> Scored:
    train, actual, season = _numbers(record["train"]), _numbers(record["test"]), record["season"]
    known = ~np.isnan(actual)
    actual, point, low, high = (each[known] for each in (actual, point, *bounds))
    scale = float(np.nanmean(np.abs(train[season:] - train[:-season])))
    level = abs(float(np.nanmean(train))) or 1.0
    sizes = np.abs(actual) + np.abs(point)
    losses = [
        np.maximum(p * (actual - q[known]), (p - 1) * (actual - q[known])).mean()
        for p, q in zip(LEVELS, quantiles, strict=True)
    ]
    outside = np.maximum(low - actual, 0) + np.maximum(actual - high, 0)
    return Scored(
        group=record["set"],
        smape=float(np.mean(200 * np.abs(actual - point) / np.maximum(sizes, 1e-300))),
        mase=float(np.mean(np.abs(actual - point))) / scale if scale else np.nan,
        covered=float(np.mean((low <= actual) & (actual <= high))),
        msis=float(np.mean(high - low + 40 * outside)) / scale if scale else np.nan,
        rmse=float(np.sqrt(np.mean((actual - point) ** 2))) / level,
        pinball=float(np.mean(losses)) / level,
        total=float(point.sum()),
        actual=float(actual.sum()),
        cpu_s=cpu_s,
    )


def _numbers(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
