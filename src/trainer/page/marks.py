"""Lines, bands, bars and texts of a chart as SVG. Colours and widths are the style sheet's."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trainer.page.content import Floats
from trainer.page.wording import escaped

_ROWS_A_COLUMN = 2  # more rows than this on one column of pixels are thinned out


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where a plot lies in its drawing, and which values its edges stand for."""

    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, values: Floats) -> Floats:
        """Return how far from the left values lie; what is outside lies on the edge."""
        low, high = self.x_range
        share = (np.clip(values, low, high) - low) / (high - low)
        return np.asarray(self.left + share * (self.right - self.left))

    def y(self, values: Floats) -> Floats:
        """Return how far from the top values lie; what is outside lies on the edge."""
        low, high = self.y_range
        share = (np.clip(values, low, high) - low) / (high - low)
        return np.asarray(self.bottom - share * (self.bottom - self.top))


def place(value: float) -> str:
    """Return a coordinate: a tenth of a pixel is finer than the eye."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def line(frame: Frame, x: Floats, y: Floats, look: str) -> str:
    """Draw values in their order. Where one is missing the line breaks; a lone one is a dot."""
    across, down = thinned(frame.x(x), frame.y(y), round(frame.right - frame.left))
    paths, lone = [], []
    for run in _runs(np.isfinite(down)):
        points = zip(across[run].tolist(), down[run].tolist(), strict=True)
        text = " ".join(f"{place(a)} {place(b)}" for a, b in points)
        if run.stop - run.start > 1:
            paths.append(f"M{text}")
        else:
            lone.append(f"M{text}h0")
    return _path(paths, f"line {look}") + _path(lone, f"dot {look}")


def band(frame: Frame, x: Floats, edges: tuple[Floats, Floats], look: str) -> str:
    """Fill between lower and upper bounds; where one is missing the band breaks."""
    across, low, high = enveloped(frame.x(x), *edges, round(frame.right - frame.left))
    paths = []
    for run in _runs(~np.isnan(low) & ~np.isnan(high)):
        there = list(zip(across[run].tolist(), frame.y(high[run]).tolist(), strict=True))
        back = list(zip(across[run].tolist(), frame.y(low[run]).tolist(), strict=True))[::-1]
        paths.append("M" + " ".join(f"{place(a)} {place(b)}" for a, b in there + back) + "Z")
    return _path(paths, f"band {look}")


def stems(frame: Frame, x: Floats, y: Floats, look: str) -> str:
    """Draw each value as an upright line from zero."""
    low, high = np.minimum(y, 0), np.maximum(y, 0)
    across, low, high = enveloped(frame.x(x), low, high, round(frame.right - frame.left))
    known = ~np.isnan(low)
    ends = (across[known], frame.y(low[known]), frame.y(high[known]))
    columns = zip(*(end.tolist() for end in ends), strict=True)
    return _path([f"M{place(a)} {place(b)}V{place(c)}" for a, b, c in columns], f"line {look}")


def dots(frame: Frame, x: Floats, y: Floats, look: str) -> str:
    """Draw each value as a dot."""
    across, down = thinned(frame.x(x), frame.y(y), round(frame.right - frame.left))
    known = np.isfinite(down)
    points = zip(across[known].tolist(), down[known].tolist(), strict=True)
    return _path([f"M{place(a)} {place(b)}h0" for a, b in points], f"dot {look}")


def bar(frame: Frame, sides: tuple[float, float], height: float, tip: str) -> str:
    """Draw one bar from zero, with a text that shows where it is pointed at."""
    left, right = frame.x(np.array(sides)).tolist()
    down, zero = frame.y(np.array([height, 0.0])).tolist()
    return (
        f'<rect class="bar" x="{place(left)}" y="{place(min(down, zero))}"'
        f' width="{place(max(right - left - 1, 0.8))}" height="{place(abs(zero - down))}">'
        f"<title>{escaped(tip)}</title></rect>"
    )


def box(corners: tuple[float, float, float, float], look: str) -> str:
    """Fill a rectangle between two corners of the drawing."""
    left, top, right, bottom = map(place, corners)
    return f'<path class="{look}" d="M{left} {top}H{right}V{bottom}H{left}Z"/>'


def rule(ends: tuple[float, float, float, float], look: str) -> str:
    """Draw a straight line between two places of the drawing."""
    x1, y1, x2, y2 = map(place, ends)
    return f'<path class="{look}" d="M{x1} {y1}L{x2} {y2}"/>'


def text(x: float, y: float, words: str, look: str = "", anchor: str = "start") -> str:
    """Write words at a place of the drawing."""
    side = "" if anchor == "start" else f' text-anchor="{anchor}"'
    css = f' class="{look}"' if look else ""
    return f'<text{css} x="{place(x)}" y="{place(y)}"{side}>{escaped(words)}</text>'


def text_width(words: str, size: float = 12) -> float:
    """Return about how wide a text is; no font is at hand to tell exactly."""
    return 0.61 * size * len(words)


def thinned(x: Floats, y: Floats, columns: int) -> tuple[Floats, Floats]:
    """Keep the lowest and highest value of each column of pixels, so that no peak is lost."""
    if len(x) <= _ROWS_A_COLUMN * columns:
        return x, y
    kept = [0, len(x) - 1]
    for rows in _columns(x):
        known = np.flatnonzero(np.isfinite(y[rows])) + rows.start
        if len(known):
            kept += [int(known[y[known].argmin()]), int(known[y[known].argmax()])]
        else:
            kept.append(rows.start)  # a column without a value breaks the line
    order = np.unique(kept)
    return x[order], y[order]


def enveloped(x: Floats, low: Floats, high: Floats, columns: int) -> tuple[Floats, Floats, Floats]:
    """Keep the outermost bounds of each column of pixels."""
    if len(x) <= _ROWS_A_COLUMN * columns:
        return x, low, high
    slices = _columns(x)
    starts = [rows.start for rows in slices]
    return x[starts], np.fmin.reduceat(low, starts), np.fmax.reduceat(high, starts)


def _columns(x: Floats) -> list[slice]:
    """Return the rows of each column of pixels; x ascends."""
    edges = [0, *(np.flatnonzero(np.diff(np.floor(x))) + 1).tolist(), len(x)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _runs(known: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> list[slice]:
    """Return the stretches of known values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _path(parts: list[str], look: str) -> str:
    return f'<path class="{look}" d="{"".join(parts)}"/>' if parts else ""
