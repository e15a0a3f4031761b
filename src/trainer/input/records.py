"""Blocks of lines to cells, column by column: thousands of lines at once where they are plain."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from trainer.input.problems import Problems

if TYPE_CHECKING:
    from _csv import Reader

Places = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
BLANK = " "
_LONGEST_RECORD = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Cells by column, the line on which each record begins, and lines that are not cut yet."""

    lines: Places
    columns: list[Sequence[str]]
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Cuts lines into `width` cells. `like` says what has this width, for messages."""

    separator: str
    width: int
    like: str

    def cut(self, text: str, first_line: int, problems: Problems, *, is_last: bool) -> Cells:
        """Return the cells of whole lines, of which blank ones are left out.

        A record whose quotes or number of cells are wrong is a problem of its first line, and the
        next one begins on the line below. One that the text ends in is the rest.
        """
        lines = text.removesuffix("\n").split("\n") if text else []
        columns = self._plain(text, lines)
        if columns is not None:
            return Cells(lines=np.arange(first_line, first_line + len(lines)), columns=columns)
        numbers, rows, rest = self._one_by_one(lines, first_line, problems, is_last=is_last)
        return Cells(
            lines=np.array(numbers, dtype=np.int64),
            columns=list(zip(*rows, strict=True)) or [()] * self.width,
            rest="".join(f"{line}\n" for line in rest),
        )

    def line(self, line: str) -> list[str]:
        """Return the cells of one line; where its quotes are wrong, those between separators."""
        try:
            return next(self._reader([line]), [])
        except csv.Error:
            return line.split(self.separator)

    def _reader(self, lines: Iterable[str]) -> "Reader":
        return csv.reader(
            lines,
            delimiter=self.separator,
            skipinitialspace=self.separator == BLANK,
            strict=True,
        )

    def _plain(self, text: str, lines: list[str]) -> list[Sequence[str]] | None:
        """Return the columns where each line is one record of the right width, else None."""
        if not lines or self.separator == BLANK:
            return None
        if '"' in text:
            try:
                rows = list(self._reader(lines))
            except csv.Error:
                return None
            if len(rows) != len(lines) or {len(row) for row in rows} != {self.width}:
                return None
            columns: list[Sequence[str]] = list(zip(*rows, strict=True))
        elif {line.count(self.separator) for line in lines} == {self.width - 1}:
            cells = "\n".join(lines).replace("\n", self.separator).split(self.separator)
            columns = [cells[place :: self.width] for place in range(self.width)]
        else:
            return None
        # A line without any content is no row.
        return columns if all(map(str.strip, columns[0])) else None

    def _one_by_one(
        self, lines: list[str], first_line: int, problems: Problems, *, is_last: bool
    ) -> tuple[list[int], list[list[str]], list[str]]:
        numbers, rows = list[int](), list[list[str]]()
        start = 0
        while start < len(lines):
            reader = self._reader(self._ended(lines, start))
            read = 0
            try:
                for cells in reader:
                    span, place = reader.line_num - read, start + read
                    if len(cells) == self.width or not any(cell.strip() for cell in cells):
                        if any(cell.strip() for cell in cells):
                            numbers.append(first_line + place)
                            rows.append(cells)
                    elif not (cells[0].startswith("#") and span == 1):
                        what = f"{len(cells)} fields, {self.like} {self.width}"
                        problems.add(first_line + place, what)
                        if span > 1:
                            start, read = place + 1, 0
                            break
                    read = reader.line_num
                else:
                    start = len(lines)
            except csv.Error as exc:
                start += read
                is_open = "unexpected end" in str(exc) and not is_last
                if is_open and sum(map(len, lines[start:])) < _LONGEST_RECORD:
                    return numbers, rows, lines[start:]
                is_long = "limit" in str(exc)
                what = "a field is too long" if is_long else "a double quote is wrong"
                problems.add(first_line + start, f"{what}: {exc}")
                start += 1
        return numbers, rows, []

    def _ended(self, lines: list[str], start: int) -> Iterator[str]:
        strip = BLANK if self.separator == BLANK else ""
        return (f"{line.strip(strip)}\n" for line in islice(lines, start, None))
