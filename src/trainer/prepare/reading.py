"""A raw table to arrays, a block of lines at a time: days, amounts, types and products."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np

from trainer.errors import ColumnMissingError, RawFileInvalidError
from trainer.input.date_column import DAY, DateColumn
from trainer.input.date_forms import read_date
from trainer.input.number_column import NumberColumn
from trainer.input.problems import Problems
from trainer.input.records import Flags, Floats, Places
from trainer.input.table import Chunk, ColumnReader, Table
from trainer.input.text_column import TextColumn
from trainer.prepare.options import ROLES, ColumnTexts, Options

MOST_TYPES = 100
FAULTS_REMEDY = (
    "correct these lines, or leave them out with --skip_broken; if all lines are listed, name "
    "the columns with --columns and the separator with --separator"
)
# The places in AdventureWorks' TransactionHistory, and its names for them.
_PLACES = ColumnTexts(date="5", type="6", quantity="7", cost="8", product="2")
HEADERS = ColumnTexts(
    date="TransactionDate",
    type="TransactionType",
    quantity="Quantity",
    cost="ActualCost",
    product="ProductID",
)
_RAW_WIDTH = 9
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the lines say, one array a column; None for columns that the file does not have.

    Days are numbered as `date.toordinal` does, types by their place in `RawTable.types`.
    """

    days: Places
    quantities: Floats | None
    amounts: Floats | None
    types: Places | None
    is_wanted_product: Flags | None


@dataclass(slots=True, kw_only=True)
class RawTable:
    """The columns of a raw table that the options need, and how each is read."""

    table: Table
    problems: Problems
    products: frozenset[str]
    places: dict[str, int]
    dates: DateColumn
    readers: dict[str, ColumnReader] = field(default_factory=dict)

    @property
    def types(self) -> list[str]:
        """Return the types that were seen."""
        return self._names("type")

    @property
    def products_seen(self) -> frozenset[str]:
        """Return the wanted products that were seen."""
        return self.products.intersection(self._names("product"))

    @property
    def has_amounts(self) -> bool:
        """Return whether lines have both a quantity and a cost."""
        return "quantity" in self.places and "cost" in self.places

    def read(self) -> Iterator[Rows]:
        """Yield the lines that can be read, in the order of the file; the others are problems."""
        readers = [self.dates, *self.readers.values()]
        for chunk in self.table.chunks(list(self.places.values()), readers, self.problems):
            rows = self._rows(chunk)
            if len(rows.days):
                yield rows

    def day_of_cut_off(self) -> int | None:
        """Return the day of the line in which the file was cut off; None if it lies behind it."""
        cut_off, place = self.table.cut_off, self.places["date"]
        if cut_off is None or len(cut_off.cells) <= place + 1:
            return None
        found = (read_date(cut_off.cells[place], form) for form in self.dates.forms)
        return next((day.toordinal() for day in found if day is not None), None)

    def _names(self, role: str) -> list[str]:
        reader = self.readers.get(role)
        return reader.names if isinstance(reader, TextColumn) else []

    def _rows(self, chunk: Chunk) -> Rows:
        good = ~chunk.bad
        columns = {
            role: column[good] for role, column in zip(self.places, chunk.columns, strict=True)
        }
        quantities, products = columns.get("quantity"), columns.get("product")
        wanted = None
        if products is not None:
            is_wanted = np.array([name in self.products for name in self._names("product")])
            wanted = is_wanted[products] if len(products) else np.zeros(0, dtype=np.bool_)
        return Rows(
            days=columns["date"] // DAY + _EPOCH,
            quantities=quantities,
            amounts=quantities * columns["cost"] if self.has_amounts else None,
            types=columns.get("type"),
            is_wanted_product=wanted,
        )


def open_raw(table: Table, options: Options) -> RawTable:
    """Return the columns of date, quantity, cost, type and product. Raises where one is absent."""
    problems = Problems(table.name)
    dates = DateColumn(
        name="date", problems=problems, told=options.read_as.date_format, keeps_offsets=False
    )
    places = _find_places(table, options)
    if not options.products:
        places.pop("product", None)
    readers = dict[str, ColumnReader]()
    for role in places:
        if role in ("quantity", "cost"):
            readers[role] = NumberColumn(
                name=role,
                problems=problems,
                told=options.read_as.decimal,
                is_needed=True,
                error=RawFileInvalidError,
            )
        elif role != "date":
            most = MOST_TYPES if role == "type" else None
            readers[role] = TextColumn(name=role, problems=problems, most=most, strips=True)
    return RawTable(
        table=table,
        problems=problems,
        products=frozenset(options.products),
        places=places,
        dates=dates,
        readers=readers,
    )


def _find_places(table: Table, options: Options) -> dict[str, int]:
    """Return the place of each column that the file has, the date's first."""
    texts, lower = options.columns, [header.lower() for header in table.header]
    if texts is None and HEADERS.date.lower() in lower:
        known = {role: text for role, text in HEADERS.given().items() if text.lower() in lower}
        _refuse_absent(known, options, table.name)
        return {role: lower.index(text.lower()) for role, text in known.items()}
    if texts is None and len(table.header) < _RAW_WIDTH - 1:
        raise ColumnMissingError(
            f"{table.name}:1: {len(table.header)} columns are not the {_RAW_WIDTH} of a "
            "TransactionHistory",
            remedy="name the columns with --columns date=5,type=6,quantity=7,cost=8,"
            "product=2 (positions or headers), and the separator with --separator",
        )
    given = (texts or _PLACES).given()
    return {role: table.needed_place(text, "--columns") for role, text in given.items()}


def _refuse_absent(known: dict[str, str], options: Options, name: str) -> None:
    """Refuse a header that lacks what the measure or a selection needs."""
    needs = {
        "quantity": options.measure != "count",
        "cost": options.measure in ("mean", "sum"),
        "type": bool(options.types),
        "product": bool(options.products),
    }
    absent = [HEADERS.given()[role] for role in ROLES if needs.get(role) and role not in known]
    if absent:
        raise ColumnMissingError(
            f"{name}:1: the header has no {', '.join(absent)}",
            remedy="name these columns with --columns",
        )
