"""Package indexes on 127.0.0.1, good and hostile, for tests with the marker `process`."""

import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HTML = "text/html"


def wheel(name: str, version: str, *needs: str, body: str = "x = 1\n") -> tuple[str, bytes]:
    """Return a wheel's file name and bytes, the same ones each time."""
    module, content = name.replace("-", "_"), io.BytesIO()
    info = f"{module}-{version}.dist-info"
    required = "".join(f"Requires-Dist: {need}\n" for need in needs)
    texts = {
        f"{module}/__init__.py": body,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    rows = []
    for path, text in texts.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{path},sha256={digest.decode()},{len(text)}\n")
    texts[f"{info}/RECORD"] = "".join([*rows, f"{info}/RECORD,,\n"])
    with zipfile.ZipFile(content, "w") as archive:
        for path, text in texts.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), text)
    return f"{module}-{version}-py3-none-any.whl", content.getvalue()


@dataclass(slots=True)
class LocalIndex:
    """An index that serves; `asked` are the paths, `logins` what came with them."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    login: str = ""
    asked: list[str] = field(default_factory=list)
    logins: set[str] = field(default_factory=set)

    def page(self, name: str) -> bytes:
        """Return the page of a package; empty: there is none."""
        links = (
            f'<a href="/files/{file}#sha256={hashlib.sha256(content).hexdigest()}">{file}</a>'
            for file, content in self.files.items()
            if file.partition("-")[0] == name.replace("-", "_")
        )
        return "".join(links).encode()


Answer = Callable[[BaseHTTPRequestHandler], None]


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """Answer with this; `_` in a header's name stands for `-`."""
    handler.send_response(status)
    for name, value in {"Content_Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command == "GET":
        handler.wfile.write(body)


@contextmanager
def serve(
    *wheels: tuple[str, bytes],
    login: str = "",
    answer: Answer | None = None,
    host: str = "127.0.0.1",
) -> Iterator[LocalIndex]:
    """Serve wheels, for those with the login (`user:password`) if there is one; or `answer`."""
    index = LocalIndex(files=dict(wheels), login=login)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            index.asked.append(self.path)
            given = self.headers.get("Authorization", "")
            index.logins.add(given)
            wanted = f"Basic {base64.b64encode(index.login.encode()).decode()}"
            if answer is not None:
                answer(self)
            elif index.login and given != wanted:
                send(self, 401, WWW_Authenticate='Basic realm="x"')
            elif self.path.startswith("/files/"):
                content = index.files.get(self.path.removeprefix("/files/"), b"")
                send(self, 200 if content else 404, content)
            else:
                body = index.page(self.path.strip("/").rpartition("/")[2])
                send(self, 200 if body else 404, body, Content_Type=HTML)

        do_HEAD = do_GET  # noqa: N815 - as above

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's
            """Print nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    index.address = f"http://{host}:{server.server_address[1]}/simple"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
