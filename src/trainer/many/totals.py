"""What the results of all series come to: the figures of metric.json, the terminal and MLflow.

Nothing here knows how a series was forecast, or reads a file.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from statistics import fmean, median
from typing import Any

from trainer.interruption import held_back
from trainer.many.options import ManySettings
from trainer.many.plan import Plan
from trainer.many.series import STATUSES, Result
from trainer.page.content import Kind
from trainer.printable import printable
from trainer.record import InputFacts, versions, write_json

SCHEMA_VERSION = 1
_KEPT = 12
_CHANCE, _SMALL = 0.05, 0.001


@dataclass(slots=True)
class Totals:
    """What all series come to, in the order of the names.

    `skills` and `baselines` are of the series that have a backtest. The results of a few series are
    kept to be shown, each with its place in the table (`Plan.table.group`): the first ones that
    failed, and those of the least and the most skill.
    """

    statuses: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
    forecast_rows: int = 0
    cpu_seconds: float = 0.0
    members: dict[str, float] = field(default_factory=dict)
    baselines: dict[str, int] = field(default_factory=dict)
    skills: list[float] = field(default_factory=list)
    failures: list[tuple[int, Result]] = field(default_factory=list)
    _best: list[tuple[float, int, Result]] = field(default_factory=list)
    _worst: list[tuple[float, int, Result]] = field(default_factory=list)

    @property
    def series(self) -> int:
        """Return the number of series."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """Return how many series have another status than "ok"."""
        return self.series - self.statuses["ok"]

    @property
    def best(self) -> list[tuple[int, Result]]:
        """Return series of the most skill, the best one first."""
        return [(-place, result) for _, place, result in sorted(self._best, reverse=True)]

    @property
    def worst(self) -> list[tuple[int, Result]]:
        """Return series of the least skill, the worst one first."""
        return [(-place, result) for _, place, result in sorted(self._worst, reverse=True)]

    def add(self, place: int, result: Result) -> None:
        """Count one series."""
        self.statuses[result.status] += 1
        self.forecast_rows += len(result.dates)
        self.cpu_seconds += result.seconds
        for name, weight in result.members.items():
            kind = name.partition(" ")[0]
            self.members[kind] = self.members.get(kind, 0.0) + weight
        if result.best_baseline is not None:
            self.baselines[result.best_baseline] = self.baselines.get(result.best_baseline, 0) + 1
        if result.skill is not None:
            self.skills.append(result.skill)
            _keep(self._best, (result.skill, -place, result))
            _keep(self._worst, (-result.skill, -place, result))
        if result.status != "ok" and len(self.failures) < _KEPT:
            self.failures.append((place, result))

    def figures(self) -> dict[str, Any]:
        """Return the figures of all series."""
        weights, count = sum(self.members.values()) or 1.0, len(self.skills)
        better, worse = self._split()
        return {
            "series": self.series,
            **{f"series_{status}": number for status, number in self.statuses.items()},
            "forecast_rows": self.forecast_rows,
            "series_with_backtest": count,
            "mean_skill": fmean(self.skills) if count else None,
            "median_skill": median(self.skills) if count else None,
            "share_better_than_baseline": better / count if count else None,
            "series_better_than_baseline": better,
            "series_worse_than_baseline": worse,
            "sign_test_p_value": self.p_value,
            "best_baselines": dict(sorted(self.baselines.items())),
            "member_weights": {
                name: weight / weights for name, weight in sorted(self.members.items())
            },
        }

    def told_failures(self, count: int) -> list[str]:
        """Return the first series that failed, and why."""
        return [
            f"{printable(result.name)}: {result.status}: {result.reason}"
            for _, result in self.failures[:count]
        ]

    @property
    def p_value(self) -> float | None:
        """Return the sign test's: how likely so uneven a split is, were either side as likely."""
        better, worse = self._split()
        if not better + worse:
            return None
        with held_back():
            from scipy.special import bdtr  # noqa: PLC0415 - takes a while to load

        return min(1.0, 2 * float(bdtr(min(better, worse), better + worse, 0.5)))

    def outcome(self) -> Kind:
        """Return whether the forecasts are better than the baselines."""
        p_value, (better, worse) = self.p_value, self._split()
        if not self.skills:
            return "none"
        if p_value is None or p_value >= _CHANCE:
            return "unclear"
        return "win" if better > worse else "lose"

    def verdict(self) -> str:
        """Return in a sentence how the forecasts did in the backtests."""
        count, p_value, (better, worse) = len(self.skills), self.p_value, self._split()
        if not count:
            return "No series is long enough for a backtest."
        told = (
            f"{better:,} of {count:,} series with a backtest have a smaller error than their best "
            f"baseline, {worse:,} a larger one"
        )
        if p_value is None:
            return f"{told}."
        chance = "p < 0.001" if p_value < _SMALL else f"p = {p_value:.3f}"
        is_clear = "" if p_value < _CHANCE else ": no significant difference"
        return (
            f"{told} (sign test: {chance}){is_clear}; the median skill is "
            f"{median(self.skills):.3f}."
        )

    def _split(self) -> tuple[int, int]:
        """Return how many series are better and worse than their best baseline."""
        return sum(skill > 0 for skill in self.skills), sum(skill < 0 for skill in self.skills)


def write_metric(totals: Totals, settings: ManySettings, plan: Plan, facts: InputFacts) -> bytes:
    """Return metric.json: the same bytes for the same data, options and image, but for `run_id`."""
    return write_json(
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": settings.place.run_id,
            **totals.figures(),
            **_asked(settings, plan),
            "data_sha256": facts.sha256,
            "versions": versions(),
            "run": {"input": facts.source},
        }
    )


def result_rows(
    totals: Totals, settings: ManySettings, files: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield what the terminal shows in the end."""
    statuses = ", ".join(f"{count:,} {name}" for name, count in totals.statuses.items() if count)
    yield "run id", settings.place.run_id
    yield "series", f"{totals.series:,}: {statuses}"
    yield "verdict", totals.verdict()
    yield "CPU", f"{totals.cpu_seconds:.1f} s for the fits"
    yield "folder", str(settings.place.output)
    yield "files", ", ".join(files)


def parameters(settings: ManySettings, plan: Plan, facts: InputFacts) -> dict[str, Any]:
    """Return what was asked for, as MLflow is told it."""
    return {**_asked(settings, plan), "input": facts.source, "data_sha256": facts.sha256}


def _asked(settings: ManySettings, plan: Plan) -> dict[str, Any]:
    return {
        "horizon": settings.horizon,
        "floor": "auto" if settings.has_floor else "none",
        "sum_days": settings.sums_days,
        "only": [f"{column}={text}" for column, texts in settings.only for text in texts],
        "series_columns": list(plan.table.columns[:-2]),
        "date_column": plan.rules.date_column,
        "value_column": plan.rules.value_column,
    }


def _keep(heap: list[tuple[float, int, Result]], entry: tuple[float, int, Result]) -> None:
    """Keep the greatest entries; places differ, so that no two results are compared."""
    if len(heap) < _KEPT:
        heappush(heap, entry)
    else:
        heappushpop(heap, entry)
