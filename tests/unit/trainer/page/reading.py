"""How the tests read what the page says."""

import re
from xml.etree import ElementTree as ET

SVG = "{http://www.w3.org/2000/svg}"
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
