"""Forecasts of the M3 design series: each member, their combinations, and SCUM beside them.

    PYTHONPATH=benchmarks .venv/bin/python -m accuracy [--every 4] [--fresh] [--only m4-weekly]

SCUM (Petropoulos and Svetunkov 2020) is the median of statsforecast's AutoARIMA, AutoETS, AutoCES
and dynamic optimised Theta. Its engines take five minutes, so their replies are kept in
~/.cache/hakobune/accuracy, by their lock and the series; `--fresh` measures them again, which a
comparison of CPU seconds needs after a change of machine. OWA is against Naive2, as in the M4
competition (Makridakis, Spiliotis and Assimakopoulos 2020). The exit code is 1 where a bound is
missed. The series are those of ../shared/data/series, and nothing is chosen by their `test`.
"""

import argparse
import dataclasses
import gzip
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from default_forecast import GROUPS, rows
from search.engines import AICC, ROOT, STATSFORECAST, Engine, replies
from search.protocol import Reply, Task, read_reply
from search.scores import mase, smape
from search.table import Row, print_head, print_row
from trainer.members.member import middle

Floats = npt.NDArray[np.float64]
SERIES = ROOT.parent / "shared/data/series/series.json.gz"
CACHE = Path.home() / ".cache/hakobune/accuracy"
LOCK = ROOT / "benchmarks/search/engines.lock"
SCUM = ("AutoARIMA", "AutoETS", "AutoCES", "DynamicOptimizedTheta")
COMBINATION = Engine(name="default", command=(sys.executable, "-m", "search.run_combination"))
KINDS = ("ets", "theta", "ces", "seasonal_naive", "drift", "naive")
TEAM = ("arima", "ets", "theta")
HALFWAY = "halfway between the two"
JUDGED = "default"
MOST_RATIO, MOST_SHARE, MOST_CPU = 1.02, 1 / 3, 0.10
DRAWS, SEED = 2000, 20261127
AT_90 = 1.645


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """A task, its group, and what came."""

    task: Task
    group: str
    actual: Floats


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """sMAPE and MASE of each series, shape (series, 2), and CPU seconds a series."""

    name: str
    errors: Floats
    cpu_s: float


def main() -> None:
    """Print the table, the ratios, and what was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take every so many series")
    parser.add_argument("--fresh", action="store_true", help="run the reference engines again")
    parser.add_argument("--only", action="append", choices=("scum", *GROUPS), help="run parts")
    options = parser.parse_args()
    if not SERIES.exists():
        sys.exit("missing: ../shared/data/series")
    only = options.only or ("scum", *GROUPS)
    bounds = beside_scum(options.every, fresh=options.fresh) if "scum" in only else []
    if set(only) & set(GROUPS):
        print_head("the default's intervals and other series")
        bounds += [_shown(row) for row in rows(SERIES, only)]
    missed = [row.what for row in bounds if row.is_met is False]
    print(f"\n{len(missed)} missed" if missed else "\nall met")
    sys.exit(bool(missed))


def beside_scum(every: int, *, fresh: bool) -> list[Row]:
    """Print the table of the members, their combinations and SCUM; return the bounds."""
    series = read_series()[::every]
    tasks = [one.task for one in series]
    found = {name: _kept(scum_engine(name), tasks, fresh=fresh) for name in SCUM}
    found["arima"] = replies(AICC, tasks)
    found[JUDGED] = replies(COMBINATION, tasks)
    found |= {kind: replies(_ours(kind), tasks) for kind in KINDS}
    results = {name: _result(name, series, [given]) for name, given in found.items()}
    results |= {
        "mean of arima, ets, theta": _result("mean", series, [found[name] for name in TEAM]),
        "median of them": _result("median", series, [found[name] for name in TEAM], np.median),
        HALFWAY: _result(HALFWAY, series, [found[name] for name in TEAM], _middle),
        "mean with ces": _result("with ces", series, [found[n] for n in (*TEAM, "ces")]),
        "SCUM": _result("SCUM", series, [found[name] for name in SCUM], np.median),
    }
    reference = _naive2_result(series)
    _print_table(results, reference, [one.group for one in series])
    return _bounds(results, reference)


def naive2(task: Task) -> Floats:
    """Return the last value of the seasonally adjusted series, with the season (M4's benchmark)."""
    values, season = np.array(task.values), task.season
    rows, ahead = len(values), np.arange(len(values), len(values) + task.horizon)
    if season < 2 or not _is_seasonal(values, season):  # noqa: PLR2004 - no season
        return np.full(task.horizon, values[-1])
    weights = np.ones(season) / season
    if season % 2 == 0:
        weights = np.concatenate([[0.5], np.ones(season - 1), [0.5]]) / season
    half = season // 2
    ratios = np.full(rows, np.nan)
    ratios[half : rows - half] = values[half : rows - half] / np.convolve(values, weights, "valid")
    indices = np.array([np.nanmean(ratios[place::season]) for place in range(season)])
    indices /= indices.mean()
    level = float(values[-1] / indices[(rows - 1) % season])
    return level * indices[ahead % season]


def _is_seasonal(values: Floats, season: int) -> bool:
    rows, centred = len(values), values - values.mean()
    if rows < 3 * season:
        return False
    whole = centred @ centred
    lags = [centred[lag:] @ centred[:-lag] / whole for lag in range(1, season + 1)]
    return bool(abs(lags[-1]) > AT_90 * np.sqrt((1 + 2 * sum(r * r for r in lags[:-1])) / rows))


def read_series() -> list[Series]:
    """Return the M3 series, with what came after each."""
    with gzip.open(SERIES, "rt", encoding="utf-8") as file:
        records = [record for record in json.load(file) if record["set"].startswith("m3")]
    return [
        Series(
            Task(
                name=record["name"],
                values=tuple(map(float, record["train"])),
                season=record["season"],
                horizon=len(record["test"]),
            ),
            record["set"],
            np.array(record["test"], dtype=np.float64),
        )
        for record in records
    ]


def _ours(kind: str) -> Engine:
    return Engine(name=kind, command=(sys.executable, "-m", "search.run_members", "--kind", kind))


def scum_engine(name: str) -> Engine:
    """Return one of the engines of SCUM."""
    command = (STATSFORECAST.command[0], "-m", "search.run_scum", "--engine", name)
    return Engine(name=name, command=command)


def _kept(engine: Engine, tasks: Sequence[Task], *, fresh: bool) -> dict[str, Reply]:
    """Return the replies of an engine, from the cache where the same question has been asked."""
    question = repr((engine.name, LOCK.read_bytes(), tasks)).encode()
    path = CACHE / f"{engine.name}-{hashlib.sha256(question).hexdigest()[:16]}.jsonl"
    if path.exists() and not fresh:
        lines = path.read_text(encoding="utf-8").splitlines()
        return {reply.name: reply for reply in map(read_reply, lines)}
    if not STATSFORECAST.is_installed():
        sys.exit("missing: .venv-bench (make .venv-bench/ready)")
    found = replies(engine, tasks)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(dataclasses.asdict(reply)) for reply in found.values()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return found


def _result(
    name: str,
    series: Sequence[Series],
    parts: Sequence[dict[str, Reply]],
    join: Callable[..., Floats] = np.mean,
) -> Result:
    """Return the errors of the parts, joined step by step; the CPU is that of all of them."""
    errors, cpu_s = [], 0.0
    for one in series:
        given = [part[one.task.name] for part in parts]
        cpu_s += sum(reply.cpu_s for reply in given)
        if any(reply.error for reply in given):
            sys.exit(f"{name} failed on {one.task.name}: {[reply.error for reply in given]}")
        errors.append(_errors(one, join([reply.forecast for reply in given], axis=0)))
    return Result(name, np.array(errors), cpu_s / len(series))


def _middle(forecasts: Sequence[Sequence[float]], axis: int) -> Floats:
    assert axis == 0
    return middle([np.array(forecast) for forecast in forecasts])


def _naive2_result(series: Sequence[Series]) -> Result:
    return Result("Naive2", np.array([_errors(one, naive2(one.task)) for one in series]), 0.0)


def _errors(one: Series, forecast: Floats) -> tuple[float, float]:
    known = np.array(one.task.values)
    return smape(one.actual, forecast), mase(known, one.actual, forecast, one.task.season)


def _owa(result: Result, reference: Result, places: npt.NDArray[np.int64] | slice) -> float:
    ours, theirs = result.errors[places].mean(axis=0), reference.errors[places].mean(axis=0)
    return float((ours / theirs).mean())


def _print_table(results: dict[str, Result], reference: Result, groups: Sequence[str]) -> None:
    kinds = sorted(set(groups))
    every = slice(None)
    print(f"\n{len(groups)} series; the last columns are the OWA of {', '.join(kinds)},")
    print("and the ratio to SCUM's OWA with its 95 % interval")
    print(f"  {'':<28} {'CPU s':>8} {'sMAPE':>7} {'MASE':>6} {'OWA':>7}")
    for name, result in results.items():
        places = [np.flatnonzero([group == kind for group in groups]) for kind in kinds]
        each = " ".join(f"{_owa(result, reference, at):6.3f}" for at in places)
        error, scaled = result.errors.mean(axis=0)
        print(
            f"  {name:<28} {result.cpu_s:8.4f} {error:7.3f} {scaled:6.3f}"
            f" {_owa(result, reference, every):7.4f}   {each}"
            "   {:.3f} ({:.3f} to {:.3f})".format(*_interval(result, results["SCUM"], reference))
        )


def _bounds(results: dict[str, Result], reference: Result) -> list[Row]:
    scum, mean = results["SCUM"], results[JUDGED]
    every = slice(None)
    ratio, low, high = _interval(mean, scum, reference)
    ours, theirs = _owa(mean, reference, every), _owa(scum, reference, every)
    single = min((*SCUM, "arima", *KINDS), key=lambda name: _owa(results[name], reference, every))
    best = _owa(results[single], reference, every)
    print_head(JUDGED)
    found = [
        Row(
            what=f"OWA and SCUM's; ratio's 95 % {low:.3f} to {high:.3f}",
            ours=f"{ours:.4f}",
            reference=f"SCUM {theirs:.4f}",
            ratio=f"{ratio:.3f}x",
            bound=f"end <= {MOST_RATIO}",
            is_met=high <= MOST_RATIO,
        ),
        Row(
            what="OWA and the best single engine's",
            ours=f"{ours:.4f}",
            reference=f"{single} {best:.4f}",
            ratio=f"{ours / best:.3f}x",
            bound="< 1x",
            is_met=ours < best,
        ),
        Row(
            what="CPU a series, and SCUM's",
            ours=f"{mean.cpu_s:.4f} s",
            reference=f"SCUM {scum.cpu_s:.4f} s",
            ratio=f"{mean.cpu_s / scum.cpu_s:.3f}x",
            bound=f"<= {MOST_SHARE:.2f}x",
            is_met=mean.cpu_s <= MOST_SHARE * scum.cpu_s,
        ),
        Row(
            what="CPU a series",
            ours=f"{mean.cpu_s:.4f} s",
            bound=f"<= {MOST_CPU} s",
            is_met=mean.cpu_s <= MOST_CPU,
        ),
    ]
    return [_shown(row) for row in found]


def _interval(one: Result, other: Result, reference: Result) -> tuple[float, float, float]:
    """Return the ratio of two OWA and its 95 % interval, by drawing whole series (paired)."""
    generator = np.random.default_rng(SEED)
    count = len(one.errors)
    ratios = []
    for _ in range(DRAWS):
        places = generator.integers(0, count, count)
        ratios.append(_owa(one, reference, places) / _owa(other, reference, places))
    whole = _owa(one, reference, slice(None)) / _owa(other, reference, slice(None))
    low, high = np.quantile(ratios, [0.025, 0.975])
    return whole, float(low), float(high)


def _shown(row: Row) -> Row:
    print_row(row)
    return row


if __name__ == "__main__":
    main()
