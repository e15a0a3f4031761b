"""report.html of many series, top to bottom. Its size has a bound, whatever their number."""

from collections.abc import Sequence

from trainer.page.many_content import (
    Demand,
    Duel,
    Entry,
    Failure,
    ManyContent,
    SeriesShown,
    Stretch,
)
from trainer.page.page import document
from trainer.page.sections import bullets, headline
from trainer.page.series_chart import LONGEST_NAME, series_figures
from trainer.page.skill_chart import skill_figure
from trainer.page.tables import Column, pairs, table
from trainer.page.wording import (
    ABSENT,
    MINUS,
    clean,
    count,
    escaped,
    fixed,
    isolated,
    number,
    percent,
    shortened,
    shortened_inside,
)

_LONGEST_REASON, _FAR = 300, -100.0
_RELATIVE = (
    "Relative error: the geometric mean over the series of error / error of the other, each between"
    " 0.01 and 100; below 1 the forecast is better."
)
_SCALED = (
    "Means over the series in which most values are 0, each in units of the mean of its rows. The"
    " forecast is of the mean, whose measure is the RMSE. Bias is by how much a forecast is too"
    f" high on average: {MINUS}100 % where it is always 0, as if nothing were ever sold. The MAE is"
    " smallest for the median, which is often 0, and so prefers such a forecast."
)


def write_many_page(content: ManyContent) -> bytes:
    """Return report.html of a run over many series."""
    return document(content.title, _head(content), _parts(content))


def _head(content: ManyContent) -> str:
    return (
        f'<header><p class="kicker">Forecast report · {isolated(content.title)}</p>'
        f"{headline(content.verdict)}{pairs(content.facts, 'facts')}</header>"
    )


def _parts(content: ManyContent) -> tuple[tuple[str, str], ...]:
    return (
        ("Key figures", _figures(content)),
        ("Errors", _errors(content)),
        ("Members", _members(content)),
        ("Best", _drawn(content.best, "The series of the most skill, the best one first.")),
        ("Worst", _drawn(content.worst, "The series of the least skill, the worst one first.")),
        ("Failures", _failures(content)),
        ("Index", _index(content)),
        ("Input", bullets(content.notes) or "<p>No row was dropped or changed.</p>"),
        ("Run", _run(content)),
    )


def _figures(content: ManyContent) -> str:
    items = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>"
        f'<dd class="note">{escaped(meaning)}</dd></div>'
        for name, value, meaning in content.figures
    )
    return f'<dl class="figures">{items}</dl>'


def _errors(content: ManyContent) -> str:
    if not any(bar.count for bar in content.bars):
        return "".join(f"<p>{escaped(text)}</p>" for text in content.caveats)
    caption = (
        f"Skill is 1 {MINUS} error / error of the series' best baseline: above 0 the forecast is"
        " better, at 0.5 its error is half as large."
    )
    baselines = [duel for duel in content.duels if duel.is_baseline]
    members = [duel for duel in content.duels if not duel.is_baseline]
    return "".join(
        [
            skill_figure(content.bars, caption),
            *[f'<p class="note">{escaped(text)}</p>' for text in content.caveats],
            _duels("The forecast against each baseline", baselines, has_best=True),
            _duels("The forecast against each of its members alone", members, has_best=False),
            f'<p class="note">{_RELATIVE}</p>',
            _demands(content.demands),
        ]
    )


def _duels(caption: str, duels: Sequence[Duel], *, has_best: bool) -> str:
    if not duels:
        return ""
    heads = [
        Column(name="Against"),
        Column(name="Forecast better", is_number=True),
        Column(name="Equal", is_number=True),
        Column(name="Forecast worse", is_number=True),
        Column(name="Relative error", is_number=True),
    ]
    if has_best:
        heads.append(Column(name="Best baseline of", is_number=True))
    rows = []
    for duel in duels:
        whole = duel.better + duel.equal + duel.worse
        cells = [
            isolated(duel.rival),
            _of(duel.better, whole),
            f"{duel.equal:,}",
            _of(duel.worse, whole),
            escaped(fixed(duel.relative, 3)),
        ]
        rows.append((*cells, f"{duel.best:,}") if has_best else tuple(cells))
    return table(caption, tuple(heads), rows)


def _demands(demands: Sequence[Demand]) -> str:
    if not demands:
        return ""
    heads = (
        Column(name="Forecast"),
        Column(name="Scaled RMSE", is_number=True),
        Column(name="Bias", is_number=True),
        Column(name="Scaled MAE", is_number=True),
        Column(name="Series", is_number=True),
    )
    rows = [
        (
            isolated(demand.name),
            escaped(fixed(demand.rmse, 3)),
            escaped(f"{'+' if demand.bias > 0 else ''}{percent(demand.bias)}"),
            escaped(fixed(demand.mae, 3)),
            f"{demand.series:,}",
        )
        for demand in demands
    ]
    return table("Intermittent series", heads, rows) + f'<p class="note">{_SCALED}</p>'


def _of(part: int, whole: int) -> str:
    share = f" ({percent(part / whole)})" if whole else ""
    return escaped(f"{part:,}{share}")


def _members(content: ManyContent) -> str:
    if not content.shares:
        return "<p>No series has a forecast by members.</p>"
    heads = (
        Column(name="Member"),
        Column(name="Share of all weights", is_number=True),
        Column(name="Series with a weight", is_number=True),
        Column(name="Series with its largest", is_number=True),
    )
    rows = [
        (
            isolated(share.member),
            escaped(percent(share.weight)),
            f"{share.series:,}",
            f"{share.heaviest:,}",
        )
        for share in content.shares
    ]
    return table("Who makes the forecasts", heads, rows)


def _drawn(series: Sequence[SeriesShown], words: str) -> str:
    if not series:
        return "<p>No series is long enough for a backtest.</p>"
    return f"<p>{escaped(words)}</p>{series_figures(series)}"


def _failures(content: ManyContent) -> str:
    heads = (
        Column(name="Status"),
        Column(name="Series", is_number=True),
        Column(name="Meaning", is_wide=True),
    )
    rows = [(escaped(s.name), f"{s.count:,}", escaped(s.meaning)) for s in content.statuses]
    parts = [table("Series by status", heads, rows)]
    if not content.failures:
        return "".join([*parts, "<p>No series failed.</p>"])
    parts.append(_reasons(content.failures))
    if content.unlisted_failures:
        more = count(content.unlisted_failures, "more series failed", "more series failed")
        parts.append(
            f'<p class="note">{more} for other reasons, which {content.metrics_file} has.</p>'
        )
    if content.failed:
        parts.append('<p class="title">Series that failed</p>')
        parts.append(series_figures(content.failed))
    return "".join(parts)


def _reasons(failures: Sequence[Failure]) -> str:
    heads = (
        Column(name="Reason, of the first such series"),
        Column(name="Series", is_number=True),
        Column(name="Status"),
        Column(name="First ones by name", is_wide=True),
    )
    rows = [
        (
            isolated(shortened(failure.reason, _LONGEST_REASON)),
            f"{failure.count:,}",
            escaped(failure.status),
            ", ".join(map(_name, failure.names)),
        )
        for failure in failures
    ]
    return table("Why series failed", heads, rows)


def _name(name: str) -> str:
    """Return a series' name, quoted where its spaces at an end would not be seen."""
    text = name if name == name.strip() and clean(name) else f"“{name}”"
    return isolated(shortened_inside(text, LONGEST_NAME))


def _index(content: ManyContent) -> str:
    index = content.index
    total = sum(stretch.series for stretch in index)
    if not all(stretch.entries for stretch in index):
        words = (
            f"The {count(total, 'series', 'series')} are too many to be listed one by one here:"
            f" each row below counts all series between two names. {content.metrics_file} has"
            " a row for each series."
        )
        return f"<p>{escaped(words)}</p>{_stretches(index)}"
    words = (
        f"By name, with the skill; {ABSENT} where there was no backtest, or the best baseline made"
        " no error."
        f" {content.metrics_file} has the same series with all their figures."
    )
    lists = "".join(map(_entries, index)) if len(index) > 1 else _list(index[0].entries)
    return f"<p>{escaped(words)}</p>{lists}"


def _stretches(index: Sequence[Stretch]) -> str:
    heads = (
        Column(name="First name"),
        Column(name="Last name"),
        Column(name="Series", is_number=True),
        Column(name="Better than a baseline", is_number=True),
        Column(name="Not better", is_number=True),
        Column(name="Failed", is_number=True),
    )
    rows = [
        (
            _name(stretch.first),
            _name(stretch.last),
            f"{stretch.series:,}",
            f"{stretch.better:,}",
            f"{stretch.worse:,}",
            f"{stretch.failed:,}",
        )
        for stretch in index
    ]
    return table("All series by name", heads, rows)


def _entries(stretch: Stretch) -> str:
    told = f"{stretch.series:,} series, {stretch.better:,} better than the best baseline"
    if stretch.failed:
        told += f", {stretch.failed:,} failed"
    return (
        f"<details><summary>{_name(stretch.first)} to {_name(stretch.last)}: {told}</summary>"
        f"{_list(stretch.entries)}</details>"
    )


def _list(entries: Sequence[Entry]) -> str:
    return f'<ul class="index">{"".join(map(entry_item, entries))}</ul>'


def entry_item(entry: Entry) -> str:
    """Return the index's item of a series."""
    name = _name(entry.name)
    if entry.anchor:
        name = f'<a href="#{entry.anchor}">{name}</a>'
    if entry.status == "ok":
        return f"<li>{name} <i>{skill_text(entry.skill)}</i></li>"
    return f'<li>{name} <i class="look">{escaped(entry.status)}</i></li>'


def skill_text(skill: float | None) -> str:
    """Return a skill with three decimals; without, where it is far below 0."""
    return number(skill, 3) if skill is not None and skill < _FAR else fixed(skill, 3)


def _run(content: ManyContent) -> str:
    return f"{pairs(content.arguments)}<h3>Versions</h3>{pairs(content.versions)}"
