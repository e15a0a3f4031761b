"""A parquet file to the same columns, by whichever library of the environment reads the form.

The types of the file count: its numbers have no decimal mark, and its dates no form. A column of
texts is read as the cells of a CSV file are. Rows are counted from 1 in place of lines.
"""

import importlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trainer.errors import (
    InputEmptyError,
    InputUnreadableError,
    LibraryMissingError,
    TrainerError,
)
from trainer.input.date_column import DateColumn
from trainer.input.dialect import Dialect
from trainer.input.encoding import Decoder
from trainer.input.number_column import NumberColumn
from trainer.input.problems import Problems
from trainer.input.records import Places
from trainer.input.source import Source
from trainer.input.table import ColumnReader, Piece, Table
from trainer.interruption import held_back

_LIBRARIES = ("pyarrow.parquet", "duckdb")
_ROWS = 1 << 18
_VECTORS = _ROWS // 2048  # the rows of one of duckdb's
_SHOWN = 400
_INDEX = re.compile(r"__index_level_[0-9]+__")


@dataclass(slots=True, kw_only=True)
class ParquetTable(Table):
    """An open parquet file."""

    library: Any

    def pieces(
        self, places: Sequence[int], readers: Sequence[ColumnReader], problems: Problems
    ) -> Iterator[Piece]:
        """Yield the columns at these places, some rows at a time; nothing of them is a problem."""
        del problems
        first, names = 1, [self.header[place] for place in places]
        with _translated(self.name):
            for frame in _frames(self.library, self.source, list(dict.fromkeys(names))):
                lines = np.arange(first, first + len(frame))
                first += len(frame)
                pairs = zip(readers, names, strict=True)
                values = [_values(frame[name], reader) for reader, name in pairs]
                yield Piece(lines=lines, values=values)


def open_parquet(source: Source) -> Table:
    """Return the table of a parquet file. Raises LibraryMissingError where nothing reads it."""
    library = _library(source.name)
    with _translated(source.name):
        header = _header(library, source)
        frame = next(_frames(library, source, list(header)), pd.DataFrame())[:_SHOWN]
        header = tuple(name for name in header if not _is_count(frame, name))
    if frame.empty:
        raise InputEmptyError(f"{source.name}: there are no rows", remedy="give a table with rows")
    rows = zip(*(_texts(frame[name]) for name in header), strict=True)
    dialect = Dialect(separator=",", header=header, has_header=True, first_line=1, rows=tuple(rows))
    return ParquetTable(
        source=source,
        name=source.name,
        dialect=dialect,
        header=header,
        rows=dialect.rows,
        _texts=iter(()),
        _decoder=Decoder(name=source.name, told=None),
        library=library,
    )


def _library(name: str) -> Any:  # noqa: ANN401 - one of two modules
    for library in _LIBRARIES:
        try:
            with held_back():
                return importlib.import_module(library)
        except ImportError:
            continue
    raise LibraryMissingError(
        f"{name} is a parquet file, and no library that reads one is installed",
        remedy=f"add one of {', '.join(n.partition('.')[0] for n in _LIBRARIES)} to the conda "
        "file, or save the data as CSV",
    )


def _path(source: Source) -> str:
    """Return a path of the open file itself: in a name of its own, duckdb would expand a `*`."""
    return f"/dev/fd/{source.descriptor}"


def _header(library: Any, source: Source) -> tuple[str, ...]:  # noqa: ANN401 - one of two modules
    if library.__name__ == "duckdb":
        with library.connect() as connection:
            connection.execute("SELECT * FROM read_parquet(?) LIMIT 0", [_path(source)])
            return tuple(column[0] for column in connection.description)
    return tuple(library.ParquetFile(_path(source)).schema_arrow.names)


def _frames(library: Any, source: Source, names: list[str]) -> Iterator[pd.DataFrame]:  # noqa: ANN401 - one of two modules
    if library.__name__ == "duckdb":
        with library.connect() as connection:
            quoted = ", ".join('"{}"'.format(name.replace('"', '""')) for name in names)
            connection.execute("SET TimeZone = 'UTC'")  # not this machine's
            query = f"SELECT {quoted} FROM read_parquet(?)"  # noqa: S608 - the names are quoted
            connection.execute(query, [_path(source)])
            while len(frame := connection.fetch_df_chunk(_VECTORS)):
                yield frame
    else:
        batches = library.ParquetFile(_path(source)).iter_batches(batch_size=_ROWS, columns=names)
        # Else pandas would make columns that were a frame's index one again.
        yield from (batch.to_pandas(ignore_metadata=True) for batch in batches)


def _is_count(frame: pd.DataFrame, name: str) -> bool:
    """Return whether a column is the row numbers that pandas writes of a frame without an index."""
    return _INDEX.fullmatch(name) is not None and pd.api.types.is_integer_dtype(frame[name].dtype)


def _values(column: pd.Series, reader: ColumnReader) -> Any:  # noqa: ANN401 - an array, or texts
    """Return dates as microseconds, numbers as doubles, and all else as texts."""
    kinds = pd.api.types
    if isinstance(reader, DateColumn) and isinstance(column.dtype, pd.DatetimeTZDtype):
        written, utc = column.dt.tz_localize(None), column.dt.tz_convert("UTC").dt.tz_localize(None)
        return np.stack([_microseconds(written), _microseconds(utc)])
    if isinstance(reader, DateColumn) and kinds.is_datetime64_dtype(column.dtype):
        return _microseconds(column)
    is_number = kinds.is_numeric_dtype(column.dtype) and not kinds.is_bool_dtype(column.dtype)
    if isinstance(reader, NumberColumn) and is_number:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return _texts(column)


def _microseconds(column: pd.Series) -> Places:
    return column.to_numpy().astype("datetime64[us]").view(np.int64)


def _texts(column: pd.Series) -> list[str]:
    """Return cells as texts; a day that the library gives as a date or a time is its ISO form."""
    return ["" if pd.isna(cell) else str(cell) for cell in column.astype(object)]


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turn whatever a library raises for a damaged file into our error."""
    try:
        yield
    except TrainerError:
        raise
    except Exception as exc:
        raise InputUnreadableError(
            f"{name}: the parquet file cannot be read: {exc}", remedy="write the file again"
        ) from exc
