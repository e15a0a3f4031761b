"""A column of names, which are any text, to their places in a list."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from trainer.errors import RowsInvalidError
from trainer.input.problems import Problems
from trainer.input.records import Flags, Places


class Known(dict[str, int]):
    """A number for each text, found when it is first asked for."""

    def __init__(self, find: Callable[[str], int]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, text: str) -> int:
        """Find it, and keep it."""
        number = self[text] = self._find(text)
        return number


@dataclass(slots=True, kw_only=True)
class TextColumn:
    """Reads texts as numbers: the places of each in `names`."""

    name: str
    problems: Problems
    is_needed: bool = False
    strips: bool = False
    most: int | None = None
    names: list[str] = field(default_factory=list)
    _known: Known = field(init=False)

    is_open = False

    def __post_init__(self) -> None:
        """Know no text."""
        self._known = Known(self._find)

    def read(self, lines: Places, texts: Sequence[str], bad: Flags) -> Places:
        """Return the place of each text; mark rows without one if it `is_needed`."""
        places = np.fromiter(map(self._known.__getitem__, texts), np.int64, len(texts))
        if self.is_needed:
            for place, text in enumerate(texts):
                if not text.strip():
                    bad[place] = True
                    self.problems.add(int(lines[place]), f"the {self.name} is missing")
        return places

    def accept(self, lines: Places, texts: Sequence[str], bad: Flags) -> Places:
        """Return the same of texts that are no cells of lines."""
        return self.read(lines, texts, bad)

    def problem(self, text: str) -> str | None:
        """Return what is wrong with a cell."""
        return f"the {self.name} is missing" if self.is_needed and not text.strip() else None

    def finish(self) -> list[str]:
        """Return nothing: any text is one."""
        return []

    def _find(self, text: str) -> int:
        if self.strips and text != text.strip():
            return self._known[text.strip()]
        if self.most is not None and len(self.names) == self.most:
            raise RowsInvalidError(
                f"{self.problems.name}: the {self.name} column holds more than {self.most} values: "
                f"{', '.join(map(repr, self.names[:3]))}, ...",
                remedy=f"name another column as the {self.name}",
            )
        self.names.append(text)
        return len(self.names) - 1
