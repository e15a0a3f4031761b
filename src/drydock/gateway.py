"""TLS in front of the blob store, under its Azure name; plain HTTP on loopback behind it.

It exists for TLS, for injected faults and for logins: a request with a login's token is signed with
the account's key, because the blob store knows no logins. All others are forwarded as they are.
"""

import http.client
import logging
import socket
import ssl
import struct
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

from drydock.blob_store import DELEGATION, Account
from drydock.clock import Clock
from drydock.faults import SLOW_S, Faults
from drydock.refusal import Refusal
from drydock.server import IDLE_S, TlsServer
from drydock.state.logins import check_token
from drydock.state.workspace import Workspace

_PIECE = 64 * 1024
_HOP = {"connection", "keep-alive", "transfer-encoding", "proxy-connection", "te", "upgrade"}
_FAULTS = (
    *("429", "500", "expired-sas", "clock-skew", "no-permission", "storage-firewall"),
    "slow-network",
)
_AUDIENCE = "https://storage.azure.com"
_KEY_REFUSED = (
    403,
    "KeyBasedAuthenticationNotPermitted",
    "Key based authentication is not permitted on this storage account.",
)
_REFUSALS = {
    "429": (503, "ServerBusy", "The server is currently unable to receive requests."),
    "500": (500, "InternalError", "The server encountered an internal error."),
    "expired-sas": (
        403,
        "AuthenticationFailed",
        "Signature not valid in the specified time frame: the signature has expired.",
    ),
    "clock-skew": (
        403,
        "AuthenticationFailed",
        "Request date header too old: this machine's clock is behind.",
    ),
    "no-permission": (
        403,
        "AuthorizationPermissionMismatch",
        "This request is not authorized to perform this operation using this permission.",
    ),
    "storage-firewall": (
        403,
        "AuthorizationFailure",
        "This request is not authorized to perform this operation.",
    ),
}
_log = logging.getLogger(__name__)


class Gateway(TlsServer):
    """Answers for the account's name."""

    def __init__(  # noqa: PLR0913 - its collaborators
        self,
        port: int,
        tls: ssl.SSLContext,
        *,
        account: Account,
        workspace: Workspace,
        faults: Faults,
        clock: Clock,
    ) -> None:
        super().__init__(port, _Passage, tls)
        self.account = account
        self.workspace = workspace
        self.faults = faults
        self.clock = clock


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Broken(Exception):  # noqa: N818 - an injected fault, not an error
    """The connection is to be reset here."""


class _Passage(BaseHTTPRequestHandler):
    """One connection to the blob store."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_S
    disable_nagle_algorithm = True  # otherwise each answer waits 40 ms for an acknowledgement
    wbufsize = -1
    server: Gateway

    def do_GET(self) -> None:
        """Forward the request, unless a fault is injected."""
        try:
            self._pass()
        except _Broken:
            _log.info("connection reset (injected): %s %s", self.command, self._path())
            self._break()
        except (OSError, http.client.HTTPException) as exc:
            _log.info("%s %s: %s", self.command, self._path(), exc)
            self.close_connection = True

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's
        """Log nothing here: `_relay` logs each request, without its signature."""

    def _pass(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if "Transfer-Encoding" in self.headers:
            self._refuse(411, "MissingContentLengthHeader", "The request needs a Content-Length.")
            return
        occasions = (f"blob {self.command}", f"{self.command} {self._path()}")
        faults = self.server.faults
        kind = faults.take(_FAULTS, *occasions)
        if kind == "slow-network":
            self.server.clock.sleep(SLOW_S)
        elif kind is not None:
            self.rfile.read(length)
            self._refuse(*_REFUSALS[kind])
            return
        if length and faults.take(("dropped-upload",), *occasions):
            self.rfile.read(length // 2)
            raise _Broken
        try:
            target = self._signed_target()
        except Refusal as refusal:
            self.rfile.read(length)
            self._refuse(refusal.status, refusal.code, refusal.message)
            return
        self._relay(target, length, occasions)

    def _signed_target(self) -> str:
        """Return the target that the blob store accepts. Refuses tokens, and keys if keyless.

        https://learn.microsoft.com/azure/storage/common/shared-key-authorization-prevent
        """
        account, authorization = self.server.account, self.headers.get("Authorization", "")
        if authorization.lower().startswith("bearer "):
            now = self.server.clock.now()
            check_token(self.server.workspace, authorization, now, audience=_AUDIENCE)
            del self.headers["Authorization"]
            return self.path + ("&" if "?" in self.path else "?") + account.signature(now, hours=1)
        parts = urlsplit(self.path)
        query = parse_qsl(parts.query, keep_blank_values=True)
        is_delegated = any(name == DELEGATION for name, _ in query)
        is_signed = bool(authorization) or any(name == "sig" for name, _ in query)
        if account.is_keyless and is_signed and not is_delegated:
            raise Refusal(*_KEY_REFUSED)
        if not is_delegated:
            return self.path
        # What the blob store gets is signed with the account's key.
        kept = urlencode([pair for pair in query if pair[0] != DELEGATION])
        return f"{parts.path}?{kept}"

    def _relay(self, target: str, length: int, occasions: tuple[str, ...]) -> None:
        inner = urlsplit(self.server.account.endpoint)
        connection = http.client.HTTPConnection(
            inner.hostname or "", inner.port, timeout=IDLE_S, blocksize=_PIECE
        )
        try:
            connection.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in _HOP:
                    connection.putheader(name, value)
            connection.endheaders()
            for piece in _pieces(self.rfile, length):
                connection.send(piece)
            self._send_back(connection.getresponse(), occasions)
        finally:
            connection.close()

    def _send_back(self, response: http.client.HTTPResponse, occasions: tuple[str, ...]) -> None:
        _log.info("%s %s %s", response.status, self.command, self._path())
        length = int(response.headers.get("Content-Length") or 0)
        has_length = "Content-Length" in response.headers
        body = b"" if has_length else response.read()
        is_dropped = (
            self.command == "GET"
            and response.status in (200, 206)
            and length > 1
            and "comp=" not in self.path
            and self.server.faults.take(("dropped-download",), *occasions) is not None
        )
        self.send_response_only(response.status, response.reason)
        for name, value in response.headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        if not has_length and response.status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body)
        for piece in _pieces(response, length // 2 if is_dropped else length):
            self.wfile.write(piece)
        if is_dropped:
            raise _Broken

    def _refuse(self, status: int, code: str, message: str) -> None:
        content = (
            f'<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code>'
            f"<Message>{message}</Message></Error>"
        ).encode()
        self.send_response(status)
        self.send_header("x-ms-error-code", code)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _break(self) -> None:
        """Reset the connection, as if a cable were pulled: no end of the stream is sent."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain = socket.socket(fileno=self.connection.detach())
        plain.close()

    def _path(self) -> str:
        """Return the path without the query: a signature is a secret."""
        return urlsplit(self.path).path


def _pieces(stream: _Readable, length: int) -> Iterator[bytes]:
    """Return the next bytes of a stream in pieces; raise if the stream ends before."""
    left = length
    while left:
        piece = stream.read(min(left, _PIECE))
        if not piece:
            raise ConnectionError("the stream ended early")
        left -= len(piece)
        yield piece
