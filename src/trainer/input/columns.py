"""Which column holds the dates and which the values: as told, or found where only one can be."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer.errors import ColumnAmbiguousError, ColumnMissingError, RegressorsInvalidError
from trainer.input.date_forms import is_date, is_year
from trainer.input.numbers import is_missing, is_number
from trainer.input.table import Table, listed
from trainer.printable import limited

_LOOKED_AT, _SHOWN = 200, 8
_EXAMPLES = {
    "date": "2024-01-31, 31.01.2024, 2024-01, 2024Q1, 2024-W05",
    "value": "1234.5, without a unit or a currency",
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[年月日週]")
_DATE_WORDS = frozenset(
    (
        *("date", "datetime", "timestamp", "day", "week", "month", "quarter", "year", "years"),
        *("time", "period", "ds", "datum", "tag", "woche", "monat", "quartal", "jahr"),
        *("年", "月", "日", "週"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The headers of the two columns and of the regressors, and what is told of the choice."""

    date: str
    value: str
    others: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def choose_columns(
    table: Table, *, date: str | None, value: str | None, others: Sequence[str] = ()
) -> Columns:
    """Return the date and the value column, which are none of the others."""
    if not (date and value):
        refuse_missing_header(table)
    _refuse_doubled_header(table)
    if date is not None:
        date = table.header[table.needed_place(date, "--date_column")]
    if value is not None:
        value = table.header[table.needed_place(value, "--value_column")]
    notes = []
    if date is None:
        found = [name for name in _date_candidates(table, besides=value) if name not in others]
        date = _only_one(table, "date", found)
        notes.append(f"date column: {date!r} (found)")
    if value is None:
        found = [name for name in _value_candidates(table, besides=date) if name not in others]
        value = _only_one(table, "value", found)
        notes.append(f"value column: {value!r} (found)")
    if date == value:
        raise ColumnMissingError(
            f"{table.name}:1: {date!r} is named as the date and as the value column",
            remedy="name two columns with --date_column and --value_column",
        )
    _refuse_regressors(table, date, value, others)
    return Columns(date=date, value=value, others=tuple(others), notes=tuple(notes))


def choose_date(table: Table, usual: str, others: Sequence[str]) -> str:
    """Return the date column: the usual one where there is one, else the one that is found."""
    refuse_missing_header(table)
    _refuse_doubled_header(table)
    if usual in table.header:
        return usual
    found = _date_candidates(table, besides=None)
    return _only_one(table, "date", [name for name in found if name not in others])


def refuse_missing_header(table: Table) -> None:
    """Refuse a table whose columns have no names."""
    if not table.dialect.has_header and len(table.header) > 1:
        raise ColumnMissingError(
            f"{table.name}:1: the first line holds data, not the names of the columns",
            remedy="put a header line first, such as: date,value, or name the columns by their "
            "positions: --date_column 1 --value_column 2",
        )


def _refuse_doubled_header(table: Table) -> None:
    doubled = sorted({name for name in table.header if name and table.header.count(name) > 1})
    if doubled:
        raise ColumnAmbiguousError(
            f"{table.name}:1: {', '.join(map(repr, doubled))} is in the header twice",
            remedy="give each column a name of its own",
        )


def _refuse_regressors(table: Table, date: str, value: str, names: Sequence[str]) -> None:
    for name in names:
        if name in (date, value):
            raise RegressorsInvalidError(
                f"{table.name}:1: {name!r} is the date or the value column, not a regressor",
                remedy="name other columns with --regressors",
            )
        if name not in table.header or not name:
            others = [header for header in table.header if header not in ("", date, value)]
            raise ColumnMissingError(
                f"{table.name}:1: there is no column {name!r} (--regressors)",
                remedy=f"the columns are: {listed(others) or 'none but two'}",
            )


def _only_one(table: Table, role: str, found: Sequence[str]) -> str:
    if len(found) == 1:
        return found[0]
    if found:
        raise ColumnAmbiguousError(
            f"{table.name}:1: {len(found)} columns could be the {role}: {listed(found)}",
            remedy=f"name one with --{role}_column",
        )
    what = "dates" if role == "date" else "numbers"
    years = _years(table, _named(table, None)) if role == "date" else []
    hint = f" ({listed(years)} may hold years or values)" if years else ""
    raise ColumnMissingError(
        f"{table.name}:1: no column holds {what}{hint}; the columns are: {_shown(table)}",
        remedy=f"give a CSV, separated by commas, semicolons or tabs, with a column of {what} "
        f"({_EXAMPLES[role]}), or name the column with --{role}_column",
    )


def _shown(table: Table) -> str:
    """Return the headers, each of the first ones with its first cell, which shows what is wrong."""
    cells = {
        name: next((cell for cell in table.column(name) if not is_missing(cell)), "")
        for name in table.header[:_SHOWN]
        if name
    }
    told = [f"{name!r} (such as {limited(cell)!r})" for name, cell in cells.items() if cell]
    is_whole = len(told) == len(table.header)
    return ", ".join(told) if is_whole else listed(table.header)


def _date_candidates(table: Table, *, besides: str | None) -> list[str]:
    """Return the columns of dates. Bare numbers (20131231, 201312, 2013) count where none else is.

    Values can look like years: unless the values are named (`besides`), such a column needs a
    header that says so, and to be the only column of whole numbers that has one.
    """
    names = _named(table, besides)
    dates = [name for name in names if _mostly(table, name, is_date)]
    written = [name for name in dates if not _mostly(table, name, is_number)]
    if written:
        return written
    years = _years(table, dates)
    whole = [name for name in dates if name not in years]
    telling = [name for name in whole if _tells_date(name)]
    if telling:
        return telling
    numbered = [name for name in names if _tells_date(name) and _mostly(table, name, str.isdecimal)]
    if not set(numbered) & set(years):
        numbered = years if besides is not None else []
    return [*whole, *numbered]


def _years(table: Table, names: Sequence[str]) -> list[str]:
    return [name for name in names if _mostly(table, name, is_year)]


def _tells_date(header: str) -> bool:
    return any(word.lower() in _DATE_WORDS for word in _WORDS.findall(header))


def _value_candidates(table: Table, *, besides: str) -> list[str]:
    """Return the columns of numbers; where there is none, all-missing ones, which get their say."""
    names = _named(table, besides)
    numbers = [name for name in names if _mostly(table, name, is_number)]
    empty = [name for name in names if all(is_missing(cell) for cell in table.column(name))]
    return numbers or empty or (names if len(names) == 1 else [])


def _named(table: Table, besides: str | None) -> list[str]:
    """Return the headers; columns without a name are a spreadsheet's row numbers."""
    return [name for name in table.header if name and name != besides]


def _mostly(table: Table, name: str, test: Callable[[str], bool]) -> bool:
    cells = [cell for cell in table.column(name) if not is_missing(cell)][:_LOOKED_AT]
    return bool(cells) and 2 * sum(map(test, cells)) > len(cells)
