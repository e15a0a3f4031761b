"""Other people's text for the terminal and for messages: names of files and columns, cells."""

LONGEST = 2_000


def printable(text: str) -> str:
    """Return text on one line, with what moves the cursor or cannot be seen as escapes.

    Also lone surrogates, which no terminal or file takes. Other texts stay the same.
    """
    return text if text.isprintable() else "".join(map(_escaped, text))


def limited(text: str) -> str:
    """Return printable text of a length that a person reads."""
    text = printable(text[: LONGEST + 1])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def printable_lines(text: str) -> str:
    """Return the same of several lines, each limited."""
    return "\n".join(map(limited, text.split("\n")))


def counted(count: int, one: str, several: str = "") -> str:
    """Return a number and what it counts: `1 node`, `2 nodes`; `several` is no plain plural."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def _escaped(letter: str) -> str:
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()
