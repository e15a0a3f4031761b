"""The key figures, and the table of model and baselines with the best of each column marked."""

from collections.abc import Callable
from dataclasses import dataclass

from trainer.page.content import Backtest, Contender, KeyFigures, Scores
from trainer.page.tables import Column, table
from trainer.page.wording import (
    aligned,
    escaped,
    is_number,
    isolated,
    number,
    percent,
    shortened,
)

_LONGEST_NAME = 60
_BEST = '<span class="best">{}</span><span class="sr"> best</span>'


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metric:
    """How a figure is named, read from scores, and judged: the smallest `badness` is best."""

    name: str
    meaning: str
    value: Callable[[Scores], float | None]
    badness: Callable[[float], float] | None = abs
    is_share: bool = False


_RMSE = _Metric(
    name="RMSE", meaning="root mean square error, in the unit of the series", value=lambda s: s.rmse
)
_R2 = _Metric(
    name="R²",
    meaning="share of the variance explained; below 0 the mean alone is better",
    value=lambda s: s.r2,
    badness=lambda r2: -r2,
)
_MAE = _Metric(
    name="MAE", meaning="mean absolute error, in the unit of the series", value=lambda s: s.mae
)
_MASE = _Metric(
    name="MASE",
    meaning="MAE in units of the seasonal naive one-step error; below 1 is better than that",
    value=lambda s: s.mase,
)
_SMAPE = _Metric(
    name="sMAPE", meaning="symmetric percentage error, 0 to 200", value=lambda s: s.smape
)
_COVERAGE_80 = _Metric(
    name="Coverage 80\u00a0%",
    meaning="share of the values inside the 80 % interval; 80 % is right",
    value=lambda s: s.coverage_80,
    badness=lambda share: abs(share - 0.80),
    is_share=True,
)
_COVERAGE_95 = _Metric(
    name="Coverage 95\u00a0%",
    meaning="share of the values inside the 95 % interval; 95 % is right",
    value=lambda s: s.coverage_95,
    badness=lambda share: abs(share - 0.95),
    is_share=True,
)
_CRPS = _Metric(
    name="CRPS",
    meaning="error of the whole predicted distribution, in the unit of the series",
    value=lambda s: s.crps,
)
_RMSSE = _Metric(
    name="RMSSE", meaning="RMSE in units of the naive one-step error", value=lambda s: s.rmsse
)
_WIDTH_80 = _Metric(
    name="Width 80\u00a0%", meaning="of the 80 % interval", value=lambda s: s.width_80, badness=None
)
_WIDTH_95 = _Metric(
    name="Width 95\u00a0%", meaning="of the 95 % interval", value=lambda s: s.width_95, badness=None
)
_KEY_FIGURES = (_RMSE, _R2, _MAE, _MASE, _SMAPE, _COVERAGE_80, _COVERAGE_95, _CRPS)
# Two tables, each as wide as the page, so that none of their cells has to be scrolled to.
_TABLES = {
    "Errors of the model and the baselines over all windows": (
        *(_MASE, _RMSSE, _MAE, _RMSE, _SMAPE, _CRPS, _R2),
    ),
    "Their intervals": (_COVERAGE_80, _COVERAGE_95, _WIDTH_80, _WIDTH_95),
}


def key_figures(figures: KeyFigures) -> str:
    """Return the figures, large, each with what it is."""
    items = "".join(_key_figure(metric, figures.scores) for metric in _KEY_FIGURES)
    return f'<p>Scored on {isolated(figures.scored_on)}.</p><dl class="figures">{items}</dl>'


def scores_table(backtest: Backtest) -> str:
    """Return the tables of contenders, without columns that nobody has a figure for."""
    contenders = (backtest.model, *backtest.baselines)
    note = (
        '<p class="note">• the best of its column: the smallest error, the coverage nearest to its'
        " name. Widths are not ranked: narrow is good only where the coverage holds.</p>"
    )
    return "".join(_table(name, wanted, contenders) for name, wanted in _TABLES.items()) + note


def _table(name: str, wanted: tuple[_Metric, ...], contenders: tuple[Contender, ...]) -> str:
    metrics = [m for m in wanted if any(is_number(m.value(c.scores)) for c in contenders)]
    if not metrics:
        return ""
    cells = [_column(metric, contenders) for metric in metrics]
    heads = (Column(name="Forecast"), *[Column(name=m.name, is_number=True) for m in metrics])
    rows = [
        (_name(contender, is_model=i == 0), *[column[i] for column in cells])
        for i, contender in enumerate(contenders)
    ]
    return table(name, heads, rows)


def _key_figure(metric: _Metric, scores: Scores) -> str:
    value = metric.value(scores)
    shown = percent(value) if metric.is_share else number(value, 4 if _has_unit(metric) else 3)
    if metric is _SMAPE and is_number(value):
        shown += "\u00a0%"
    meaning = metric.meaning if is_number(value) else f"{metric.meaning}; not defined here"
    return (
        f"<div><dt>{escaped(metric.name)}</dt><dd>{escaped(shown)}</dd>"
        f'<dd class="note">{escaped(meaning)}</dd></div>'
    )


def _has_unit(metric: _Metric) -> bool:
    return metric in (_RMSE, _MAE, _CRPS)


def _name(contender: Contender, *, is_model: bool) -> str:
    name = isolated(shortened(contender.name, _LONGEST_NAME))
    return f"<strong>{name}</strong>" if is_model else name


def _column(metric: _Metric, contenders: tuple[Contender, ...]) -> list[str]:
    """Return the cells of one column; those that look like the best one are marked as it."""
    values = [metric.value(contender.scores) for contender in contenders]
    known = [value for value in values if value is not None and is_number(value)]
    texts = [percent(value) for value in values] if metric.is_share else aligned(values)
    best = None
    if metric.badness is not None and known:
        best = texts[values.index(min(known, key=metric.badness))]
    return [_BEST.format(escaped(text)) if text == best else escaped(text) for text in texts]
