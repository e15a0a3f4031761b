"""The two pictures of a run, as bytes of PNG files: the same ones for the same numbers."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from trainer.data import Series
from trainer.likelihood import Floats
from trainer.model import Forecast

_INK, _MUTED, _GRID = "#1f2933", "#616e7c", "#e4e7eb"
_BLUE, _ORANGE, _GREEN = "#0072b2", "#d55e00", "#009e73"  # told apart with any colour vision
_LIGHT, _PALE = "#9fc9e3", "#d6e8f3"
_LONGEST_NAME = 40
_SIZE, _DPI = (10.0, 5.4), 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the pictures tell: the series, the model's prediction of the holdout, and the future."""

    title: str
    subtitle: str
    train: Series
    holdout: Series
    residuals: Floats
    prediction: Floats
    forecast: Forecast


def draw_prediction(story: Story) -> bytes:
    """Return pred.png: the series, the prediction of the holdout, the forecast and its bounds."""
    with _style():
        figure, axes = _sheet(story, story.title)
        future, known = story.forecast, _known(story)
        axes.plot(known[0], known[1], color=_INK, linewidth=1.3, label="known values", zorder=3)
        axes.plot(
            story.holdout.dates,
            story.prediction,
            color=_ORANGE,
            linewidth=2,
            linestyle=(0, (4, 1.5)),
            label="prediction of the holdout",
            zorder=4,
        )
        axes.fill_between(
            future.dates,
            future.lower_95,
            future.upper_95,
            color=_PALE,
            linewidth=0,
            label="95 % interval",
        )
        axes.fill_between(
            future.dates,
            future.lower_80,
            future.upper_80,
            color=_LIGHT,
            linewidth=0,
            label="80 % interval",
        )
        axes.plot(future.dates, future.mean, color=_BLUE, linewidth=2, label="forecast", zorder=4)
        axes.axvline(story.holdout.dates[0], color=_MUTED, linewidth=0.8, linestyle=":")
        axes.set_ylabel(shortened(story.train.value_name))
        _finish(figure, axes, story.train.date_name)
        return _png(figure)


def draw_residuals(story: Story) -> bytes:
    """Return res.png: the errors of the fit step by step, and those of the holdout's prediction."""
    with _style():
        figure, axes = _sheet(story, "Errors: value less prediction")
        axes.axhline(0, color=_MUTED, linewidth=1)
        errors = story.holdout.values - story.prediction
        for dates, numbers, color, marker, label in (
            (story.train.dates, story.residuals, _BLUE, "o", "fit, one step ahead"),
            (story.holdout.dates, errors, _ORANGE, "D", f"holdout, 1 to {len(errors)} steps ahead"),
        ):
            axes.vlines(dates, 0, numbers, color=color, linewidth=1, alpha=0.45)
            axes.plot(dates, numbers, marker, color=color, markersize=4, label=label)
        axes.set_ylabel(f"error of {shortened(story.train.value_name)}")
        _finish(figure, axes, story.train.date_name)
        return _png(figure)


def shortened(name: str) -> str:
    """Return a column's name as it fits on an axis."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _known(story: Story) -> tuple[Any, Floats]:
    dates = story.train.dates.append(story.holdout.dates)
    return dates, np.concatenate([story.train.values, story.holdout.values])


@contextmanager
def _style() -> Iterator[None]:
    """Draw with matplotlib's own defaults, whatever the user's matplotlibrc says."""
    import matplotlib as mpl  # noqa: PLC0415 - takes a second

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"font.size": 10.5, "axes.edgecolor": _MUTED, "text.color": _INK})
        mpl.rcParams.update(
            {"xtick.color": _MUTED, "ytick.color": _MUTED, "text.parse_math": False}
        )
        yield


def _sheet(story: Story, title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=30)
    axes.text(0, 1.035, story.subtitle, transform=axes.transAxes, color=_MUTED)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _finish(figure: Any, axes: Any, date_name: str) -> None:  # noqa: ANN401 - matplotlib's
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - takes a second

    locator = AutoDateLocator(minticks=4, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
        locator,
        formats=["%Y", "%b %Y", "%d %b %Y", "%H:%M", "%H:%M", "%S.%f"],
        zero_formats=["%Y", "%b %Y", "%b %Y", "%d %b %Y", "%H:%M", "%H:%M"],
        show_offset=False,
    )
    axes.xaxis.set_major_formatter(formatter)
    axes.margins(x=0.01)
    axes.set_xlabel(shortened(date_name), color=_INK)
    axes.yaxis.label.set_color(_INK)
    figure.legend(loc="outside lower left", ncols=5, frameon=False, fontsize=9.5)


def _png(figure: Any) -> bytes:  # noqa: ANN401 - matplotlib's
    target = io.BytesIO()
    figure.savefig(target, format="png", metadata={"Software": None})
    return target.getvalue()
