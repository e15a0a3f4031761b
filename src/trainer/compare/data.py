"""The rows to compare on, and their columns: those that the models name, unless told otherwise."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trainer.compare.contender import Contender
from trainer.compare.options import Options
from trainer.errors import TrainerError
from trainer.input.columns import choose_columns
from trainer.input.data import Loaded, read_bytes, to_series
from trainer.input.table import Table, read_table
from trainer.printable import printable


def read_data(options: Options, contenders: Sequence[Contender]) -> Loaded:
    """Return the series of `--data` and its table, read as training reads its input."""
    with spoken_of("--data", instead_of="--input"):
        content = read_bytes(options.data)
    table = read_table(content, printable(str(options.data)), options.decimal)
    regressors = [
        name for one in contenders for name in one.origin.regressors if name in table.header
    ]
    dates = [one.origin.date_column for one in contenders]
    values = [one.origin.value_column for one in contenders]
    columns = choose_columns(
        table,
        date=options.date_column or _told(table, dates),
        value=options.value_column or _told(table, values),
        others=regressors,
    )
    digest = hashlib.sha256(content).hexdigest()
    return Loaded(series=to_series(table, columns, sha256=digest), table=table, columns=columns)


@contextmanager
def spoken_of(flag: str, *, instead_of: str) -> Iterator[None]:
    """Let an error's remedy name this command's option."""
    try:
        yield
    except TrainerError as exc:
        raise type(exc)(exc.what, remedy=exc.remedy.replace(instead_of, flag)) from exc


def _told(table: Table, names: Sequence[str]) -> str | None:
    """Return the column that all models name, where the table has it."""
    return names[0] if len(set(names)) == 1 and names[0] in table.header else None
