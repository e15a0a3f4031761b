"""Tables of results, written row by row: parquet where the environment has pyarrow, else CSV.

The same rows give the same bytes, by the same library.
"""

import csv
import gzip
import importlib
import io
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal, Self

from trainer.interruption import held_back

Kind = Literal["text", "number", "whole", "date"]
_ROWS_AT_ONCE = 100_000


class TableWriter:
    """A table in a new file of `folder`. To be used in a `with`; `path` has the kind's ending.

    `columns` are the kinds by name. A date is microseconds since 1970; in CSV it is ISO 8601.
    """

    def __init__(self, folder: Path, name: str, columns: Mapping[str, Kind]) -> None:
        self._columns = dict(columns)
        self._pyarrow = _pyarrow()
        self.path = folder / f"{name}.{'csv.gz' if self._pyarrow is None else 'parquet'}"
        self._stack = ExitStack()
        self._rows = list[Sequence[Any]]()
        self._out: Any = None

    def __enter__(self) -> Self:
        """Create the file."""
        if self._pyarrow is None:
            file = self._stack.enter_context(self.path.open("xb"))
            # No name and no time: they would be different bytes in every run.
            packed = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=file, mtime=0)
            text = io.TextIOWrapper(self._stack.enter_context(packed), "utf-8", newline="")
            self._out = csv.writer(self._stack.enter_context(text), lineterminator="\n")
            self._out.writerow(self._columns)
        else:
            writer = importlib.import_module("pyarrow.parquet").ParquetWriter
            self._out = self._stack.enter_context(writer(self.path, self._schema()))
        return self

    def __exit__(self, *exception: object) -> None:
        """Write what is left, and close the file."""
        with self._stack:
            if exception[0] is None and self._pyarrow is not None:
                self._write_group()

    def add(self, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows."""
        if self._pyarrow is None:
            self._out.writerows(rows)
            return
        self._rows.extend(rows)
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._write_group()

    def _write_group(self) -> None:
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            self._out.write_table(self._pyarrow.table(columns, schema=self._schema()))
            self._rows.clear()

    def _schema(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        arrow = self._pyarrow
        kinds = {
            "text": arrow.string(),
            "number": arrow.float64(),
            "whole": arrow.int64(),
            "date": arrow.timestamp("us"),
        }
        return arrow.schema([(name, kinds[kind]) for name, kind in self._columns.items()])

    @property
    def has_date_texts(self) -> bool:
        """Return whether dates are written as texts."""
        return self._pyarrow is None


def _pyarrow() -> Any:  # noqa: ANN401 - the same
    try:
        with held_back():
            importlib.import_module("pyarrow.parquet")
            return importlib.import_module("pyarrow")
    except ImportError:
        return None
