"""Tables in memory, read as the program reads files."""

from collections.abc import Sequence
from typing import Any

from trainer.input.columns import choose_columns
from trainer.input.data import Loaded, load_source
from trainer.input.options import ReadAs
from trainer.input.source import source_of
from trainer.input.table import Table, open_table


def opened(content: bytes | str, name: str = "x.csv", **told: Any) -> Table:
    raw = content.encode() if isinstance(content, str) else content
    return open_table(source_of(raw, name), ReadAs(**told))


def loaded(
    content: bytes | str,
    name: str = "data.csv",
    *,
    date: str | None = None,
    value: str | None = None,
    others: Sequence[str] = (),
    **told: Any,
) -> Loaded:
    raw = content.encode() if isinstance(content, str) else content
    named = [column for column in (date, value) if column is not None]
    return load_source(
        source_of(raw, name),
        ReadAs(**told),
        lambda table: choose_columns(table, date=date, value=value, others=others),
        named,
    )


# Six days, of which the header, each date and each number can be read in two ways.
HARD = b"Datum;Ums\xe4tze\n" + b"".join(b"0%d/01/2024;1.0%d6\n" % (n, n) for n in range(1, 7))
HARD_VALUES = [1016.0, 1026.0, 1036.0, 1046.0, 1056.0, 1066.0]
