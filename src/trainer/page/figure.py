"""A chart on the page: drawn wide and narrow, named in words, with its caption and its key."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from trainer.page.wording import escaped, isolated

WIDE, NARROW = 760, 358  # narrow is what a phone of 390 pixels has between its margins


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A finished chart: its size, its marks, and what it shows in words for those who listen."""

    name: str
    width: int
    height: float
    title: str
    description: str
    marks: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One entry of a chart's key: how it looks (`line blue`, `band pale`) and what it is."""

    look: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What a chart is, and how to read it."""

    title: str
    text: str
    keys: tuple[Key, ...] = ()


def both_widths(draw: Callable[[int], Drawing], caption: Caption) -> str:
    """Return a figure that is drawn for a wide screen and for a phone; the style sheet picks."""
    wide, narrow = _svg(draw(WIDE)), _svg(draw(NARROW))
    drawn = f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
    return f"<figure>{_caption(caption)}{drawn}</figure>"


def one_width(drawing: Drawing, caption: Caption, anchor: str = "") -> str:
    """Return a figure that fits a phone, and twice beside each other a wide screen."""
    place = f' id="{anchor}"' if anchor else ""
    return f"<figure{place}>{_caption(caption)}{_svg(drawing)}</figure>"


def _svg(drawing: Drawing) -> str:
    name = f"{drawing.name}-{drawing.width}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{name}-t {name}-d"'
        f' viewBox="0 0 {drawing.width} {drawing.height:.0f}">'
        f'<title id="{name}-t">{escaped(drawing.title)}</title>'
        f'<desc id="{name}-d">{escaped(drawing.description)}</desc>{drawing.marks}</svg>'
    )


def keys(entries: Iterable[Key]) -> str:
    """Return a key."""
    items = "".join(f"<li>{_swatch(key.look)}{escaped(key.label)}</li>" for key in entries)
    return f'<ul class="key">{items}</ul>' if items else ""


def _caption(caption: Caption) -> str:
    return (
        f"<figcaption><strong>{isolated(caption.title)}</strong> {isolated(caption.text)}"
        f"</figcaption>{keys(caption.keys)}"
    )


def _swatch(look: str) -> str:
    shape = (
        f'<rect class="{look}" x="1" y="1" width="24" height="10"/>'
        if look.startswith(("band", "bar"))
        else f'<path class="{look}" d="M1 6H25"/>'
    )
    return f'<svg aria-hidden="true" width="26" height="12" viewBox="0 0 26 12">{shape}</svg>'
