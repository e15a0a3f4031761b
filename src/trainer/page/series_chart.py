"""A small chart of one series among many: the end of its known values, and its forecast."""

from collections.abc import Sequence

from trainer.page.axes import LINE_HEIGHT, bottom_axis, left_margin, most_dates, value_axis
from trainer.page.figure import NARROW, Caption, Drawing, Key, keys, one_width
from trainer.page.forecast_chart import curves, described, ends_of, scene_of
from trainer.page.many_content import SeriesShown
from trainer.page.marks import Frame, rule
from trainer.page.ticks import date_ticks, number_ticks
from trainer.page.wording import shortened_inside

_HEIGHT = 170.0
_MOST_VALUES = 5
LONGEST_NAME = 60
_KEYS = (
    Key(look="line ink", label="known values"),
    Key(look="line blue", label="forecast"),
    Key(look="band half", label="80 % interval"),
    Key(look="band pale", label="95 % interval"),
)


def series_figures(series: Sequence[SeriesShown]) -> str:
    """Return the figures of some series, below one key; each has the anchor of its series."""
    figures = "".join(map(_figure, series))
    return f'{keys(_KEYS)}<div class="tiles">{figures}</div>'


def _figure(series: SeriesShown) -> str:
    caption = Caption(title=shortened_inside(series.name, LONGEST_NAME), text=series.remark)
    return one_width(_drawing(series), caption, series.anchor)


def _drawing(series: SeriesShown) -> Drawing:
    scene = scene_of(series.history, series.forecast, 0)
    ticks = number_ticks(*scene.view, _MOST_VALUES)
    frame = Frame(
        left=left_margin(ticks),
        right=NARROW - 10,
        top=26,
        bottom=_HEIGHT,
        x_range=ends_of(scene, 0),
        y_range=scene.view,
    )
    marks = [
        value_axis(frame, ticks),
        bottom_axis(frame, date_ticks(*frame.x_range, most_dates(frame))),
    ]
    if len(series.forecast.point):
        edge = float(frame.x(scene.future[:1])[0])
        marks.append(rule((edge, frame.top - 4, edge, frame.bottom), "edge"))
    return Drawing(
        name=f"{series.anchor}-chart",
        width=NARROW,
        height=_HEIGHT + 22 + LINE_HEIGHT,
        title=f"{shortened_inside(series.name, LONGEST_NAME)}: last known values and forecast",
        description=described(series.history, series.forecast),
        marks="".join([*marks, curves(frame, scene, series.history)]),
    )
