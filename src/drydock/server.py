"""HTTP over TLS on loopback: turns bytes into a request, and an answer into bytes."""

import json
import logging
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from drydock.authority import LOOPBACK
from drydock.dispatch import answer, refused
from drydock.http_values import Answer, Context, Request, split_target
from drydock.refusal import Refusal, bad_request

IDLE_S = 75
_LONGEST_BODY = 16 * 1024 * 1024
_LENGTH = re.compile(r"[0-9]{1,18}")
_log = logging.getLogger(__name__)


class TlsServer(ThreadingHTTPServer):
    """A server on a port of loopback that speaks TLS, one thread per connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self, port: int, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext
    ) -> None:
        super().__init__((LOOPBACK, port), handler)
        self._tls = tls

    @property
    def port(self) -> int:
        """The port on which it listens."""
        return int(self.server_address[1])

    def get_request(self) -> tuple[socket, Any]:
        """Accept a connection; its own thread does the handshake, so that no other one waits."""
        connection, address = super().get_request()
        wrapped = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return wrapped, address

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - http.server's
        """Log a broken connection: clients may close it at any time."""
        del request
        _log.debug("connection of %s broke", client_address, exc_info=True)

    def run_in_background(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, args=(0.1,), daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()


class ManagementServer(TlsServer):
    """Management plane and data plane on one port; `context` is set once all servers run."""

    def __init__(self, port: int, tls: ssl.SSLContext) -> None:
        super().__init__(port, _Exchange, tls)
        self.context: Context | None = None


class _Exchange(BaseHTTPRequestHandler):
    """One connection of the management plane."""

    protocol_version = "HTTP/1.1"
    server_version = "drydock"
    sys_version = ""
    timeout = IDLE_S
    disable_nagle_algorithm = True  # otherwise each answer waits 40 ms for an acknowledgement
    wbufsize = -1
    server: ManagementServer

    def do_GET(self) -> None:
        """Answer."""
        self._exchange()

    do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's
        """Log nothing here: `dispatch` logs each request with its route."""

    def _exchange(self) -> None:
        context = self.server.context
        if context is None:
            self.close_connection = True
            self._send(Answer(status=503))
            return
        try:
            length = self._length()
        except Refusal as refusal:
            self.close_connection = True  # where the body ends is not known
            self._send(refused(refusal, context))
            return
        path, query = split_target(self.path)
        request = Request(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        self._send(answer(request, context))

    def _length(self) -> int:
        """Return the length of the body. Refuses a request that does not say where it ends."""
        given = self.headers.get_all("Content-Length", ["0"])
        if self.headers.defects:
            raise bad_request("A line of the request's head is not a header.")
        if "Transfer-Encoding" in self.headers or len(set(given)) > 1:
            raise bad_request("drydock needs one Content-Length, and no Transfer-Encoding.")
        if not _LENGTH.fullmatch(given[0]):
            raise bad_request(f"The Content-Length is '{given[0]}', and not a number.")
        if int(given[0]) > _LONGEST_BODY:
            raise Refusal(413, "RequestTooLarge", f"The body is longer than {_LONGEST_BODY} bytes.")
        return int(given[0])

    def _send(self, found: Answer) -> None:
        content = b"" if found.body is None else json.dumps(found.body).encode()
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        if content:
            self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
