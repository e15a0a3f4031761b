"""A blob store in memory that speaks as much of the real one's HTTP as the SDK uses."""

import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from drydock.blob_store import Account

KEY = "a2V5IG9mIGEgcmVoZWFyc2FsIGluIG1lbW9yeQ=="
NAME = "drydock"


class BlobsInMemory(ThreadingHTTPServer):
    """Listens on a free port of loopback."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Blobs)
        self.containers: dict[str, dict[str, bytes]] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.blocks: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.account = Account(
            name=NAME, key=KEY, endpoint=f"http://127.0.0.1:{self.server_address[1]}"
        )
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A broken connection is no matter here."""


class _Blobs(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: BlobsInMemory

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        return

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the connection broke: nothing is written
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        path = unquote(parts.path).lstrip("/")
        if self.headers["Host"].startswith("127."):
            path = path.partition("/")[2]  # the account comes first in the path
        self.query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append(f"{self.command} {path}")
        signed = "sig" in self.query or self.headers.get("Authorization", "").startswith("Shared")
        if not signed or self.query.get("se", "9") < datetime.now(UTC).isoformat():
            self._answer(403, code="AuthenticationFailed")
        else:
            container, _, blob = path.partition("/")
            getattr(self, f"_{self.command.lower()}")(container, blob, body)

    do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _put(self, container: str, blob: str, body: bytes) -> None:
        held = self.server.containers
        comp = self.query.get("comp")
        key = f"{container}/{blob}"
        if not blob:
            is_new = container not in held
            held.setdefault(container, {})
            self._answer(201 if is_new else 409, code="ContainerAlreadyExists")
        elif container not in held:
            self._answer(404, code="ContainerNotFound")
        elif comp == "block":
            self.server.blocks[f"{key}#{self.query['blockid']}"] = body
            self._answer(201)
        elif comp == "blocklist":
            ids = [part.split("<")[0] for part in body.decode().split("<Latest>")[1:]]
            held[container][blob] = b"".join(self.server.blocks.pop(f"{key}#{i}") for i in ids)
            self._answer(201)
        elif comp == "metadata":
            self.server.metadata[key] = {
                name.lower().removeprefix("x-ms-meta-"): value
                for name, value in self.headers.items()
                if name.lower().startswith("x-ms-meta-")
            }
            self._answer(200)
        else:
            held[container][blob] = body
            self._answer(201)

    def _head(self, container: str, blob: str, _body: bytes) -> None:
        found = self.server.containers.get(container, {}).get(blob)
        if found is None:
            self._answer(404, code="BlobNotFound")
            return
        told = {
            f"x-ms-meta-{name}": value
            for name, value in self.server.metadata.get(f"{container}/{blob}", {}).items()
        }
        self._answer(200, found, {"x-ms-blob-type": "BlockBlob", **told})

    def _get(self, container: str, blob: str, _body: bytes) -> None:
        if self.query.get("comp") == "list":
            self._list(container)
            return
        found = self.server.containers.get(container, {}).get(blob)
        if found is None:
            self._answer(404, code="BlobNotFound")
            return
        told = {"x-ms-blob-type": "BlockBlob"}
        span = self.headers.get("x-ms-range") or self.headers.get("Range")
        if span is None:
            self._answer(200, found, told)
            return
        start, _, end = span.removeprefix("bytes=").partition("-")
        if int(start) >= len(found):
            self._answer(416, code="InvalidRange")
            return
        part = found[int(start) : int(end or len(found)) + 1]
        told["Content-Range"] = f"bytes {start}-{int(start) + len(part) - 1}/{len(found)}"
        self._answer(206, part, told)

    def _list(self, container: str) -> None:
        prefix = self.query.get("prefix", "")
        held = self.server.metadata if "metadata" in self.query.get("include", "") else {}
        told = {
            name: "".join(f"<{key}>{escape(value)}</{key}>" for key, value in marks.items())
            for name, marks in held.items()
        }
        blobs = sorted(self.server.containers.get(container, {}).items())
        rows = "".join(
            f"<Blob><Name>{escape(name)}</Name><Properties>"
            f"<Content-Length>{len(content)}</Content-Length><BlobType>BlockBlob</BlobType>"
            f"</Properties><Metadata>{told.get(f'{container}/{name}', '')}</Metadata></Blob>"
            for name, content in blobs
            if name.startswith(prefix)
        )
        text = (
            f'<?xml version="1.0"?><EnumerationResults><Blobs>{rows}</Blobs></EnumerationResults>'
        )
        self._answer(200, text.encode(), {"Content-Type": "application/xml"})

    def _delete(self, container: str, blob: str, _body: bytes) -> None:
        self.server.containers.get(container, {}).pop(blob, None)
        self._answer(202)

    def _answer(
        self,
        status: int,
        content: bytes = b"",
        headers: dict[str, str] | None = None,
        *,
        code: str = "",
    ) -> None:
        if status >= 400 and self.command != "HEAD":
            content = f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
            headers = {"Content-Type": "application/xml"}
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status >= 400:
            self.send_header("x-ms-error-code", code)
        self.send_header("ETag", '"1"')
        self.send_header("Last-Modified", format_datetime(datetime.now(UTC), usegmt=True))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
