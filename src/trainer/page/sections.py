"""The parts of the page, top to bottom. A part without anything to show says so."""

import numpy as np

from trainer.page.backtest_charts import horizon_figure, windows_figure
from trainer.page.content import (
    Backtest,
    Candidate,
    Content,
    Diagnostic,
    Forecast,
    Head,
    Residuals,
    Run,
    Search,
    Verdict,
)
from trainer.page.forecast_chart import forecast_figure, held_out_figure
from trainer.page.residual_charts import residual_figures
from trainer.page.scores_table import key_figures, scores_table
from trainer.page.tables import Column, pairs, table
from trainer.page.wording import (
    ABSENT,
    aligned,
    count,
    date,
    escaped,
    fixed,
    is_number,
    isolated,
    number,
    percent,
    probability,
)

_KINDS = {
    "win": "Better than the baselines",
    "lose": "Not better than the baselines",
    "unclear": "No significant difference from the baselines",
    "none": "Not compared with the baselines",
}
_MOST_STEPS = 60
_MOST_CANDIDATES = 15


def head(content: Head) -> str:
    """Return the verdict and what it is about."""
    period = f"{content.first_date} to {content.last_date}"
    facts = (
        ("Series", content.series_name),
        ("Rows", f"{content.rows:,}, {content.calendar}, {period}"),
        ("Model", content.order),
        ("Run", content.run_id),
    )
    return (
        f'<header><p class="kicker">Forecast report · {isolated(content.model_name)}</p>'
        f"{headline(content.verdict)}{pairs(facts, 'facts')}</header>"
    )


def headline(verdict: Verdict) -> str:
    """Return the verdict, its kind in words first."""
    sentence = verdict.sentence.replace(" %", "\u00a0%")  # no line begins with the sign
    return (
        f'<div class="verdict {verdict.kind}"><p class="kind">{_KINDS[verdict.kind]}</p>'
        f"<h1>{isolated(sentence)}</h1></div>"
    )


def parts(content: Content) -> tuple[tuple[str, str], ...]:
    """Return the titles of the parts with their HTML."""
    return (
        ("Key figures", key_figures(content.figures)),
        (
            "Forecast",
            forecast_figure(content) + held_out_figure(content) + _forecast_table(content.forecast),
        ),
        ("Backtest", _backtest(content.backtest)),
        ("Residuals", _residuals(content.residuals)),
        ("Search", _search(content.search)),
        ("Input", _notes(content.notes)),
        ("Run", _run(content.run)),
    )


def _forecast_table(forecast: Forecast) -> str:
    if not len(forecast.point):
        return "<p>There is no forecast.</p>"
    bounds = (forecast.lower_80, forecast.upper_80, forecast.lower_95, forecast.upper_95)
    columns = np.array([forecast.point, *bounds])[:, :_MOST_STEPS]
    cells = [escaped(text) for text in aligned(columns.ravel().tolist(), 5)]
    days = [escaped(date(day)) for day in forecast.dates[:_MOST_STEPS]]
    rows = [(day, *cells[i :: len(days)]) for i, day in enumerate(days)]
    names = ("Forecast", "80 % from", "80 % to", "95 % from", "95 % to")
    heads = (Column(name="Date"), *[Column(name=name, is_number=True) for name in names])
    steps = len(forecast.point)
    rest = f"<p class='note'>forecast.csv has all {steps:,} steps.</p>" if steps > len(rows) else ""
    return (
        f"<details><summary>The forecast in numbers</summary>"
        f"{table('The forecast with its intervals', heads, rows)}{rest}</details>"
    )


def _backtest(backtest: Backtest | None) -> str:
    if backtest is None:
        return "<p>No backtest was run.</p>"
    remark = f"<p>{isolated(backtest.remark)}</p>" if backtest.remark else ""
    windows = windows_figure(backtest) if backtest.windows else "<p>There is no window.</p>"
    horizon = horizon_figure(backtest) if len(backtest.model.errors_by_step) else ""
    return remark + scores_table(backtest) + horizon + windows


def _residuals(residuals: Residuals) -> str:
    figures = residual_figures(residuals) or "<p>There is no residual.</p>"
    if not residuals.diagnostics:
        return figures
    checks = "".join(_diagnostic(check) for check in residuals.diagnostics)
    title = '<p class="title">Residual diagnostics</p>'
    return f'{figures}{title}<dl class="checks">{checks}</dl>'


def _diagnostic(check: Diagnostic) -> str:
    word = '<b class="look">Look:</b>' if check.verdict == "look" else "Fine:"
    chance = f"p {probability(check.p_value)}" if is_number(check.p_value) else ""
    return (
        f"<div><dt>{isolated(check.name)}</dt><dd>{escaped(chance)}</dd>"
        f"<dd>{word} {isolated(check.sentence)}</dd></div>"
    )


def _search(search: Search | None) -> str:
    if search is None:
        return "<p>The order was given; no search was run.</p>"
    shown = search.candidates[:_MOST_CANDIDATES]
    tried = f"<p>{count(search.fitted, 'model was', 'models were')} fitted.</p>"
    parts = [f"<p>{isolated(search.reason)}</p>", bullets(search.evidence), tried]
    if shown:
        parts.append(_candidates(shown, search.backtest_name))
    return "".join(parts)


def _candidates(candidates: tuple[Candidate, ...], backtest_name: str) -> str:
    columns = (
        (Column(name="AICc", is_number=True), [_places(c.aicc, 2) for c in candidates]),
        (
            Column(name=f"Backtest {backtest_name}", is_number=True),
            [escaped(number(c.backtest, 3)) for c in candidates],
        ),
        (
            Column(name="Weight", is_number=True),
            [escaped(percent(c.weight)) for c in candidates],
        ),
        (Column(name="Remark"), [isolated(c.remark) if c.remark else "" for c in candidates]),
    )
    kept = [column for column in columns if set(column[1]) - {ABSENT, ""}]
    heads = (Column(name="Order"), *[column for column, _ in kept])
    rows = [
        (_order(candidate), *[cells[i] for _, cells in kept])
        for i, candidate in enumerate(candidates)
    ]
    return table("The best models that were tried", heads, rows)


def _places(value: float | None, places: int) -> str:
    return escaped(fixed(value, places))


def _order(candidate: Candidate) -> str:
    chosen = ' <span class="chosen">chosen</span>' if candidate.is_chosen else ""
    return f"{isolated(candidate.order)}{chosen}"


def _notes(notes: tuple[str, ...]) -> str:
    return bullets(notes) or "<p>No rows were filled, sorted or dropped.</p>"


def _run(run: Run) -> str:
    heads = (Column(name="Parameter"), Column(name="Value", is_number=True))
    rows = [(isolated(p.name), escaped(number(p.value, 5))) for p in run.parameters]
    parameters = table("Estimated parameters", heads, rows) if rows else ""
    arguments = f"<h3>Arguments</h3>{pairs(run.arguments)}" if run.arguments else ""
    versions = f"<h3>Versions</h3>{pairs(run.versions)}" if run.versions else ""
    data = pairs((("sha256", run.data_sha256),), "pairs code")
    return f"{parameters}{arguments}<h3>Data</h3>{data}{versions}"


def bullets(texts: tuple[str, ...]) -> str:
    """Return texts as a list; nothing without any."""
    items = "".join(f"<li>{isolated(text)}</li>" for text in texts)
    return f"<ul>{items}</ul>" if items else ""
