"""Results of many series as a run might have them, and what the page says of them."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from tests.unit.trainer.many.tables import ODD
from trainer.input.long import Group, LongTable
from trainer.many.merge import Merged
from trainer.many.plan import Plan
from trainer.many.report import page_of
from trainer.many.series import Result, Rules
from trainer.many.tally import Tally
from trainer.many.totals import Totals
from trainer.page.many_content import ManyContent

DAY = 86_400_000_000
STEPS, ROWS = 5, 40
HOSTILE = [
    *ODD,
    "<script>alert('1')</script> & \"q\"",
    "\u202eevil",
    "שלום",
    "\u200b",
    "e\u0301" * 50,
]
_OK = Result(
    name="",
    status="ok",
    reason="",
    dates=(ROWS + np.arange(STEPS, dtype=np.int64)) * DAY,
    numbers=np.array([[5.0], [4.0], [6.0], [3.0], [7.0]]) + np.zeros(STEPS),
    model=b"",
    seconds=0.1,
    members={"arima (1,0,0)": 0.6, "ets AAN": 0.4},
    origins=4,
    best_baseline="naive",
    rows=ROWS,
    first=0,
    last=(ROWS - 1) * DAY,
    calendar="D",
    season=1,
)


def ok(name: str, error: float = 1.0, naive: float = 2.0, **others: float) -> Result:
    """Return the result of a series with these errors."""
    return replace(
        _OK,
        name=name,
        error=error,
        baseline_error=naive,
        skill=1 - error / naive,
        errors={"combination": error, "naive": naive, **others},
    )


def unusable(name: str, reason: str) -> Result:
    """Return the result of a series without a forecast."""
    none = np.zeros(0, dtype=np.int64)
    numbers = np.zeros((5, 0))
    return Result(
        name=name,
        status="unusable",
        reason=reason,
        dates=none,
        numbers=numbers,
        model=b"",
        seconds=0.0,
        rows=ROWS,
    )


def merged(results: Iterable[Result], series: int) -> Merged:
    """Return what a merge counts of results in the order of their names."""
    totals, tally = Totals(), Tally(series)
    for place, result in enumerate(results):
        totals.add(place, result)
        tally.add(result)
    return Merged(totals=totals, tally=tally, metrics_file="metrics.csv.gz")


class _Table:
    """The rows of any number of series, all the same."""

    def __init__(self, series: int) -> None:
        self.source = "folder/t <b>.csv"
        self.counts = np.full(series, ROWS)

    def group(self, place: int) -> Group:
        """Return the rows of a series."""
        return Group(
            source=self.source,
            name=(f"{place}",),
            lines=np.arange(ROWS, dtype=np.int64),
            microseconds=np.arange(ROWS, dtype=np.int64) * DAY,
            values=np.arange(ROWS, dtype=np.float64) % 7 + 1,
        )


def content_of(counted: Merged) -> ManyContent:
    """Return the page's content."""
    rules = Rules(
        horizon=STEPS,
        has_floor=True,
        sums_days=False,
        last_day=None,
        usual=None,
        date_column="ds",
        value_column="y",
    )
    table = cast("LongTable", _Table(counted.totals.series))
    plan = Plan(table=table, rules=rules, batches=())
    asked = {"horizon": 5, "only": ["a=<i>"], "input": str(Path("/nowhere/t.csv"))}
    return page_of(counted, plan, ("a <note>",), asked)


def many_sample() -> ManyContent:
    """Return the page's content for 400 series with hostile names, of which some failed."""
    names = sorted([*HOSTILE, *(f"item {place:04d}" for place in range(400 - len(HOSTILE)))])
    results = [
        unusable(name, f"line {place}: y: '<{name}>' is not a number")
        if place % 9 == 0
        else ok(name, 1 + place % 5, 3 + place % 2, mean=6.0, arima=2.0)
        for place, name in enumerate(names)
    ]
    return content_of(merged(results, len(results)))
