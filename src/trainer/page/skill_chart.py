"""The chart of how skill is distributed over many series."""

from collections.abc import Sequence

from trainer.page.axes import LINE_HEIGHT, bottom_axis, left_margin, value_axis
from trainer.page.figure import NARROW, Caption, Drawing, both_widths
from trainer.page.many_content import Bar
from trainer.page.marks import Frame, bar, rule
from trainer.page.ticks import Ticks, number_ticks
from trainer.page.wording import fixed

_LABEL_EVERY = {True: 4, False: 2}  # bars a label, on a phone and on a wide screen
_ZERO = 1e-9


def skill_figure(bars: Sequence[Bar], caption: str) -> str:
    """Return the figure of the bars, the lowest skill first; the ends are open."""
    title = Caption(title="Distribution of skill.", text=caption)
    return both_widths(lambda width: _drawing(bars, width), title)


def _drawing(bars: Sequence[Bar], width: int) -> Drawing:
    highest = 1.05 * max(1, *(each.count for each in bars))
    ticks = _whole(number_ticks(0.0, highest, 5))
    frame = Frame(
        left=left_margin(ticks),
        right=width - 14,
        top=26,
        bottom=190.0 if width == NARROW else 230.0,
        x_range=(0.0, float(len(bars))),
        y_range=(0.0, highest),
    )
    drawn = [
        bar(frame, (place, place + 1.0), each.count, f"{_range(each)}: {each.count:,}")
        for place, each in enumerate(bars)
        if each.count
    ]
    below = sum(each.high is not None and each.high <= _ZERO for each in bars)
    zero = float(frame.left + (frame.right - frame.left) * below / len(bars))
    return Drawing(
        name="skill",
        width=width,
        height=frame.bottom + 22 + LINE_HEIGHT,
        title="Distribution of skill over the series",
        description=_words(bars),
        marks=value_axis(frame, ticks, "series")
        + "".join(drawn)
        + rule((zero, frame.top - 4, zero, frame.bottom), "edge")
        + bottom_axis(frame, _skill_ticks(bars, is_narrow=width == NARROW), "skill"),
    )


def _whole(ticks: Ticks) -> Ticks:
    """Return the marks that stand for whole numbers: there are no halves of series."""
    kept = [i for i, place in enumerate(ticks.places) if place == round(place)]
    return Ticks(
        places=tuple(ticks.places[i] for i in kept),
        labels=tuple(f"{ticks.places[i]:,.0f}" for i in kept),
    )


def _skill_ticks(bars: Sequence[Bar], *, is_narrow: bool) -> Ticks:
    """Return marks at the edges of bars, counted from zero."""
    zero = sum(each.high is not None and each.high <= _ZERO for each in bars)
    edges = [
        (float(place), each.low)
        for place, each in enumerate(bars)
        if each.low is not None and (place - zero) % _LABEL_EVERY[is_narrow] == 0
    ]
    return Ticks(
        places=tuple(place for place, _ in edges),
        labels=tuple(fixed(low, 1) for _, low in edges),
    )


def _range(each: Bar) -> str:
    if each.low is None:
        return f"below {fixed(each.high, 1)}"
    if each.high is None:
        return f"{fixed(each.low, 1)} and above"
    return f"{fixed(each.low, 1)} to {fixed(each.high, 1)}"


def _words(bars: Sequence[Bar]) -> str:
    top = max(bars, key=lambda each: each.count)
    told = "; ".join(f"{_range(each)}: {each.count:,}" for each in bars if each.count)
    return f"The most series, {top.count:,}, are at {_range(top)}. {told}."
