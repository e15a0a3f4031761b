"""What the first lines show: the separator, whether there is a header, and how wide a row is."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.errors import InputEmptyError
from trainer.input.date_forms import is_date
from trainer.input.numbers import is_missing, is_number
from trainer.input.records import BLANK

HEAD_LINES = 400
_TYPED_ROWS = 20
_SEPARATORS = ",;\t|"
_HINT = re.compile(r"sep=(.)")

Row = tuple[int, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How lines become rows. `first_line` is the first one of data, `rows` are the first ones.

    Without a header the columns are named by their positions, from 1.
    """

    separator: str
    header: tuple[str, ...]
    has_header: bool
    first_line: int
    rows: tuple[tuple[str, ...], ...]


def find_dialect(
    lines: Sequence[str], name: str, *, told: str | None, named: Sequence[str]
) -> Dialect:
    """Return the dialect of a file that begins with these lines.

    `told` is the separator if the user named it, `named` are columns that the user named: a text
    that is no position stands in a header.
    """
    start = next((place for place, line in enumerate(lines) if line.strip()), None)
    if start is None:
        raise InputEmptyError(
            f"{name}: there are only blank lines", remedy="give a table with rows of data"
        )
    hint = _HINT.fullmatch(lines[start])
    if hint:
        told, start = told or hint[1], start + 1
    separator = told or _find_separator(lines[start:])
    rows = _rows(lines, start, separator)
    width = _usual_width(rows)
    while (
        len(rows) > 1
        and rows[0][1][0].startswith("#")
        and (len(rows[0][1]) != width or separator == BLANK)
    ):
        rows.pop(0)
    if not rows:
        raise InputEmptyError(f"{name}: there are only comments", remedy="add rows of data")
    line, top = rows[0]
    cells = tuple(cell.strip() for cell in top)
    has_header = _has_header(rows, named)
    data = rows[1:] if has_header else rows
    return Dialect(
        separator=separator,
        header=cells if has_header else tuple(str(n + 1) for n in range(width)),
        has_header=has_header,
        first_line=_line_after(lines, line, separator) if has_header else line,
        rows=tuple(
            tuple(row) for _, row in data if len(row) == (len(cells) if has_header else width)
        ),
    )


def _rows(lines: Sequence[str], start: int, separator: str) -> list[Row]:
    """Return the rows with the line that each begins on; blank ones are left out."""
    is_blank = separator == BLANK
    reader = csv.reader(
        (f"{line.strip(BLANK) if is_blank else line}\n" for line in lines[start:]),
        delimiter=separator,
        skipinitialspace=is_blank,
    )
    rows, line = list[Row](), start + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((line, cells))
            line = start + reader.line_num + 1
    except csv.Error:  # a field of more than 131,072 letters: reading the whole file tells it
        rows.append((line, lines[line - 1].split(separator)))
    return rows


def _line_after(lines: Sequence[str], line: int, separator: str) -> int:
    """Return the line below the row that begins on a line."""
    reader = csv.reader((f"{text}\n" for text in lines[line - 1 :]), delimiter=separator)
    next(reader, None)
    return line + max(reader.line_num, 1)


def _usual_width(rows: Sequence[Row]) -> int:
    return Counter(len(cells) for _, cells in rows).most_common(1)[0][0] if rows else 1


def _find_separator(lines: Sequence[str]) -> str:
    """Return what makes the lines a table with dates; blanks only where nothing else does.

    One line is no evidence: `1,5` has a comma, and a header may have one in a name.
    """
    scores = {sign: _score(lines, sign) for sign in (*_SEPARATORS, BLANK)}
    best = max(scores, key=lambda sign: scores[sign])
    return best if scores[best][-1] > 1 else _SEPARATORS[0]


def _score(lines: Sequence[str], sign: str) -> tuple[bool, bool, float, int, int]:
    rows = _rows(lines, 0, sign)
    width = _usual_width(rows)
    if width < 2:  # noqa: PLR2004 - a table has two columns
        return False, False, 0.0, 0, 1
    same = [cells for _, cells in rows if len(cells) == width]
    kinds = _kinds(same[1 : _TYPED_ROWS + 1] or same)
    share = len(same) / len(rows)
    return "date" in kinds, sign != BLANK, share, len(kinds) - kinds.count(""), width


def _kinds(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return what each column mostly holds: a date, a number, or neither ("")."""
    return [_kind([cell for cell in cells if not is_missing(cell)]) for cells in zip(*rows)]  # noqa: B905 - of one width


def _kind(cells: Sequence[str]) -> str:
    numbers = sum(map(is_number, cells))
    if cells and 2 * numbers > len(cells):
        return "number"
    return "date" if cells and 2 * sum(map(is_date, cells)) > len(cells) else ""


def _has_header(rows: Sequence[Row], named: Sequence[str]) -> bool:
    """Return whether the first row names the columns: it differs from what is below it."""
    top = [cell.strip() for cell in rows[0][1]]
    lower = {cell.lower() for cell in top}
    if any(name.lower() in lower for name in named if not name.isdecimal()):
        return True
    below = [cells for _, cells in rows[1 : _TYPED_ROWS + 1] if len(cells) == len(top)]
    if not below:
        return not any(is_number(cell) or is_date(cell) for cell in top)
    names = data = 0
    for cell, kind in zip(top, _kinds(below), strict=True):
        if kind and not is_missing(cell):
            is_such = is_number(cell) if kind == "number" else is_date(cell)
            data += is_such
            names += not is_such
    return names >= data
