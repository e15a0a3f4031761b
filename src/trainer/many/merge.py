"""The files of the batches to the run's files: by one writer, in the order of the names.

They are built in a folder on a local disk, and their bytes are the same however many processes
worked. Only `timings` has measured seconds, which differ every time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainer.combine.series import COMBINATION
from trainer.errors import OutputNotWritableError
from trainer.input.grid import DAY_US, SECOND_US
from trainer.input.records import Places
from trainer.many.batch_file import read_batch
from trainer.many.plan import Plan, unique_id
from trainer.many.series import Result
from trainer.many.tables import Kind, TableWriter
from trainer.many.tally import Tally
from trainer.many.totals import Totals
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
    "measure": "text",
    "error": "number",
    "best_baseline": "text",
    "baseline_error": "number",
    "skill": "number",
    "scaled_rmse": "number",
    "scaled_mae": "number",
    "bias": "number",
    "rows": "whole",
    "first": "date",
    "last": "date",
    "calendar": "text",
    "season": "whole",
    "horizon": "whole",
    "reason": "text",
}
TIMINGS: Mapping[str, Kind] = {"unique_id": "text", "cpu_seconds": "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What all series come to, and the name of the file with a row for each."""

    totals: Totals
    tally: Tally
    metrics_file: str


def merge(plan: Plan, files: Mapping[str, Path], folder: Path) -> Merged:
    """Write the run's tables and the store into a local folder; return what they come to."""
    totals, tally = Totals(), Tally(len(plan.table))
    with ExitStack() as stack:

        def table(name: str, columns: Mapping[str, Kind]) -> TableWriter:
            return stack.enter_context(TableWriter(folder, name, columns))

        forecasts, metrics = table("forecasts", FORECASTS), table("metrics", METRICS)
        timings = table("timings", TIMINGS)
        store = stack.enter_context(StoreWriter(folder / STORE))
        shown = _DateForm(is_text=forecasts.has_date_texts, has_times=plan.has_times)
        for place, result in enumerate(results(plan, files)):
            totals.add(place, result)
            tally.add(result)
            forecasts.add(_forecast_rows(result, shown))
            metrics.add([_metrics_row(result, shown)])
            timings.add([(result.name, round(result.seconds, 6))])
            if result.model:
                store.add([(result.name, result.model)])
    return Merged(totals=totals, tally=tally, metrics_file=metrics.path.name)


def results(plan: Plan, files: Mapping[str, Path]) -> Iterator[Result]:
    """Yield the result of every series in the order of the names, one batch in memory at a time.

    Raises OutputNotWritableError for a file that is not what the program writes for the batch.
    """
    for batch in plan.batches:
        path = files[batch.name]
        found = read_batch(path, batch.name)
        names = [unique_id(name) for name in plan.table.names[batch.start : batch.end]]
        if found is None or [result.name for result in found] != names:
            raise OutputNotWritableError(
                f"{path} is damaged, or was not written by this program",
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
        if not (self.has_times or (dates % DAY_US).any()):
            return list(np.datetime_as_string(moments, unit="D").tolist())
        unit: Literal["us", "s"] = "us" if (dates % SECOND_US).any() else "s"
        return [str(text).replace("T", " ") for text in np.datetime_as_string(moments, unit=unit)]


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
        None if result.error is None else result.measure,
        result.error,
        result.best_baseline,
        result.baseline_error,
        result.skill,
        *result.demand.get(COMBINATION, (None, None, None)),
        result.rows,
        *ends,
        result.calendar,
        result.season,
        len(result.dates),
        result.reason,
    )
