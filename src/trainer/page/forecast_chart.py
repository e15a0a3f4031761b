"""The first chart: the series, the prediction of its held-out end, and the forecast.

A long series is shown twice: its end large enough to see the forecast, and all of it as a strip.
"""

from dataclasses import dataclass

import numpy as np

from trainer.page.axes import LINE_HEIGHT, bottom_axis, left_margin, most_dates, value_axis
from trainer.page.content import Content, Dates, Floats, Forecast, History
from trainer.page.figure import NARROW, Caption, Drawing, Key, both_widths
from trainer.page.marks import Frame, band, box, line, rule, text, text_width
from trainer.page.ticks import date_ticks, number_ticks, value_range, widened
from trainer.page.wording import count, date, number, seconds, shortened

_LEAST_ROWS, _ROWS_A_STEP, _MOST_ROWS_A_STEP = 60, 8, 25
_STRIP_HEIGHT = 56


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What to draw: known values from row `start`, the fan of forecasts, from where to where."""

    known: Floats
    values: Floats
    held_out: int
    start: int
    future: Floats
    fan: Forecast
    view: tuple[float, float]


def forecast_figure(content: Content) -> str:
    """Return the figure of the series and its forecast."""
    history = content.history
    scene = scene_of(history, content.forecast, first_row(history, len(content.forecast.point)))
    caption = Caption(
        title="The series, the prediction of its held-out end, and the forecast.",
        text=" ".join(_remarks(history, scene)),
        keys=_keys(content),
    )
    return both_widths(lambda width: _drawing(content, scene, width), caption)


def held_out_figure(content: Content) -> str:
    """Return the figure of the held-out rows alone; empty where nothing was held out."""
    history = content.history
    rows = len(history.prediction)
    if not rows or not np.isfinite(history.values[-rows:]).any():
        return ""
    caption = Caption(
        title="The held-out rows.",
        text=f"The last {count(rows, 'row')}, which the model did not see, and its prediction.",
        keys=(
            Key(look="line ink", label="known values"),
            Key(look="line orange dashed", label="prediction of the held-out rows"),
        ),
    )
    return both_widths(lambda width: _held_out_drawing(content, width), caption)


def _held_out_drawing(content: Content, width: int) -> Drawing:
    history = content.history
    rows = len(history.prediction)
    # As many known rows before them, so that the eye sees where they come from.
    first = max(0, len(history.values) - 2 * rows)
    moments, values = seconds(history.dates[first:]), history.values[first:]
    view = value_range(values, history.prediction)
    ticks = number_ticks(*view, 5)
    height = 200.0 if width == NARROW else 240.0
    ends = (float(moments[0]), float(max(moments[-1], moments[0] + 1)))
    frame = Frame(
        left=left_margin(ticks),
        right=width - 10,
        top=42,
        bottom=height - 10,
        x_range=ends,
        y_range=view,
    )
    name = shortened(content.head.series_name, 26 if width == NARROW else 60)
    edge = float(frame.x(moments[-rows:][:1])[0])
    return Drawing(
        name="held-out",
        width=width,
        height=height + 2 * LINE_HEIGHT,
        title=f"{name}: held-out rows and their prediction",
        description=_held_out_words(history),
        marks="".join(
            [
                value_axis(frame, ticks, name),
                bottom_axis(frame, date_ticks(*frame.x_range, most_dates(frame))),
                rule((edge, frame.top - 4, edge, frame.bottom), "edge"),
                line(frame, moments, values, "ink"),
                line(frame, moments[-rows:], history.prediction, "orange dashed"),
            ]
        ),
    )


def _keys(content: Content) -> tuple[Key, ...]:
    keys = [Key(look="line ink", label="known values")]
    if len(content.history.prediction):
        keys.append(Key(look="line orange dashed", label="prediction of the held-out rows"))
    if len(content.forecast.point):
        keys.append(Key(look="line blue", label="forecast"))
        keys.append(Key(look="band half", label="80 % interval"))
        keys.append(Key(look="band pale", label="95 % interval"))
    return tuple(keys)


def _remarks(history: History, scene: Scene) -> list[str]:
    remarks = []
    if scene.start:
        remarks.append(
            f"The large picture begins {date(history.dates[scene.start])}; the strip below it has"
            f" all {len(history.values):,} rows."
        )
    low, high = scene.view
    if (scene.fan.lower_95 < low).any() or (scene.fan.upper_95 > high).any():
        remarks.append("The intervals grow beyond the picture.")
    return remarks


def first_row(history: History, steps: int) -> int:
    """Return from which row the large picture shows the series, so that the forecast is seen."""
    wanted = max(
        _LEAST_ROWS,
        _ROWS_A_STEP * steps,
        min(round(1.3 * len(history.prediction)), _MOST_ROWS_A_STEP * steps),
    )
    rows = len(history.values)
    return 0 if rows <= 1.5 * wanted else rows - wanted


def _drawing(content: Content, scene: Scene, width: int) -> Drawing:
    history, start = content.history, scene.start
    height = 250.0 if width == NARROW else 330.0
    ticks = number_ticks(*scene.view, 5 if width == NARROW else 6)
    frame = Frame(
        left=left_margin(ticks),
        right=width - 10,
        top=42,
        bottom=height - 10,
        x_range=ends_of(scene, start),
        y_range=scene.view,
    )
    name = shortened(content.head.series_name, 26 if width == NARROW else 60)
    marks = [
        value_axis(frame, ticks, name),
        bottom_axis(frame, date_ticks(*frame.x_range, most_dates(frame))),
        _regions(frame, scene),
        curves(frame, scene, history),
    ]
    height += 2 * LINE_HEIGHT
    if start:
        marks.append(_strip(scene, frame, height + 22))
        height += 22 + _STRIP_HEIGHT + 2 * LINE_HEIGHT + 6
    return Drawing(
        name="forecast",
        width=width,
        height=height,
        title=f"{name}: series, prediction and forecast",
        description=described(history, content.forecast),
        marks="".join(marks),
    )


def scene_of(history: History, forecast: Forecast, start: int) -> Scene:
    """Join the forecast to the last known value, from which its bounds open like a fan."""
    known = seconds(history.dates)
    values = history.values
    columns = [forecast.point, forecast.lower_80, forecast.upper_80]
    columns += [forecast.lower_95, forecast.upper_95]
    future = seconds(forecast.dates)
    if len(future) and len(values) and np.isfinite(values[-1]):
        columns = [np.concatenate([values[-1:], column]) for column in columns]
        future = np.concatenate([known[-1:], future])
    point, lower_80, upper_80, lower_95, upper_95 = columns
    core = value_range(values[start:], history.prediction, point)
    return Scene(
        known=known,
        values=values,
        held_out=len(history.prediction),
        start=start,
        future=future,
        view=widened(core, value_range(values[start:], lower_95, upper_95)),
        fan=Forecast(
            dates=forecast.dates,
            point=point,
            lower_80=lower_80,
            upper_80=upper_80,
            lower_95=lower_95,
            upper_95=upper_95,
        ),
    )


def ends_of(scene: Scene, start: int) -> tuple[float, float]:
    """Return the first and the last moment to be drawn, in seconds since 1970."""
    moments = np.concatenate([scene.known[start:], scene.future])
    if not len(moments):
        return 0.0, 1.0
    first, last = float(moments.min()), float(moments.max())
    return (first, last) if last > first else (first - 86400, last + 86400)


def curves(frame: Frame, scene: Scene, history: History) -> str:
    """Draw the known values, the prediction of the held-out ones, and the forecast."""
    fan, future = scene.fan, scene.future
    held_out = scene.known[len(scene.known) - scene.held_out :]
    skipped = max(0, scene.start - (len(scene.known) - scene.held_out))
    return "".join(
        [
            band(frame, future, (fan.lower_95, fan.upper_95), "pale"),
            band(frame, future, (fan.lower_80, fan.upper_80), "half"),
            line(frame, scene.known[scene.start :], scene.values[scene.start :], "ink"),
            line(frame, held_out[skipped:], history.prediction[skipped:], "orange dashed"),
            line(frame, future, fan.point, "blue"),
        ]
    )


def _regions(frame: Frame, scene: Scene) -> str:
    """Mark where the held-out rows and the forecast begin, and name both where there is room."""
    edges = [(float(frame.x(scene.future[:1])[0]), "forecast")] if len(scene.future) else []
    first = len(scene.known) - scene.held_out
    if scene.held_out and first >= scene.start:
        edges.insert(0, (float(frame.x(scene.known[first : first + 1])[0]), "held out"))
    ends = [*[at for at, _ in edges[1:]], frame.right]
    parts = []
    for (at, name), end in zip(edges, ends[: len(edges)], strict=True):
        parts.append(rule((at, frame.top - 4, at, frame.bottom), "edge"))
        if end - at >= text_width(name):
            parts.append(text(at + 4, frame.top + 6, name, "tick halo"))
        elif end == frame.right:
            parts.append(text(frame.right, frame.top - 10, name, "tick", "end"))
    return "".join(parts)


def _strip(scene: Scene, above: Frame, top: float) -> str:
    """Draw the whole series small, with the part that the large picture shows on a ground."""
    frame = Frame(
        left=above.left,
        right=above.right,
        top=top,
        bottom=top + _STRIP_HEIGHT,
        x_range=ends_of(scene, 0),
        y_range=value_range(scene.values, scene.fan.point),
    )
    shown = float(frame.x(scene.known[scene.start : scene.start + 1])[0])
    return "".join(
        [
            text(0, frame.top - 6, "all rows; the part above on a grey ground", "tick"),
            box((shown, frame.top, frame.right, frame.bottom), "ground"),
            line(frame, scene.known, scene.values, "ink thin"),
            line(frame, scene.future, scene.fan.point, "blue"),
            bottom_axis(frame, date_ticks(*frame.x_range, most_dates(frame))),
        ]
    )


def described(history: History, forecast: Forecast) -> str:
    """Return in words what a chart of them shows."""
    parts = [_series_words(history.dates, history.values)]
    parts.append(_held_out_words(history))
    if len(forecast.point):
        parts.append(_forecast_words(forecast))
    return " ".join(filter(None, parts))


def _held_out_words(history: History) -> str:
    held_out = len(history.prediction)
    if not held_out:
        return ""
    errors = np.abs(history.values[len(history.values) - held_out :] - history.prediction)
    known = errors[np.isfinite(errors)]
    if not len(known):
        return ""
    return (
        f"The prediction of the last {count(held_out, 'row')}, held out, misses by"
        f" {number(float(known.mean()))} on average and by {number(float(known.max()))} at most."
    )


def _series_words(dates: Dates, values: Floats) -> str:
    known = values[np.isfinite(values)]
    if not len(known):
        return "There is no known value."
    missing = len(values) - len(known)
    low, high, last = (number(float(value)) for value in (known.min(), known.max(), known[-1]))
    words = (
        f"{count(len(known), 'known value')} from {date(dates[0])} to {date(dates[-1])}, between"
        f" {low} and {high}, {last} at the end."
    )
    return f"{words} {count(missing, 'is missing', 'are missing')}." if missing else words


def _forecast_words(forecast: Forecast) -> str:
    def between(lower: Floats, upper: Floats) -> str:
        return f"{number(float(lower[-1]))} to {number(float(upper[-1]))}"

    return (
        f"The forecast has {count(len(forecast.point), 'step')}, from"
        f" {number(float(forecast.point[0]))} on {date(forecast.dates[0])} to"
        f" {number(float(forecast.point[-1]))} on {date(forecast.dates[-1])}. There its 80 %"
        f" interval is {between(forecast.lower_80, forecast.upper_80)} and its 95 % interval"
        f" {between(forecast.lower_95, forecast.upper_95)}."
    )
