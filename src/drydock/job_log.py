"""Copies a container's output into a blob while the container runs."""

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from drydock.blob_store import BlobStore, BlobStoreError
from drydock.engine import EngineError
from drydock.job_spec import BlobPlace

# Readers of the log count lines and read each one once, so a line is written as a whole.
_LONGEST_LINE = 64 * 1024
_LARGEST_BLOCK = 4 * 1024**2  # the service's limit for one block
_SOON = timedelta(seconds=0.4)
# The service's limit is 50000 blocks per blob: enough for a day at this rate.
_LATER = timedelta(seconds=2)
_MANY_PIECES = 1000
_TRIES = 5


class JobLog:
    """Follows a stream in a thread of its own; `pass_on` writes what has arrived.

    `follow` returns the stream from its beginning. Bytes that an earlier drydock already wrote to
    the blob are not written again.
    """

    def __init__(
        self,
        store: BlobStore,
        place: BlobPlace,
        follow: Callable[[], Iterator[bytes]],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._place = place
        self._now = now
        self._lock = threading.Lock()
        self._came_in = bytearray()
        self._received = self._written = self._held()
        self._pieces = 0
        self._next = now()
        self._thread = threading.Thread(target=self._read, args=(follow,), daemon=True)
        self._thread.start()

    def pass_on(self) -> None:
        """Write the complete lines that have arrived, unless the last write was a moment ago.

        If the blob store does not answer, the next call tries again.
        """
        if self._now() < self._next:
            return
        self._next = self._now() + (_SOON if self._pieces < _MANY_PIECES else _LATER)
        try:
            self._write(is_last=False)
        except BlobStoreError:
            return

    def finish(self, timeout_s: float) -> None:
        """Write the rest of the ended container's output. Raises BlobStoreError."""
        self._thread.join(timeout_s)
        self._write(is_last=True)

    def _read(self, follow: Callable[[], Iterator[bytes]]) -> None:
        for _ in range(_TRIES):
            to_skip = self._received
            try:
                for piece in follow():
                    new = piece[to_skip:]
                    to_skip -= len(piece) - len(new)
                    with self._lock:
                        self._came_in += new
                    self._received += len(new)
            except EngineError:
                continue  # the connection broke; the container may still be running
            return

    def _write(self, *, is_last: bool) -> None:
        while piece := self._take(is_last=is_last):
            try:
                self._store.append(self._place.container, self._place.path, piece, at=self._written)
            except BlobStoreError:
                # It may have arrived, although the answer did not.
                arrived = self._held() - self._written
                self._drop(min(max(arrived, 0), len(piece)))
                raise
            self._drop(len(piece))

    def _take(self, *, is_last: bool) -> bytes:
        with self._lock:
            piece = bytes(self._came_in[:_LARGEST_BLOCK])
        if is_last:
            return piece
        end = piece.rfind(b"\n") + 1
        return piece[:end] if end or len(piece) < _LONGEST_LINE else piece

    def _drop(self, count: int) -> None:
        with self._lock:
            del self._came_in[:count]
        self._written += count
        self._pieces += bool(count)

    def _held(self) -> int:
        size = self._store.size(self._place.container, self._place.path)
        if size is None:
            self._store.start_log(self._place.container, self._place.path)
        return size or 0
