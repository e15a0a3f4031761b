"""A proxy for CONNECT that connects to drydock and to nothing else.

The SDK uses a name for the blob store that does not resolve, and Microsoft's real login host, which
it asks for the known authorities. The proxy connects both to drydock's own ports. It refuses every
other name: a program with this proxy can neither reach Azure nor send telemetry.
"""

import contextlib
import logging
import selectors
import socket
import socketserver
import threading
from collections.abc import Mapping

from drydock.authority import LOOPBACK

LOGIN_HOST = "login.microsoftonline.com"
_IDLE_S = 120
_LONGEST_HEAD = 64 * 1024
_PIECE = 64 * 1024
_log = logging.getLogger(__name__)


class Proxy(socketserver.ThreadingTCPServer):
    """Listens on loopback; `ways` maps host names to local ports."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, port: int, ways: Mapping[str, int]) -> None:
        super().__init__((LOOPBACK, port), _Tunnel)
        self.ways = dict(ways)

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.server_address[1])

    def run_in_background(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class _Tunnel(socketserver.BaseRequestHandler):
    """One connection of the proxy."""

    request: socket.socket
    server: Proxy

    def handle(self) -> None:
        """Connect to the host's port, or refuse."""
        self.request.settimeout(_IDLE_S)
        with contextlib.suppress(OSError):
            method, target = self._read_head()
            host, _, port = target.rpartition(":")
            way = self.server.ways.get(host.lower()) if port == "443" else None
            if method != "CONNECT" or way is None:
                _log.warning("refused by the proxy: %s %s", method, target)
                self.request.sendall(
                    b"HTTP/1.1 403 Refused by drydock: nothing leaves this machine\r\n"
                    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
                )
                return
            with socket.create_connection((LOOPBACK, way), timeout=_IDLE_S) as inner:
                for side in (self.request, inner):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                join(self.request, inner)

    def _read_head(self) -> tuple[str, str]:
        """Return method and target of the request, and read to the end of its head."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.request.recv(_PIECE)
            if not piece or len(head) > _LONGEST_HEAD:
                raise ConnectionError("no request")
            head += piece
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        return (words[0], words[1]) if len(words) == 3 else ("", "")  # noqa: PLR2004 - method, target, version


def join(one: socket.socket, other: socket.socket) -> None:
    """Copy bytes both ways until either side ends."""
    with selectors.DefaultSelector() as selector:
        selector.register(one, selectors.EVENT_READ, other)
        selector.register(other, selectors.EVENT_READ, one)
        while True:
            ready = selector.select(_IDLE_S)
            if not ready:
                return
            for key, _ in ready:
                source, target = key.fileobj, key.data
                if not isinstance(source, socket.socket):
                    continue
                piece = source.recv(_PIECE)
                if not piece:
                    return
                target.sendall(piece)
