"""A store of values of one kind, each in a JSON file of its own."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from drydock.errors import StateDamagedError
from drydock.files import read_json, write_json

Value = TypeVar("Value")
_LONGEST_NAME = 200  # a file name may have 255 bytes; the rest is for its suffixes


class Store(Generic[Value]):
    """Frozen dataclasses by key, in the order of their creation, in one folder."""

    def __init__(self, folder: Path, kind: Callable[..., Value]) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._values: dict[str, Value] = {}
        self._numbers: dict[str, int] = {}
        paths = folder.glob("*.json") if folder.is_dir() else ()
        found = [read for path in paths if (read := _read(path, kind)) is not None]
        for number, key, value in sorted(found, key=lambda item: item[0]):
            self._values[key] = value
            self._numbers[key] = number

    def get(self, key: str) -> Value | None:
        """Return the value with this key."""
        with self._lock:
            return self._values.get(key)

    def all(self) -> tuple[Value, ...]:
        """Return every value, the oldest first."""
        with self._lock:
            return tuple(self._values.values())

    def put(self, key: str, value: Value) -> Value:
        """Store a value, first on disk and then in memory."""
        with self._lock:
            number = self._numbers.get(key) or max(self._numbers.values(), default=0) + 1
            write_json(
                self._path(key),
                {"number": number, "key": key, "value": asdict(value)},  # type: ignore[call-overload]  # Value is always a dataclass
            )
            self._numbers[key] = number
            self._values[key] = value
            return value

    def change(self, key: str, to: Callable[[Value], Value]) -> Value:
        """Replace a value by the result of `to`, in one step for all threads."""
        with self._lock:
            return self.put(key, to(self._values[key]))

    def remove(self, key: str) -> None:
        """Remove a value."""
        with self._lock:
            self._path(key).unlink(missing_ok=True)
            self._values.pop(key, None)
            self._numbers.pop(key, None)

    def _path(self, key: str) -> Path:
        name = quote(key, safe="")
        if len(name) > _LONGEST_NAME:
            name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / f"{name}.json"


def _read(path: Path, kind: Callable[..., Value]) -> tuple[int, str, Value] | None:
    found: dict[str, Any] | None = read_json(path)
    if found is None:  # removed by the running drydock; this process only reads
        return None
    try:
        return int(found["number"]), str(found["key"]), kind(**found["value"])
    except (KeyError, TypeError, ValueError) as exc:
        raise StateDamagedError(
            f"not a file that drydock wrote ({exc})",
            remedy="remove the state folder and start again",
            place=str(path),
        ) from exc
