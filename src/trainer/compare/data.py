"""The rows to compare on, and their columns: those that the models name, unless told otherwise."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from trainer.compare.contender import Contender
from trainer.compare.options import Options
from trainer.errors import TrainerError
from trainer.input.columns import Columns, choose_columns
from trainer.input.data import Loaded, load_source
from trainer.input.source import open_source
from trainer.input.table import Table


def read_data(options: Options, contenders: Sequence[Contender]) -> Loaded:
    """Return the series of `--data` and its rows, read as training reads its input."""

    def choose(table: Table) -> Columns:
        given = [name for one in contenders for name in one.origin.given if name in table.header]
        dates = [one.origin.date_column for one in contenders]
        values = [one.origin.value_column for one in contenders]
        return choose_columns(
            table,
            date=options.date_column or _told(table, dates),
            value=options.value_column or _told(table, values),
            others=tuple(dict.fromkeys(given)),
        )

    named = [name for name in (options.date_column, options.value_column) if name is not None]
    path, encoding = str(options.data), options.read_as.encoding
    with open_source(path, encoding=encoding, option="--data") as source:
        return load_source(source, options.read_as, choose, named)


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
