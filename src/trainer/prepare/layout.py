"""What the first lines show: separator, header, the columns' places and how dates are written."""

import csv
import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from trainer.errors import (
    ColumnAmbiguousError,
    ColumnMissingError,
    DatesIrregularError,
    InputEmptyError,
)
from trainer.input.cells import FORMATS, DateFormat, find_formats
from trainer.input.numbers import is_missing, is_number
from trainer.prepare.options import ColumnTexts, Options

# The places in AdventureWorks' TransactionHistory, and its names for them.
PLACES = ColumnTexts(date="5", type="6", quantity="7", cost="8", product="2")
HEADERS = ColumnTexts(
    date="TransactionDate",
    type="TransactionType",
    quantity="Quantity",
    cost="ActualCost",
    product="ProductID",
)
_RAW_WIDTH = 9
_SEPARATORS = "\t;,|"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a line is read: places are counted from 0, None for what the file does not have."""

    separator: str
    width: int
    date: int
    quantity: int | None
    cost: int | None
    type: int | None
    product: int | None
    date_format: DateFormat
    header_line: int | None
    notes: tuple[str, ...]


def find_layout(lines: Sequence[str], options: Options, name: str) -> Layout:
    """Return the layout of a file that begins with these lines."""
    filled = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not filled:
        raise InputEmptyError(
            f"{name}: there are only blank lines",
            remedy="give a text file with one transaction per line",
        )
    separator = options.separator or _find_separator(filled[0][1])
    rows = [split_line(line, separator) for _, line in filled]
    top = [cell.strip() for cell in rows[0]]
    places, has_header = _find_places(top, options, name)
    data = rows[1:] if has_header else rows
    width = len(top) if has_header else Counter(map(len, data)).most_common(1)[0][0]
    _refuse_places_beyond(places, width, name)
    _refuse_none_below(data, name)
    cells = [row[places[0] or 0].strip() for row in data if len(row) == width]
    way, notes = _find_date_format(cells, options, name)
    if has_header:
        notes = ("the first line is a header", *notes)
    date, quantity, cost, kind, product = places
    return Layout(
        separator=separator,
        width=width,
        date=date or 0,
        quantity=quantity,
        cost=cost,
        type=kind,
        product=product,
        date_format=way,
        header_line=filled[0][0] if has_header else None,
        notes=notes,
    )


def split_line(line: str, separator: str) -> list[str]:
    """Return the cells of a line; where its quotes are wrong, those between separators."""
    if '"' not in line:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, strict=True))
    except csv.Error:
        return line.split(separator)


def _find_separator(line: str) -> str:
    """Return what parts the first line most often; the tab where nothing does."""
    return max(_SEPARATORS, key=lambda separator: len(split_line(line, separator)))


def _find_places(top: Sequence[str], options: Options, name: str) -> tuple[list[int | None], bool]:
    """Return the places of date, quantity, cost, type and product, and whether `top` names them."""
    texts = options.columns
    if texts is None:
        headers = {cell.lower() for cell in top}
        if HEADERS.date.lower() in headers:
            known = [text if (text or "").lower() in headers else None for text in _all(HEADERS)]
            _refuse_absent(known, options, name)
            return [None if text is None else _place(text, top, name) for text in known], True
        if len(top) < _RAW_WIDTH - 1:
            raise ColumnMissingError(
                f"{name}:1: {len(top)} columns are not the {_RAW_WIDTH} of a TransactionHistory",
                remedy="name the columns with --columns date=5,type=6,quantity=7,cost=8,"
                "product=2 (positions or headers), and the separator with --separator",
            )
        texts = PLACES
    places = [None if text is None else _place(text, top, name) for text in _all(texts)]
    are_named = any(text is not None and not text.isdecimal() for text in _all(texts))
    return places, are_named or _is_header(top, places)


def _all(texts: ColumnTexts) -> tuple[str | None, ...]:
    return texts.date, texts.quantity, texts.cost, texts.type, texts.product


def _place(text: str, top: Sequence[str], name: str) -> int:
    """Return where a column is: its place, or that of its header (in any case)."""
    if text.isdecimal():
        if int(text) == 0:
            raise ColumnMissingError(
                f"--columns: there is no column {text}", remedy="the first column is 1"
            )
        return int(text) - 1
    exact = [place for place, header in enumerate(top) if header == text]
    found = exact or [n for n, header in enumerate(top) if header.lower() == text.lower()]
    if len(found) > 1:
        raise ColumnAmbiguousError(
            f"{name}:1: the header {text!r} appears {len(found)} times",
            remedy=f"give its position: {' or '.join(str(place + 1) for place in found)}",
        )
    if not found:
        by_lower = {header.lower(): header for header in top if header}
        near = difflib.get_close_matches(text.lower(), by_lower, n=1, cutoff=0.5)
        hint = f"the nearest is {by_lower[near[0]]!r}; " if near else ""
        raise ColumnMissingError(
            f"{name}:1: there is no column {text!r}",
            remedy=f"{hint}the first line is: {', '.join(map(repr, top))[:500]}",
        )
    return found[0]


def _refuse_absent(known: Sequence[str | None], options: Options, name: str) -> None:
    """Refuse a header that lacks what the measure or a selection needs."""
    needs = {
        HEADERS.quantity: options.measure != "count",
        HEADERS.cost: options.measure in ("mean", "sum"),
        HEADERS.type: bool(options.types),
        HEADERS.product: bool(options.products),
    }
    absent = [str(text) for text, is_needed in needs.items() if is_needed and text not in known]
    if absent:
        raise ColumnMissingError(
            f"{name}:1: the header has no {', '.join(absent)}",
            remedy="name these columns with --columns",
        )


def _is_header(top: Sequence[str], places: Sequence[int | None]) -> bool:
    """Return whether the line reads as names: neither its date nor its numbers are any."""
    date, quantity, cost = (
        "" if place is None or place >= len(top) else top[place] for place in places[:3]
    )
    return (
        not is_missing(date)
        and not find_formats([date])
        and not any(map(is_number, (quantity, cost)))
    )


def _refuse_places_beyond(places: Sequence[int | None], width: int, name: str) -> None:
    beyond = [place + 1 for place in places if place is not None and place >= width]
    if beyond:
        raise ColumnMissingError(
            f"{name}: there is no column {beyond[0]}: the lines have {width}",
            remedy="name the columns with --columns, and the separator with --separator",
        )


def _refuse_none_below(data: Sequence[list[str]], name: str) -> None:
    if not data:
        raise InputEmptyError(
            f"{name}:1: there is a header, but no line below it", remedy="add lines of data"
        )


def _find_date_format(
    cells: Sequence[str], options: Options, name: str
) -> tuple[DateFormat, tuple[str, ...]]:
    if options.date_format is not None:
        return next(way for way in FORMATS if way.name == options.date_format), ()
    found = find_formats(sorted({cell for cell in cells if not is_missing(cell)}))
    if len(found) > 1:
        raise DatesIrregularError(
            f"{name}: the dates can be read as {' and as '.join(way.name for way in found)}",
            remedy=f"choose one with --date_format '{found[0].name}'",
        )
    if not found:
        shown = next(iter(cells), "")
        raise DatesIrregularError(
            f"{name}: the date column holds no dates: {shown[:40]!r}",
            remedy="name their column with --columns date=..., or write them as YYYY-MM-DD",
        )
    way = found[0]
    return way, () if way.name == "ISO 8601" else (f"dates are read as {way.name}",)
