"""How the tests read what the page says."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "br", "hr", "img", "input", "link"}
_PLAIN = str.maketrans(
    {"\N{MINUS SIGN}": "-", "\N{MULTIPLICATION SIGN}": "*", "\N{EN DASH}": "(none)"}
)


def plain(text: str) -> str:
    """Return text with signs that a keyboard has."""
    return text.translate(_PLAIN)


def drawings(figure: str) -> list[ET.Element]:
    """Return the charts of a figure, each read as XML."""
    texts = re.findall(r"<svg xmlns.*?</svg>", figure)
    return [ET.fromstring(text) for text in texts]  # noqa: S314 - written by the code under test


def words(figure: str) -> str:
    """Return what the charts of a figure say to those who listen."""
    return plain(" ".join(drawing.findtext(f"{SVG}desc", "") for drawing in drawings(figure)))


class Outline(HTMLParser):
    """The page's elements, and whether each that opens is closed in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.texts.append(data)


def outline(page: bytes) -> Outline:
    """Return the elements of a page, each of which is closed."""
    found = Outline()
    found.feed(page.decode())
    assert not found.open
    return found


def text(page: bytes) -> str:
    """Return what a page says."""
    return " ".join("".join(outline(page).texts).split())
