"""Lines to arrays: thousands at once, and one by one where something is wrong with them.

A line that cannot be read is noted with its number; what is read does not depend on the way.
"""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from trainer.errors import RawFileInvalidError
from trainer.input.numbers import LARGEST_VALUE, Decimal, Evidence, is_missing
from trainer.prepare.layout import Layout, split_line

SHOWN_FAULTS = 20
MOST_TYPES = 100
_FAULTS_REMEDY = (
    "correct these lines, or leave them out with --skip_broken; if all lines are listed, name "
    "the columns with --columns and the separator with --separator"
)
_FEW = 16
_MOST_DATES_KEPT = 50_000
_NUMBERS = {".": re.compile(r"[0-9eE+\-.\n]*"), ",": re.compile(r"[0-9eE+\-,\n]*")}

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the lines say, one array a column; None for columns that the file does not have.

    Days are numbered as `date.toordinal` does, types by their place in `RowReader.types`.
    """

    days: Places
    quantities: Floats | None
    amounts: Floats | None
    types: Places | None
    is_wanted_product: Flags | None


@dataclass(slots=True, kw_only=True)
class Faults:
    """Lines that could not be read: their number, and the first ones in full."""

    name: str
    count: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        """Note what is wrong with a line."""
        self.count += 1
        if len(self.shown) < SHOWN_FAULTS:
            self.shown.append(f"{self.name}:{line}: {what}")

    def refuse(self) -> None:
        """Raise if there are any."""
        if self.count:
            more = self.count - len(self.shown)
            told = [*self.shown, *([f"... and {more:,} more, {self.count:,} in all"] * (more > 0))]
            raise RawFileInvalidError("\n".join(told), remedy=_FAULTS_REMEDY)


class _Known(dict[str, int]):
    """A number for each text, found when it is first asked for."""

    def __init__(self, find: Callable[[str], int]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, text: str) -> int:
        number = self[text] = self._find(text)
        return number


class RowReader:
    """Reads lines of one layout; remembers the types that it saw.

    `decimal` is the file's decimal mark; None: no line that was looked at needs one.
    """

    def __init__(
        self,
        layout: Layout,
        products: Sequence[str],
        faults: Faults,
        decimal: Decimal | None = None,
    ) -> None:
        self.types = list[str]()
        self.decimal = decimal
        self.products_seen = set[str]()
        self._layout = layout
        self._products = frozenset(products)
        self._faults = faults
        self._days = _Known(self._find_day)
        self._type_places = _Known(self._find_type)

    def read(self, lines: list[str], first_line: int) -> Iterator[Rows]:
        """Yield what the lines say, in their order. Blank ones are skipped, broken ones noted."""
        if not lines:
            return
        columns = self._columns(lines)
        rows = None if columns is None else self._rows(columns)
        if rows is not None:
            yield rows
        elif len(lines) <= _FEW:
            yield from self._one_by_one(lines, first_line)
        else:
            # The halves without a broken line go the fast way again.
            half = len(lines) // 2
            yield from self.read(lines[:half], first_line)
            yield from self.read(lines[half:], first_line + half)

    def look(self, lines: list[str], first_line: int, evidence: Evidence) -> None:
        """Find the decimal mark: look at each number until one decides."""
        places = [p for p in (self._layout.quantity, self._layout.cost) if p is not None]
        columns = self._columns(lines)
        if columns is not None and not any(m in "".join(columns[p]) for p in places for m in ".,"):
            return
        for number, line in enumerate(lines, start=first_line):
            cells = split_line(line, self._layout.separator)
            if len(cells) == self._layout.width:
                for place in places:
                    evidence.add(number, cells[place])
            if evidence.found is not None:
                self.decimal = evidence.found
                return

    def problem(self, line: str) -> str | None:
        """Return what is wrong with a line; None where it can be read."""
        try:
            self._read_cells(self._cells(line))
        except ValueError as exc:
            return str(exc)
        return None

    def is_short(self, line: str) -> bool:
        """Return whether a line has fewer fields than the others."""
        return len(split_line(line, self._layout.separator)) < self._layout.width

    def day(self, line: str) -> int | None:
        """Return the day of a line that may be cut off; None where it lies behind the cut."""
        cells = line.split(self._layout.separator)
        if len(cells) <= self._layout.date + 1:
            return None
        try:
            return self._find_day(cells[self._layout.date])
        except ValueError:
            return None

    def _columns(self, lines: list[str]) -> list[Sequence[str]] | None:
        """Return the cells column by column; None where some line is not plain."""
        layout = self._layout
        text = "\n".join(lines)
        if '"' in text:
            try:
                rows = list(csv.reader(lines, delimiter=layout.separator, strict=True))
            except csv.Error:
                return None
            if len(rows) != len(lines) or {len(row) for row in rows} != {layout.width}:
                return None
            return list(zip(*rows, strict=True))
        if {line.count(layout.separator) for line in lines} != {layout.width - 1}:
            return None
        cells = text.replace("\n", layout.separator).split(layout.separator)
        return [cells[place :: layout.width] for place in range(layout.width)]

    def _rows(self, columns: list[Sequence[str]]) -> Rows | None:
        """Return the arrays; None where some cell cannot be read."""
        layout = self._layout
        if len(self._days) > _MOST_DATES_KEPT:
            self._days.clear()
        count = len(columns[0])
        try:
            days = np.fromiter(map(self._days.__getitem__, columns[layout.date]), np.int64, count)
            quantities = self._numbers(columns, layout.quantity)
            costs = self._numbers(columns, layout.cost)
        except ValueError:
            return None
        amounts = None if quantities is None or costs is None else quantities * costs
        return self._complete(columns, days, quantities, amounts)

    def _complete(
        self,
        columns: Sequence[Sequence[str]],
        days: Places,
        quantities: Floats | None,
        amounts: Floats | None,
    ) -> Rows:
        """Return the arrays with types and products, which are any text."""
        layout, types, is_wanted = self._layout, None, None
        if layout.type is not None:
            texts = columns[layout.type]
            types = np.fromiter(map(self._type_places.__getitem__, texts), np.int64, len(days))
        if self._products and layout.product is not None:
            products = [text.strip() for text in columns[layout.product]]
            self.products_seen |= self._products.intersection(products)
            wanted = map(self._products.__contains__, products)
            is_wanted = np.fromiter(wanted, np.bool_, len(days))
        return Rows(
            days=days,
            quantities=quantities,
            amounts=amounts,
            types=types,
            is_wanted_product=is_wanted,
        )

    def _numbers(self, columns: Sequence[Sequence[str]], place: int | None) -> Floats | None:
        """Return a column's numbers. Raises ValueError where one needs a closer look."""
        if place is None:
            return None
        texts, decimal = columns[place], self.decimal or Decimal()
        joined = "\n".join(texts)
        if _NUMBERS[decimal.mark].fullmatch(joined):
            numbers = np.fromiter(
                map(float, joined.replace(",", ".").split("\n")), np.float64, len(texts)
            )
        else:
            numbers = np.fromiter((self._number("number", text) for text in texts), np.float64)
        if not (np.abs(numbers) <= LARGEST_VALUE).all():
            raise ValueError(joined)
        return numbers

    def _one_by_one(self, lines: list[str], first_line: int) -> Iterator[Rows]:
        good = list[list[str]]()
        read = list[tuple[int, float, float]]()
        for number, line in enumerate(lines, start=first_line):
            if not line.strip():
                continue
            try:
                cells = self._cells(line)
                read.append(self._read_cells(cells))
            except ValueError as exc:
                self._faults.add(number, str(exc))
            else:
                good.append(cells)
        if good:
            days, quantities, costs = zip(*read, strict=True)
            counted = None if self._layout.quantity is None else np.array(quantities)
            is_priced = counted is not None and self._layout.cost is not None
            amounts = np.array(quantities) * np.array(costs) if is_priced else None
            columns = list(zip(*good, strict=True))
            yield self._complete(columns, np.array(days, dtype=np.int64), counted, amounts)

    def _cells(self, line: str) -> list[str]:
        layout = self._layout
        try:
            cells = next(csv.reader([line], delimiter=layout.separator, strict=True))
        except csv.Error as exc:
            raise ValueError(f"a double quote is wrong: {exc}") from exc
        if len(cells) != layout.width:
            raise ValueError(f"{len(cells)} fields, the other lines have {layout.width}")
        return cells

    def _read_cells(self, cells: Sequence[str]) -> tuple[int, float, float]:
        """Return day, quantity and cost. Raises ValueError with the reason."""
        layout = self._layout
        day = self._find_day(cells[layout.date])
        quantity, cost = (
            0.0 if place is None else self._number(name, cells[place])
            for name, place in (("quantity", layout.quantity), ("cost", layout.cost))
        )
        return day, quantity, cost

    def _number(self, name: str, text: str) -> float:
        if is_missing(text):
            raise ValueError(f"the {name} is missing")
        try:
            return (self.decimal or Decimal()).read(text)
        except ValueError as exc:
            raise ValueError(f"{name}: {exc}") from exc

    def _find_day(self, text: str) -> int:
        text = text.strip()
        if is_missing(text):
            raise ValueError("the date is missing")
        try:
            return self._layout.date_format.read(text).toordinal()
        except (ValueError, OverflowError):
            name = self._layout.date_format.name
            raise ValueError(f"{text[:40]!r} is not a date ({name})") from None

    def _find_type(self, text: str) -> int:
        name = text.strip()
        if name not in self.types:
            if len(self.types) == MOST_TYPES:
                raise RawFileInvalidError(
                    f"{self._faults.name}: the type column holds more than {MOST_TYPES} types: "
                    f"{', '.join(map(repr, self.types[:3]))}, ...",
                    remedy="name the column of the types with --columns type=...",
                )
            self.types.append(name)
        return self.types.index(name)
