"""A Unix socket that forwards to a port on loopback: the only connection of a job's container.

A container without a network cannot reach this machine's ports. A folder with sockets can be
mounted into it, and the servers behind those sockets are all that it can reach.
"""

import contextlib
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

from drydock.authority import LOOPBACK
from drydock.proxy import join

FOLDER = "sockets"
_IDLE_S = 120


class Forwarder(socketserver.ThreadingUnixStreamServer):
    """Listens on a socket in the state folder, and replaces the previous drydock's socket."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, path: Path, port: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        with _short(path) as name:
            super().__init__(name, _Passage)
        self.port = port

    def run_in_background(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class _Passage(socketserver.BaseRequestHandler):
    """One connection."""

    request: socket.socket
    server: Forwarder

    def handle(self) -> None:
        """Connect it to the port."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection((LOOPBACK, self.server.port), timeout=_IDLE_S) as inner,
        ):
            inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            join(self.request, inner)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """Return a name of the path that is short enough for a socket (108 bytes on Linux)."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        way = f"/proc/self/fd/{folder}"
        yield f"{way}/{path.name}" if Path(way).is_dir() else str(path)
    finally:
        os.close(folder)
