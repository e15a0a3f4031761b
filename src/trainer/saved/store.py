"""The models of many series in one file, of which one is opened without reading the others.

It is SQLite, of Python's own library: a table by `unique_id` without row ids, in the order of the
names, each model a saved model (`trainer.saved.json_file`) packed by zlib. The same models give the
same bytes by the same SQLite. It is built on a local disk: a mounted blob store lets nobody write
in the middle of a file.
"""

import sqlite3
import zlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Self
from urllib.parse import quote

from trainer.errors import SavedModelInvalidError, SeriesUnknownError
from trainer.printable import limited, printable
from trainer.regular_file import open_regular
from trainer.saved.files import LARGEST_BYTES
from trainer.saved.json_file import SavedModel, read_saved

STORE = "models.sqlite"
MAGIC = b"SQLite format 3\0"
_REMEDY = "name the models.sqlite of a run of `many`"
_NEAR = 3


class StoreWriter:
    """Writes a new store. To be used in a `with`; nothing else may write to the file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA page_size = 4096;"
            "CREATE TABLE models (unique_id TEXT PRIMARY KEY, model BLOB NOT NULL) WITHOUT ROWID;"
            "BEGIN"
        )

    def add(self, models: Iterable[tuple[str, bytes]]) -> None:
        """Add packed models, in the order of their names."""
        self._connection.executemany("INSERT INTO models VALUES (?, ?)", models)

    def __enter__(self) -> Self:
        """Return the writer, which has opened the file."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Write what is still in memory, and close the file."""
        with closing(self._connection):
            self._connection.execute("COMMIT")


def is_store(path: Path) -> bool:
    """Return whether a file is a store; False also where it cannot be read."""
    try:
        with open_regular(path) as file:
            return file.read(len(MAGIC)) == MAGIC
    except (OSError, ValueError):
        return False


def read_model(path: Path, series: str) -> SavedModel:
    """Return the model of a series. Raises SeriesUnknownError and SavedModelInvalidError."""
    shown = printable(str(path))
    try:
        with closing(_opened(path)) as connection:
            row = connection.execute(
                "SELECT model FROM models WHERE unique_id = ?", (series,)
            ).fetchone()
            near = [] if row else _names_near(connection, series)
        if row is not None:
            content = _unpacked(bytes(row[0]))
    except (sqlite3.Error, TypeError, ValueError, zlib.error) as exc:
        raise SavedModelInvalidError(
            f"{shown} is not a store of models: {exc}", remedy=_REMEDY
        ) from exc
    if row is None:
        listed = ", ".join(map(repr, near)) or "none: the store is empty"
        raise SeriesUnknownError(
            f"{shown} has no model of the series {limited(series)!r}",
            remedy=f"give --series the unique_id of a row of metrics; near that: {listed}",
        )
    return read_saved(content, f"{shown}, {limited(series)!r}")


def _opened(path: Path) -> sqlite3.Connection:
    """Open a store to read, as a file that nobody changes; its schema runs nothing of its own."""
    address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
    connection = sqlite3.connect(address, uri=True)
    connection.executescript("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON")
    kinds = connection.execute("SELECT type, name FROM sqlite_schema").fetchall()
    if kinds != [("table", "models")]:
        connection.close()
        raise ValueError("it has other tables")
    return connection


def _names_near(connection: sqlite3.Connection, series: str) -> list[str]:
    query = "SELECT unique_id FROM models WHERE unique_id >= ? ORDER BY unique_id LIMIT ?"
    rows = connection.execute(query, (series, _NEAR)).fetchall()
    rows = rows or connection.execute(query, ("", _NEAR)).fetchall()
    return [limited(str(row[0])) for row in rows]


def _unpacked(content: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    found = unpacking.decompress(content, LARGEST_BYTES)
    if not unpacking.eof:
        raise ValueError("a model is cut off, or too large")
    return found
