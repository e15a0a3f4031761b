"""What report.html tells of a run over many series, as the page's own values."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trainer.many.merge import Merged
from trainer.many.plan import Plan, given_of
from trainer.many.series import Result, dated, rows_shown
from trainer.many.tally import Tally, short_name, shown_name
from trainer.many.totals import Totals
from trainer.page.content import Forecast, History, Verdict
from trainer.page.many_content import ManyContent, SeriesShown, Status
from trainer.page.many_page import skill_text
from trainer.page.wording import ABSENT, MINUS, as_fine_as, count, fixed, number, percent, shortened
from trainer.printable import limited
from trainer.record import versions

_DRAWN = 6
_TAIL_ROWS, _ROWS_A_STEP, _MOST_ROWS = 60, 4, 400
_LONGEST_REMARK, _MOST_CALENDARS = 200, 8
_MEANINGS = {
    "ok": "forecast by its members, or by the simplest model where the rows are few or constant",
    "failed": "the members failed; the simplest forecast replaces theirs, if there is one",
    "crashed": "the fit ended its process twice; the simplest forecast replaces its own",
    "unusable": "no forecast: the rows cannot be used",
}
_CAVEAT = (
    "The best baseline of a series is chosen with hindsight, by its error on the same origins; the"
    " forecast is not, so the comparison is harder on the forecast. The sign test takes the series"
    " as independent: where they move together, its p-value is too small."
)
_SPARSE = (
    "mostly values of 0: their errors here are the roots of the mean squares (RMSE), those of all"
    " others mean absolute ones. The table of intermittent series has both."
)
_NO_BACKTEST = "No series is long enough for a backtest: nothing was compared with the baselines."


def page_of(
    merged: Merged, plan: Plan, notes: tuple[str, ...], asked: Mapping[str, Any]
) -> ManyContent:
    """Return the page's content. It reads the rows of the few series that are drawn."""
    totals, tally = merged.totals, merged.tally
    half, rest = divmod(len(totals.skills), 2)  # so that no series is both best and worst
    best = totals.best[: min(_DRAWN, half + rest)]
    worst = totals.worst[: min(_DRAWN, half)]
    failed = [each for each in totals.failures if each[1].rows][:_DRAWN]
    shown = [_shown(plan, place, result) for place, result in (*best, *worst, *failed)]
    places = [place for place, _ in (*best, *worst, *failed)]
    anchors = {place: each.anchor for place, each in zip(places, shown, strict=True)}
    failures, unlisted = tally.failures()
    source = limited(Path(plan.table.source).name)
    sentence = totals.verdict().replace(" -", f" {MINUS}")
    return ManyContent(
        title=f"{count(totals.series, 'series', 'series')} of {source}",
        verdict=Verdict(kind=totals.outcome(), sentence=sentence),
        facts=tuple(_facts(totals, tally, plan)),
        figures=tuple(_figures(totals)),
        caveats=_caveats(totals, tally),
        bars=tally.bars(),
        duels=tally.duels(),
        demands=tally.demands(),
        shares=tally.shares(),
        statuses=tuple(
            Status(name=name, count=number_, meaning=_MEANINGS[name])
            for name, number_ in totals.statuses.items()
        ),
        failures=failures,
        unlisted_failures=unlisted,
        best=tuple(shown[: len(best)]),
        worst=tuple(shown[len(best) : len(best) + len(worst)]),
        failed=tuple(shown[len(best) + len(worst) :]),
        index=tally.index.stretches(anchors),
        notes=tuple(map(limited, notes)),
        arguments=tuple((name, _told(value)) for name, value in asked.items() if name != "input"),
        versions=tuple((name, version or "not there") for name, version in versions().items()),
        metrics_file=merged.metrics_file,
    )


def _caveats(totals: Totals, tally: Tally) -> tuple[str, ...]:
    if not totals.skills:
        return (_NO_BACKTEST,)
    if not tally.sparse:
        return (_CAVEAT,)
    sparse = count(tally.sparse, "series has", "series have")
    return _CAVEAT, f"{sparse} {_SPARSE}"


def _facts(totals: Totals, tally: Tally, plan: Plan) -> Iterator[tuple[str, str]]:
    statuses = [f"{number_:,} {name}" for name, number_ in totals.statuses.items() if number_]
    yield "Series", f"{totals.series:,}: {', '.join(statuses)}"
    rows = count(int(plan.table.counts.sum()), "row")
    period = ""
    if tally.first is not None and tally.last is not None:
        period = f", {dated(tally.first)} to {dated(tally.last)}"
    yield "Rows", rows + period
    usual = tally.calendars.most_common()
    told = [f"{code}: {number_:,}" for code, number_ in usual[:_MOST_CALENDARS]]
    if len(usual) > _MOST_CALENDARS:
        told.append(f"{len(usual) - _MOST_CALENDARS} more")
    if told:
        yield "Calendars", ", ".join(told)


def _figures(totals: Totals) -> Iterator[tuple[str, str, str]]:
    figures = totals.figures()
    yield "Series", f"{totals.series:,}", f"{totals.failed:,} of them failed"
    yield "Forecast rows", f"{totals.forecast_rows:,}", "series times steps"
    yield (
        "Better",
        percent(figures["share_better_than_baseline"]),
        f"than the best baseline, of {len(totals.skills):,} series with a backtest",
    )
    yield (
        "Median skill",
        fixed(figures["median_skill"], 3),
        f"1 {MINUS} error / error of the best baseline",
    )


def _shown(plan: Plan, place: int, result: Result) -> SeriesShown:
    """Return a series to be drawn: the end of its rows, and its forecast."""
    given = given_of(plan.table, place, plan.rules)
    dates, values = rows_shown(given, plan.rules)
    rows = min(max(_TAIL_ROWS, _ROWS_A_STEP * len(result.dates)), _MOST_ROWS)
    code = result.calendar or ""
    point, lower_80, upper_80, lower_95, upper_95 = result.numbers
    return SeriesShown(
        anchor=f"series-{place}",
        name=shown_name(result.name),
        remark=shortened(". ".join(_remarks(result)), _LONGEST_REMARK) + ".",
        history=History(
            dates=as_fine_as(dates[-rows:].view("datetime64[us]"), code),
            values=np.array(values[-rows:]),
            prediction=np.zeros(0),
        ),
        forecast=Forecast(
            dates=as_fine_as(result.dates.view("datetime64[us]"), code),
            point=point,
            lower_80=lower_80,
            upper_80=upper_80,
            lower_95=lower_95,
            upper_95=upper_95,
        ),
    )


def _remarks(result: Result) -> Iterator[str]:
    if result.status != "ok":
        yield f"{result.status}: {limited(result.reason)}"
        return
    if result.skill is not None and result.best_baseline is not None:
        yield (
            f"Skill {skill_text(result.skill)}: {result.measure} {number(result.error)}, of the"
            f" {short_name(result.best_baseline)} {number(result.baseline_error)}"
        )
    shares = [
        f"{short_name(name.partition(' ')[0])} {percent(weight)}"
        for name, weight in result.members.items()
    ]
    yield f"{', '.join(shares)}; {count(result.rows, 'row')}"


def _told(value: object) -> str:
    if isinstance(value, list):
        return limited(", ".join(map(str, value))) or ABSENT
    return ABSENT if value is None else limited(str(value))
