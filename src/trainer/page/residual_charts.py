"""The charts of the residuals: over time, their distribution, and their autocorrelation."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from trainer.page.axes import LINE_HEIGHT, bottom_axis, left_margin, most_dates, value_axis
from trainer.page.content import Floats, Residuals
from trainer.page.figure import NARROW, Caption, Drawing, Key, both_widths, one_width
from trainer.page.marks import Frame, band, bar, line, stems
from trainer.page.ticks import date_ticks, number_ticks, step_ticks, value_range
from trainer.page.wording import count, date, listed, number, percent, seconds

_NORMAL_95 = NormalDist().inv_cdf(0.975)
_FEWEST_BINS, _MOST_BINS = 6, 40
_SMALL_HEIGHT = 210.0
_MOST_NAMED = 6


def residual_figures(residuals: Residuals) -> str:
    """Return the three figures; without a known residual there are none."""
    known = residuals.values[np.isfinite(residuals.values)]
    if not len(known):
        return ""
    spread = float(known.std())
    pair = _histogram_figure(known, spread)
    if np.isfinite(residuals.autocorrelations).any():
        pair += _autocorrelation_figure(residuals)
    return _time_figure(residuals, spread) + f'<div class="pair">{pair}</div>'


def _time_figure(residuals: Residuals, spread: float) -> str:
    caption = Caption(
        title="Residuals over time.",
        text=(
            "Value less prediction one step ahead. Of normal errors 95 % lie in the band; stretches"
            " on one side, or a spread that grows, are left for the model to explain."
        ),
    )
    return both_widths(lambda width: _over_time(residuals, spread, width), caption)


def _over_time(residuals: Residuals, spread: float, width: int) -> Drawing:
    moments, limit = seconds(residuals.dates), _NORMAL_95 * spread
    low, high = value_range(residuals.values, np.array([-limit, limit]))
    ticks = number_ticks(low, high, 6)
    ends = float(moments[0]), float(moments[-1])
    frame = Frame(
        left=left_margin(ticks),
        right=width - 10,
        top=26,
        bottom=196,
        x_range=ends if ends[1] > ends[0] else (ends[0] - 1, ends[1] + 1),
        y_range=(low, high),
    )
    known = np.isfinite(residuals.values)
    outside = int(np.sum(np.abs(residuals.values[known]) > limit))
    largest = int(np.nanargmax(np.where(known, np.abs(residuals.values), np.nan)))
    return Drawing(
        name="residuals",
        width=width,
        height=frame.bottom + 22 + LINE_HEIGHT,
        title="Residuals over time",
        description=(
            f"{count(int(known.sum()), 'residual')}; {outside} ({percent(outside / known.sum())})"
            f" lie outside ±{number(limit)}, where 5 % are expected. The largest is"
            f" {number(float(residuals.values[largest]))} on {date(residuals.dates[largest])}."
        ),
        marks=_level_band(frame, limit)
        + value_axis(frame, ticks, "residual")
        + bottom_axis(frame, date_ticks(*frame.x_range, most_dates(frame)))
        + stems(frame, moments, residuals.values, "blue thin"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bins:
    edges: Floats
    counts: Floats
    mean: float
    spread: float

    def normal(self, x: Floats) -> Floats:
        """Return how many a bin at x would have if the residuals were normal."""
        heights = np.exp(-0.5 * ((x - self.mean) / self.spread) ** 2)
        area = self.counts.sum() * (self.edges[1] - self.edges[0])
        return np.asarray(area * heights / (self.spread * math.sqrt(2 * math.pi)))


def _histogram_figure(known: Floats, spread: float) -> str:
    keys = [Key(look="bar", label="residuals")]
    if spread > 0:
        keys.append(Key(look="line orange", label="normal, same spread"))
    caption = Caption(
        title="Residual distribution.",
        text="Intervals take the errors to be normal: the bars should follow the curve.",
        keys=tuple(keys),
    )
    return one_width(_histogram(known, spread), caption)


def _histogram(known: Floats, spread: float) -> Drawing:
    low, high = value_range(known)
    amount = int(np.clip(2 * len(known) ** (1 / 3), _FEWEST_BINS, _MOST_BINS))
    counts, edges = np.histogram(known, bins=amount, range=(low, high))
    bins = _Bins(edges=edges, counts=counts.astype(float), mean=float(known.mean()), spread=spread)
    across = np.linspace(low, high, 80)
    curve = bins.normal(across) if spread > 0 else np.zeros(0)
    highest = float(max(counts.max(), curve.max(initial=0.0)))
    ticks = number_ticks(0.0, highest * 1.05, 5)
    frame = Frame(
        left=left_margin(ticks),
        right=NARROW - 10,
        top=26,
        bottom=_SMALL_HEIGHT,
        x_range=(low, high),
        y_range=(0.0, highest * 1.05),
    )
    bars = [
        bar(frame, (a, b), n, f"{number(a)} to {number(b)}: {n:.0f}")
        for a, b, n in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
    ]
    across_ticks = number_ticks(low, high, 6)
    return Drawing(
        name="histogram",
        width=NARROW,
        height=frame.bottom + 22 + LINE_HEIGHT,
        title="Distribution of the residuals",
        description=_histogram_words(known, bins),
        marks=value_axis(frame, ticks, "how many")
        + "".join(bars)
        + (line(frame, across, curve, "orange") if spread > 0 else "")
        + bottom_axis(
            frame, across_ticks, ", ".join(filter(None, ["residual", across_ticks.unit]))
        ),
    )


def _histogram_words(known: Floats, bins: _Bins) -> str:
    top = int(bins.counts.argmax())
    lower, upper = float(np.quantile(known, 0.25)), float(np.quantile(known, 0.75))
    return (
        f"Mean {number(bins.mean)}, standard deviation {number(bins.spread)}; half of the residuals"
        f" lie between {number(lower)} and {number(upper)}. The highest bar has"
        f" {bins.counts[top]:.0f}, from {number(float(bins.edges[top]))} to"
        f" {number(float(bins.edges[top + 1]))}."
    )


def _autocorrelation_figure(residuals: Residuals) -> str:
    caption = Caption(
        title="Residual autocorrelation.",
        text="Correlation with earlier residuals. One bar in 20 may leave the band by chance.",
        keys=(Key(look="band plain", label="95 % band of pure chance"),),
    )
    return one_width(_autocorrelation(residuals), caption)


def _autocorrelation(residuals: Residuals) -> Drawing:
    values, limit = residuals.autocorrelations, residuals.limit
    low, high = value_range(values, np.array([-1.3 * limit, 1.3 * limit]))
    ticks = number_ticks(low, high, 5)
    frame = Frame(
        left=left_margin(ticks),
        right=NARROW - 10,
        top=26,
        bottom=_SMALL_HEIGHT,
        x_range=(0.3, len(values) + 0.7),
        y_range=(low, high),
    )
    bars = [
        bar(frame, (lag - 0.3, lag + 0.3), value, f"lag {lag}: {value:.3f}")
        for lag, value in enumerate(values.tolist(), start=1)
        if math.isfinite(value)
    ]
    return Drawing(
        name="autocorrelation",
        width=NARROW,
        height=frame.bottom + 22 + LINE_HEIGHT,
        title="Autocorrelation of the residuals",
        description=_autocorrelation_words(values, limit),
        marks=_level_band(frame, limit)
        + value_axis(frame, ticks, "correlation")
        + "".join(bars)
        + bottom_axis(frame, step_ticks(len(values), 8, residuals.season), "lag"),
    )


def _autocorrelation_words(values: Floats, limit: float) -> str:
    outside = [lag for lag, value in enumerate(values.tolist(), start=1) if abs(value) > limit]
    words = f"{count(len(values), 'lag')}; the band is ±{number(limit, 3)}. "
    if not outside:
        return words + "All bars lie inside it."
    outside.sort(key=lambda lag: -abs(values[lag - 1]))
    named = [f"lag {lag} ({values[lag - 1]:.2f})" for lag in outside[:_MOST_NAMED]]
    if len(outside) > _MOST_NAMED:
        named.append(f"{len(outside) - _MOST_NAMED} more")
    return words + f"{count(len(outside), 'bar leaves', 'bars leave')} it: {listed(named)}."


def _level_band(frame: Frame, limit: float) -> str:
    ends = np.array(frame.x_range)
    return band(frame, ends, (np.full(2, -limit), np.full(2, limit)), "plain")
