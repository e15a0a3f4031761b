"""The files of the batches to the run's files: by one writer, in the order of the names.

They are built in a folder on a local disk, and their bytes are the same however many processes
worked. Only `timings` has measured seconds, which differ every time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any, Literal

import numpy as np

from trainer.errors import OutputNotWritableError
from trainer.input.grid import DAY_US, SECOND_US
from trainer.input.records import Places
from trainer.many.batch_file import read_batch
from trainer.many.plan import Batch
from trainer.many.series import STATUSES, Result
from trainer.many.tables import Kind, TableWriter
from trainer.saved.store import STORE, StoreWriter

FORECASTS: Mapping[str, Kind] = {
    "unique_id": "text",
    "ds": "date",
    "mean": "number",
    "lo80": "number",
    "hi80": "number",
    "lo95": "number",
    "hi95": "number",
}
METRICS: Mapping[str, Kind] = {
    "unique_id": "text",
    "status": "text",
    "members": "text",
    "origins": "whole",
    "error": "number",
    "best_baseline": "text",
    "baseline_error": "number",
    "skill": "number",
    "rows": "whole",
    "first": "date",
    "last": "date",
    "calendar": "text",
    "season": "whole",
    "horizon": "whole",
    "reason": "text",
}
TIMINGS: Mapping[str, Kind] = {"unique_id": "text", "cpu_seconds": "number"}
_SHOWN_FAILURES = 20


@dataclass(slots=True)
class Totals:
    """What all series come to. `skills` and shares are of the series that have origins."""

    statuses: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STATUSES, 0))
    forecast_rows: int = 0
    cpu_seconds: float = 0.0
    members: dict[str, float] = field(default_factory=dict)
    baselines: dict[str, int] = field(default_factory=dict)
    skills: list[float] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def series(self) -> int:
        """Return the number of series."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """Return how many series have another status than "ok"."""
        return self.series - self.statuses["ok"]

    def add(self, result: Result) -> None:
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
        if result.status != "ok" and len(self.failures) < _SHOWN_FAILURES:
            self.failures.append((result.name, f"{result.status}: {result.reason}"))

    def figures(self) -> dict[str, Any]:
        """Return the fields of metric.json that are of all series."""
        weights = sum(self.members.values()) or 1.0
        return {
            "series": self.series,
            **{f"series_{status}": count for status, count in self.statuses.items()},
            "forecast_rows": self.forecast_rows,
            "series_with_backtest": len(self.skills),
            "mean_skill": fmean(self.skills) if self.skills else None,
            "median_skill": median(self.skills) if self.skills else None,
            "share_better_than_baseline": (
                sum(skill > 0 for skill in self.skills) / len(self.skills) if self.skills else None
            ),
            "best_baselines": dict(sorted(self.baselines.items())),
            "member_weights": {
                name: weight / weights for name, weight in sorted(self.members.items())
            },
        }


def merge(batches: Sequence[Batch], files: Mapping[str, Path], folder: Path) -> Totals:
    """Write the run's tables and the store into a local folder; return what they come to."""
    totals = Totals()
    has_times = any(_has_times(result) for result in results(batches, files))
    with ExitStack() as stack:

        def table(name: str, columns: Mapping[str, Kind]) -> TableWriter:
            return stack.enter_context(TableWriter(folder, name, columns))

        forecasts, metrics = table("forecasts", FORECASTS), table("metrics", METRICS)
        timings = table("timings", TIMINGS)
        store = stack.enter_context(StoreWriter(folder / STORE))
        shown = _DateForm(is_text=forecasts.has_date_texts, has_times=has_times)
        for result in results(batches, files):
            totals.add(result)
            forecasts.add(_forecast_rows(result, shown))
            metrics.add([_metrics_row(result, shown)])
            timings.add([(result.name, round(result.seconds, 6))])
            if result.model:
                store.add([(result.name, result.model)])
    return totals


def results(batches: Iterable[Batch], files: Mapping[str, Path]) -> Iterator[Result]:
    """Yield the result of every series in the order of the names, one batch in memory at a time."""
    for batch in batches:
        path = files[batch.name]
        found = read_batch(path, batch.name)
        if found is None or len(found) != batch.end - batch.start:
            raise OutputNotWritableError(
                f"{path} is damaged, though it was whole when it was written",
                remedy="remove the file, and run the same command again",
            )
        yield from found


@dataclass(frozen=True, slots=True)
class _DateForm:
    """How dates are written: one form for the whole column, so that any reader takes it as one."""

    is_text: bool
    has_times: bool

    def of(self, dates: Places) -> list[Any]:
        moments = dates.view("datetime64[us]")
        if not self.is_text:
            return list(moments)
        if not self.has_times:
            return list(np.datetime_as_string(moments, unit="D").tolist())
        unit: Literal["us", "s"] = "us" if (dates % SECOND_US).any() else "s"
        return [str(text).replace("T", " ") for text in np.datetime_as_string(moments, unit=unit)]


def _has_times(result: Result) -> bool:
    dates = [date for date in (result.first, result.last) if date is not None]
    return any(date % DAY_US for date in dates) or bool((result.dates % DAY_US).any())


def _forecast_rows(result: Result, form: _DateForm) -> Iterable[Sequence[Any]]:
    names = [result.name] * len(result.dates)
    return zip(names, form.of(result.dates), *result.numbers.tolist(), strict=True)


def _metrics_row(result: Result, form: _DateForm) -> Sequence[Any]:
    ends = [
        None if date is None else form.of(np.array([date]))[0]
        for date in (result.first, result.last)
    ]
    return (
        result.name,
        result.status,
        ", ".join(f"{name} {weight:.3f}" for name, weight in result.members.items()),
        result.origins,
        result.error,
        result.best_baseline,
        result.baseline_error,
        result.skill,
        result.rows,
        *ends,
        result.calendar,
        result.season,
        len(result.dates),
        result.reason,
    )
