"""The two pictures of a run, as bytes of PNG files: the same ones for the same numbers."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trainer.interruption import held_back
from trainer.outcome import Outcome
from trainer.printable import printable

_INK, _MUTED, _GRID = "#1f2933", "#616e7c", "#e4e7eb"
_BLUE, _ORANGE, _GREEN = "#0072b2", "#d55e00", "#009e73"  # told apart with any colour vision
_LIGHT, _PALE = "#9fc9e3", "#d6e8f3"
_LONGEST_NAME = 40
_SIZE, _DPI = (10.0, 5.4), 120


def draw_prediction(outcome: Outcome) -> bytes:
    """Return pred.png: the series, the prediction of the holdout, the forecast and its bounds."""
    with _style():
        name = shortened(outcome.series.value_name)
        figure, axes = _sheet(outcome, f"{name}: known values and forecast")
        series, held = outcome.series, outcome.split.holdout
        future, bounds = outcome.dates, outcome.forecast.bounds
        axes.plot(
            series.dates, series.values, color=_INK, linewidth=1.3, label="known values", zorder=3
        )
        axes.plot(
            held.dates,
            outcome.holdout.point,
            color=_ORANGE,
            linewidth=2,
            linestyle=(0, (4, 1.5)),
            label="prediction of the holdout",
            zorder=4,
        )
        axes.fill_between(
            future,
            *bounds(0.95),
            color=_PALE,
            linewidth=0,
            label="95 % interval",
        )
        axes.fill_between(
            future,
            *bounds(0.80),
            color=_LIGHT,
            linewidth=0,
            label="80 % interval",
        )
        axes.plot(
            future, outcome.forecast.point, color=_BLUE, linewidth=2, label="forecast", zorder=4
        )
        axes.axvline(held.dates[0], color=_MUTED, linewidth=0.8, linestyle=":")
        axes.set_ylabel(name)
        _finish(figure, axes, outcome.series.date_name)
        return _png(figure)


def draw_residuals(outcome: Outcome) -> bytes:
    """Return res.png: the errors of the fit step by step, and those of the holdout's prediction."""
    with _style():
        figure, axes = _sheet(outcome, "Errors: value less prediction")
        axes.axhline(0, color=_MUTED, linewidth=1)
        train, held = outcome.split.train, outcome.split.holdout
        errors = held.values - outcome.holdout.point
        for dates, numbers, color, marker, label in (
            (train.dates, outcome.residuals, _BLUE, "o", "fit, one step ahead, of one spread"),
            (held.dates, errors, _ORANGE, "D", f"holdout, 1 to {len(errors)} steps ahead"),
        ):
            axes.vlines(dates, 0, numbers, color=color, linewidth=1, alpha=0.45)
            axes.plot(dates, numbers, marker, color=color, markersize=4, label=label)
        axes.set_ylabel(f"error of {shortened(outcome.series.value_name)}")
        _finish(figure, axes, outcome.series.date_name)
        return _png(figure)


def shortened(name: str) -> str:
    """Return a column's name as it fits on an axis."""
    name = printable(name)
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _subtitle(outcome: Outcome) -> str:
    scores, found = outcome.scores, outcome.train_model
    r2 = "" if scores.r2 is None else f", R² {scores.r2:.3f}"
    what = f"ARIMA{found.order}"
    if found.team is not None:
        kinds = ", ".join(member.kind for _, member in found.team.others)
        what = f"{what} combined with {kinds}"
    if len(found.members) > 1:
        what = f"mean of {len(found.members)} models, first {what}"
    return f"{what}; holdout: RMSE {scores.rmse:,.2f}{r2}"


@contextmanager
def _style() -> Iterator[None]:
    """Draw with matplotlib's own defaults, whatever the user's matplotlibrc says."""
    with held_back():
        import matplotlib as mpl  # noqa: PLC0415 - takes a second

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"font.size": 10.5, "axes.edgecolor": _MUTED, "text.color": _INK})
        mpl.rcParams.update(
            {"xtick.color": _MUTED, "ytick.color": _MUTED, "text.parse_math": False}
        )
        yield


def _sheet(outcome: Outcome, title: str) -> tuple[Any, Any]:
    with held_back():
        from matplotlib.figure import Figure  # noqa: PLC0415 - takes a second

    figure = Figure(figsize=_SIZE, dpi=_DPI, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", fontsize=14, fontweight="bold", pad=30)
    axes.text(0, 1.035, _subtitle(outcome), transform=axes.transAxes, color=_MUTED)
    axes.grid(visible=True, color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _finish(figure: Any, axes: Any, date_name: str) -> None:  # noqa: ANN401 - matplotlib's
    with held_back():
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
