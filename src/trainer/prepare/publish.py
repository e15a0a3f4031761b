"""The series and its report to files: whole ones in the place of what was there, or nothing."""

import contextlib
import os
import secrets
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from trainer.errors import DiskFullError, OutputNotWritableError
from trainer.input.options import STANDARD
from trainer.interruption import InterruptedBySignal, checkpoint, held_back
from trainer.outputs import FULL, move


class Target:
    """A file to be written. Entering it finds a bad place before any work; leaving it tidies up.

    A regular file is written under another name and moved; a device or a pipe is written to as it
    is; `-` is standard output.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._place = Path(path)
        self._waiting: Path | None = None
        self._remove: Callable[[], object] | None = None

    def __enter__(self) -> Self:
        """Make the waiting file."""
        if self._path == STANDARD:
            return self
        with _translated(self._path):
            if self._place.is_dir():
                raise OutputNotWritableError(
                    f"{self._path} is a folder", remedy="name a file in it, such as daily.csv"
                )
            if self._place.exists() and not self._place.is_file():
                return self
            # The file itself is replaced, not a link to it.
            self._place = self._place.resolve()
            self._make_waiting()
        return self

    def _make_waiting(self) -> None:
        waiting = self._place.with_name(f".{secrets.token_hex(6)}.part")
        try:
            with held_back():
                waiting.open("xb").close()
                self._waiting = waiting
                # In the end also where a signal comes before `__exit__` does anything.
                self._remove = weakref.finalize(self, _removed, waiting)
        except InterruptedBySignal:
            self.__exit__()
            raise

    def __exit__(self, *_exception: object) -> None:
        """Remove the waiting file where it was not moved."""
        with held_back():
            if self._remove is not None:
                self._remove()

    def write(self, content: bytes) -> None:
        """Write everything to where it waits; what waits nowhere is written at once."""
        with _translated("standard output" if self._path == STANDARD else self._path):
            if self._path == STANDARD:
                _write_standard(content)
            elif self._waiting is None:
                self._place.write_bytes(content)
            else:
                with self._waiting.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())

    def move(self) -> None:
        """Put the written file into its place."""
        if self._waiting is not None:
            checkpoint()
            with _translated(self._path), held_back():
                move(self._waiting, self._place)
                self._waiting = None


def _removed(waiting: Path) -> None:
    with contextlib.suppress(OSError):
        waiting.unlink(missing_ok=True)


def _write_standard(content: bytes) -> None:
    if sys.stdout is None:
        raise OutputNotWritableError("there is no standard output", remedy="name a file: --output")
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError:
        # What is left in the buffer would fail a second time when the program ends.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


@contextmanager
def _translated(path: str) -> Iterator[None]:
    """Turn the operating system's errors into ours."""
    try:
        yield
    except OSError as exc:
        if exc.errno in FULL:
            raise DiskFullError(
                f"the disk of {path} is full: {exc.strerror}",
                remedy="free some megabytes there, or choose another --output",
            ) from exc
        if isinstance(exc, FileNotFoundError):
            raise OutputNotWritableError(
                f"the folder of {path} does not exist", remedy=f"mkdir -p {Path(path).parent}"
            ) from exc
        raise OutputNotWritableError(
            f"{path} cannot be written to by uid {os.getuid()}: {exc.strerror or exc}",
            remedy="let that user write there (chown, chmod), or choose another --output",
        ) from exc
    except ValueError as exc:
        raise OutputNotWritableError(
            f"{path} cannot be written to: {exc}", remedy="choose another --output"
        ) from exc
