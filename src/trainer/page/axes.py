"""The axes of a chart: fine lines across for values, marks below for dates, steps or errors."""

import numpy as np

from trainer.page.marks import Frame, rule, text, text_width
from trainer.page.ticks import Ticks

LINE_HEIGHT = 15
_DATE_WIDTH = 60
_TICK = 4.0


def left_margin(ticks: Ticks) -> float:
    """Return how much room the labels of a value axis take."""
    return 10 + max((text_width(label) for label in ticks.labels), default=0)


def value_axis(frame: Frame, ticks: Ticks, name: str = "", *, labels: bool = True) -> str:
    """Draw lines across the plot, their values to the left, and what they are above them."""
    parts = []
    downs = frame.y(np.array(ticks.places)).tolist()
    for value, down, label in zip(ticks.places, downs, ticks.labels, strict=True):
        look = "zero" if value == 0 else "grid"
        if value == 0 or frame.bottom - down > _TICK:  # else it would double the bottom axis
            parts.append(rule((frame.left, down, frame.right, down), look))
        if labels:
            parts.append(text(frame.left - 6, down + 4, label, "tick", "end"))
    title = ", ".join(filter(None, [name, ticks.unit]))
    if title:
        parts.append(text(0, frame.top - 10, title, "tick"))
    return "".join(parts)


def bottom_axis(frame: Frame, ticks: Ticks, name: str = "") -> str:
    """Draw marks below the plot with one or two lines of text, and what they are below them."""
    parts = [rule((frame.left, frame.bottom, frame.right, frame.bottom), "axis")]
    places = frame.x(np.array(ticks.places)).tolist()
    down = frame.bottom + _TICK
    for at, label in zip(places, ticks.labels, strict=True):
        parts.append(rule((at, frame.bottom, at, down), "axis"))
        parts.append(_inside(frame, at, down + 12, label))
    parts += [
        _inside(frame, at, down + 12 + LINE_HEIGHT, context)
        for at, context in _apart(places, ticks.second_line)
    ]
    if name:
        parts.append(text(frame.right, down + 12 + LINE_HEIGHT, name, "tick", "end"))
    return "".join(parts)


def most_dates(frame: Frame) -> int:
    """Return how many dates have room below a plot."""
    return max(2, round((frame.right - frame.left) / _DATE_WIDTH))


def _inside(frame: Frame, at: float, down: float, label: str) -> str:
    """Write a label below its mark, moved as far as it takes to stay in the drawing."""
    half = text_width(label) / 2
    at = min(max(at, half), frame.right + 10 - half)
    return text(at, down, label, "tick", "middle")


def _apart(places: list[float], contexts: tuple[str, ...]) -> list[tuple[float, str]]:
    """Return the texts of the second line; of two that would touch, the later one."""
    kept: list[tuple[float, str]] = []
    for at, context in zip(places, contexts, strict=bool(contexts)):
        if not context:
            continue
        if kept and at - kept[-1][0] < text_width(context) + 8:
            kept.pop()
        kept.append((at, context))
    return kept
