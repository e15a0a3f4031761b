"""The charts of the backtest: each window on its own, and the error at each step ahead."""

import math
from dataclasses import dataclass

import numpy as np

from trainer.page.axes import LINE_HEIGHT, bottom_axis, left_margin, value_axis
from trainer.page.content import Backtest, Contender, Floats, Window
from trainer.page.figure import NARROW, Caption, Drawing, Key, both_widths
from trainer.page.marks import Frame, band, dots, line, rule, text, text_width
from trainer.page.ticks import Ticks, number_ticks, step_ticks, value_range, widened
from trainer.page.wording import clean, count, date, is_number, number, seconds, shortened

_MOST_WINDOWS = 12
_PANEL_HEIGHT, _PANEL_HEAD, _GAP = 96.0, 52.0, 16.0
_LINE_LOOKS = ("orange dashed", "green dotted", "grey", "grey dashed", "grey dotted")
_LABEL_HEIGHT = 15.0
_FEW_STEPS = 40
_NEAR_ZERO = 0.35  # errors as low as this share of the highest: the axis may as well begin at 0


def windows_figure(backtest: Backtest) -> str:
    """Return one small picture a window, all on one scale."""
    windows = backtest.windows[-_MOST_WINDOWS:]
    steps = max(len(window.actual) for window in windows)
    cut = (
        f"The last {len(windows)} of {len(backtest.windows)} windows"
        if len(windows) < len(backtest.windows)
        else count(len(windows), "window")
    )
    caption = Caption(
        title="Backtest forecasts and actual values.",
        text=f"{cut} of {count(steps, 'step')}, on one scale, headed by the first date.",
        keys=(
            Key(look="line ink", label="actual values"),
            Key(look="line blue", label="prediction"),
            Key(look="band half", label="80 % interval"),
        ),
    )
    return both_widths(lambda width: _windows(windows, width), caption)


def horizon_figure(backtest: Backtest) -> str:
    """Return the error against the step ahead: the model and the baselines."""
    caption = Caption(
        title="Error against horizon.",
        text=(
            f"The {clean(backtest.error_name)} of the forecasts by steps ahead, over all "
            "windows; lower is better."
        ),
    )
    return both_widths(lambda width: _horizon(backtest, width), caption)


def _windows(windows: tuple[Window, ...], width: int) -> Drawing:
    values = [column for window in windows for column in (window.actual, window.prediction)]
    bounds = [column for window in windows for column in (window.lower_80, window.upper_80)]
    low, high = widened(value_range(*values), value_range(*values, *bounds))
    ticks = number_ticks(low, high, 3)
    columns = 2 if width == NARROW else min(4, max(2, math.ceil(math.sqrt(len(windows)))))
    if width != NARROW and len(windows) in (3, 5, 6, 9):
        columns = 3
    left = left_margin(ticks)
    panel = (width - left - 4 - (columns - 1) * _GAP) / columns
    marks = []
    for number_of, window in enumerate(windows):
        row, column = divmod(number_of, columns)
        top = row * (_PANEL_HEIGHT + _PANEL_HEAD) + _PANEL_HEAD
        at = left + column * (panel + _GAP)
        frame = Frame(
            left=at,
            right=at + panel,
            top=top,
            bottom=top + _PANEL_HEIGHT,
            x_range=_span(window),
            y_range=(low, high),
        )
        marks.append(_panel(frame, window, ticks, labels=column == 0))
    rows = math.ceil(len(windows) / columns)
    return Drawing(
        name="windows",
        width=width,
        height=rows * (_PANEL_HEIGHT + _PANEL_HEAD) + 8,
        title="Backtest windows: forecasts and actual values",
        description=_windows_words(windows),
        marks="".join(marks),
    )


def _panel(frame: Frame, window: Window, ticks: Ticks, *, labels: bool) -> str:
    moments = seconds(window.dates)
    score = f"MASE {number(window.mase, 3)}" if is_number(window.mase) else ""
    bare = Ticks(places=ticks.places, labels=ticks.labels)
    return "".join(
        [
            text(frame.left, frame.top - 24, date(window.dates[0]), "tick strong"),
            text(frame.left, frame.top - 9, score, "tick"),
            value_axis(frame, bare, labels=labels),
            band(frame, moments, (window.lower_80, window.upper_80), "half"),
            line(frame, moments, window.actual, "ink"),
            line(frame, moments, window.prediction, "blue"),
        ]
    )


def _span(window: Window) -> tuple[float, float]:
    moments = seconds(window.dates)
    first, last = float(moments[0]), float(moments[-1])
    return (first, last) if last > first else (first - 1, last + 1)


def _windows_words(windows: tuple[Window, ...]) -> str:
    return " ".join(_window_words(window) for window in windows)


def _window_words(window: Window) -> str:
    known = np.isfinite(window.actual) & np.isfinite(window.prediction)
    words = f"From {date(window.dates[0])}, {count(len(window.actual), 'step')}:"
    if not known.any():
        return f"{words} nothing to compare."
    actual, prediction = window.actual[known], window.prediction[known]
    inside = (actual >= window.lower_80[known]) & (actual <= window.upper_80[known])
    error = float(np.mean(np.abs(actual - prediction)))
    return (
        f"{words} {number(float(actual.mean()))} on average, predicted"
        f" {number(float(prediction.mean()))}, mean error {number(error)}, {int(inside.sum())} of"
        f" {len(actual)} inside the 80 % interval."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    name: str
    errors: Floats
    look: str


def _horizon(backtest: Backtest, width: int) -> Drawing:
    longest = 15 if width == NARROW else 24
    curves = _curves(backtest.model, backtest.baselines)
    low, high = value_range(*[curve.errors for curve in curves])
    low = 0.0 if low < _NEAR_ZERO * high else low
    ticks = number_ticks(low, high, 5)
    names = [shortened(curve.name.removesuffix(" forecast"), longest) for curve in curves]
    labels_width = 14 + max(map(text_width, names))
    steps = max(len(curve.errors) for curve in curves)
    frame = Frame(
        left=left_margin(ticks),
        right=width - labels_width,
        top=30,
        bottom=max(240.0, 40 + _LABEL_HEIGHT * len(curves)),
        x_range=(1.0, float(steps)) if steps > 1 else (0.5, 1.5),
        y_range=(low, high),
    )
    most = max(3, round((frame.right - frame.left) / 50))
    marks = [
        value_axis(frame, ticks, shortened(backtest.error_name, 40)),
        bottom_axis(frame, step_ticks(steps, most), "steps ahead"),
        *[_curve(frame, curve) for curve in reversed(curves)],
        _end_labels(frame, curves, names),
    ]
    return Drawing(
        name="horizon",
        width=width,
        height=frame.bottom + 22 + LINE_HEIGHT,
        title=f"{backtest.error_name} against steps ahead",
        description=" ".join(_curve_words(curve) for curve in curves),
        marks="".join(marks),
    )


def _curves(model: Contender, baselines: tuple[Contender, ...]) -> list[_Curve]:
    """Return the model first, then the baselines by their mean error: the best ones get colour."""
    ranked = sorted((b for b in baselines if np.isfinite(b.errors_by_step).any()), key=_mean_error)
    curves = [_Curve(name=model.name, errors=model.errors_by_step, look="blue thick")]
    for rank, baseline in enumerate(ranked):
        look = _LINE_LOOKS[min(rank, len(_LINE_LOOKS) - 1)]
        curves.append(_Curve(name=baseline.name, errors=baseline.errors_by_step, look=look))
    return curves


def _mean_error(contender: Contender) -> float:
    return float(np.nanmean(contender.errors_by_step))


def _curve(frame: Frame, curve: _Curve) -> str:
    steps = np.arange(1.0, len(curve.errors) + 1)
    drawn = line(frame, steps, curve.errors, curve.look)
    if len(steps) <= _FEW_STEPS:
        drawn += dots(frame, steps, curve.errors, curve.look.split()[0])
    return drawn


def _end_labels(frame: Frame, curves: list[_Curve], names: list[str]) -> str:
    """Write each name where its line ends, moved apart where lines end together."""
    ends = [_last(curve.errors) for curve in curves]
    order = sorted(
        (i for i, end in enumerate(ends) if end is not None), key=lambda i: -_at(ends, i)
    )
    wanted = [float(frame.y(np.array([_at(ends, i)]))[0]) for i in order]
    parts = []
    for i, end, down in zip(order, wanted, spread(wanted, frame.top, frame.bottom), strict=True):
        colour = curves[i].look.split()[0]
        parts.append(rule((frame.right + 2, end, frame.right + 9, down), f"line thin {colour}"))
        strong = " strong" if i == 0 else ""
        parts.append(text(frame.right + 12, down + 4, names[i], f"tick{strong}"))
    return "".join(parts)


def spread(wanted: list[float], top: float, bottom: float) -> list[float]:
    """Move ascending places apart so that texts at them do not touch, and keep them inside."""
    if not wanted:
        return []
    gap = min(_LABEL_HEIGHT, (bottom - top) / len(wanted))
    places: list[float] = []
    for at in wanted:
        places.append(max(at, places[-1] + gap) if places else at)
    lowest = bottom
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], lowest)
        lowest = places[i] - gap
    return places


def _at(ends: list[float | None], i: int) -> float:
    return ends[i] or 0.0


def _last(errors: Floats) -> float | None:
    known = errors[np.isfinite(errors)]
    return float(known[-1]) if len(known) else None


def _curve_words(curve: _Curve) -> str:
    known = curve.errors[np.isfinite(curve.errors)]
    if not len(known):
        return f"{clean(curve.name)}: nothing to compare."
    return (
        f"{clean(curve.name)}: {number(float(known[0]))} one step ahead,"
        f" {number(float(known[-1]))} {count(len(curve.errors), 'step')} ahead,"
        f" {number(float(known.mean()))} on average."
    )
