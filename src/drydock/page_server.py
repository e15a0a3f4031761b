"""Serves the page of each job: plain HTTP on loopback, for a browser of this machine.

The address that a job's answer has opens the page once; the browser then keeps a cookie for this
job, valid until drydock stops. No form and no script: nothing can be changed here.
"""

import hashlib
import logging
import re
import secrets
import threading
from collections.abc import Iterator
from http import cookies
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from drydock.authority import LOOPBACK
from drydock.blob_store import BlobStoreError
from drydock.blob_uris import artifact_place, output_place
from drydock.http_values import Context, split_target
from drydock.job_page import (
    REFRESH_S,
    STYLE_HASH,
    JobView,
    OutputFile,
    facts_of,
    nonce_of,
    render_page,
    render_refusal,
)
from drydock.job_properties import logs_of, nodes_of
from drydock.refusal import Refusal
from drydock.state.jobs import Job

_LOG_BYTES = 64 * 1024  # of the end of the log, on a page
_IDLE_S = 75
_PATH = re.compile(r"/jobs/(?P<job>[^/]+)")
_USED = (
    "This address has been used, or belongs to another run of drydock. "
    "`drydock status` prints a new address for each job."
)
_log = logging.getLogger(__name__)


class PageServer(ThreadingHTTPServer):
    """The pages of all jobs, on one port; `context` is set once all servers run."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int) -> None:
        super().__init__((LOOPBACK, port), _Exchange)
        self.context: Context | None = None
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._sessions: dict[str, str] = {}
        self._sums: dict[tuple[str, str, int], str] = {}

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

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - http.server's
        """Log a broken connection: a browser may close it at any time."""
        del request
        _log.debug("connection of %s broke", client_address, exc_info=True)

    def session(self, context: Context, job: str, token: str) -> str | None:
        """Return the session that a genuine and unused token opens, and use the token up."""
        nonce = nonce_of(context.addresses, context.state.workspace, job, token)
        with self._lock:
            if nonce is None or nonce in self._used:
                return None
            self._used.add(nonce)
            made = secrets.token_urlsafe(24)
            self._sessions[made] = job
            return made

    def is_open(self, job: str, session: str) -> bool:
        """Return whether a session is for this job."""
        with self._lock:
            return self._sessions.get(session) == job

    def view(self, context: Context, job: Job) -> JobView:
        """Return what a page shows of a job."""
        state, given = context.state, job.given
        tags = {f"tag {name}": text for name, text in sorted((given.get("tags") or {}).items())}
        facts = {
            "image": job.image,
            "environment": given.get("environmentId"),
            "compute": job.compute or "serverless",
            "nodes": nodes_of(given) if given.get("distribution") else "",
            "experiment": given.get("experimentName"),
            "command": given.get("command"),
            "created": job.created,
            "started": job.started,
            "ended": job.ended,
        }
        tracked = state.tracking.get(job.name)
        log, skipped = _end_of_log(context, job)
        return JobView(
            name=job.name,
            status=job.status,
            is_over=job.is_over,
            error=": ".join(part for part in (job.error_code, job.error_message) if part),
            facts=facts_of({**facts, **tags}),
            metrics=tuple((str(one["key"]), str(one["value"])) for one in tracked.latest()),
            files=tuple(self._files(context, job)),
            log=log,
            skipped=skipped,
        )

    def _files(self, context: Context, job: Job) -> Iterator[OutputFile]:
        for name, value in (job.given.get("outputs") or {}).items():
            if name == "default":
                continue
            place = output_place(context.state, job.name, name, value or {})
            for blob in context.state.blobs.blobs(place.container, place.path):
                yield OutputFile(
                    output=name,
                    path=blob.name.removeprefix(place.path),
                    size=blob.size,
                    sha256=self._sha256(context, place.container, blob.name, blob.size)
                    if job.is_over
                    else "",
                )

    def _sha256(self, context: Context, container: str, name: str, size: int) -> str:
        """Return the hash of a finished output's file; it is read once."""
        key = (container, name, size)
        if key not in self._sums:
            digest = hashlib.sha256()
            for piece in context.state.blobs.read(container, name):
                digest.update(piece)
            self._sums[key] = digest.hexdigest()
        return self._sums[key]


class _Exchange(BaseHTTPRequestHandler):
    """One connection of a browser."""

    protocol_version = "HTTP/1.1"
    server_version = "drydock"
    sys_version = ""
    timeout = _IDLE_S
    server: PageServer

    def do_GET(self) -> None:
        """Answer."""
        context = self.server.context
        # Another name for this address is a page of somebody else's that leads here.
        if context is None or self.headers.get("Host") != f"{LOOPBACK}:{self.server.port}":
            self._send(403, render_refusal("drydock answers under its own address only."))
            return
        path, query = split_target(self.path)
        found = _PATH.fullmatch(path)
        name = unquote(found["job"]) if found else ""
        session = self._cookie()
        if found and (token := query.get("token")) is not None:
            if opened := self.server.session(context, name, token):
                self._redirect(path, opened)
                return
            if self.server.is_open(name, session):
                self._redirect(path, session)
                return
        if not self.server.is_open(name, session):
            self._send(403, render_refusal(_USED))
            return
        self._show(context, name)

    do_HEAD = do_GET  # noqa: N815 - http.server's name

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401 - http.server's
        """Log nothing: a line would have the token."""

    def _show(self, context: Context, name: str) -> None:
        try:
            view = self.server.view(context, context.state.jobs.get(name))
        except Refusal as refusal:
            self._send(refusal.status, render_refusal(refusal.message))
        except BlobStoreError as exc:
            self._send(503, render_refusal(f"The blob store does not answer: {exc}"))
        else:
            self._send(200, render_page(view), refresh=not view.is_over)

    def _cookie(self) -> str:
        try:
            found = cookies.SimpleCookie(self.headers.get("Cookie", "")).get(self._cookie_name())
        except cookies.CookieError:
            return ""
        return found.value if found else ""

    def _cookie_name(self) -> str:
        # Browsers give one machine's cookies to all of its ports.
        return f"drydock-{self.server.port}"

    def _redirect(self, path: str, session: str) -> None:
        """Open the same page without the token, which would stay in the browser's history."""
        self.send_response(303)
        # A path of the known form only: it goes into a header.
        self.send_header("Location", path)
        cookie = f"{self._cookie_name()}={session}; Path={path}; HttpOnly; SameSite=Strict"
        self.send_header("Set-Cookie", cookie)
        self._finish_head(b"")

    def _send(self, status: int, text: str, *, refresh: bool = False) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        policy = f"default-src 'none'; style-src '{STYLE_HASH}'; frame-ancestors 'none'"
        self.send_header("Content-Security-Policy", f"{policy}; base-uri 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        if refresh:
            self.send_header("Refresh", str(REFRESH_S))
        self._finish_head(content)
        if self.command != "HEAD":
            self.wfile.write(content)

    def _finish_head(self, content: bytes) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()


def _end_of_log(context: Context, job: Job) -> tuple[str, int]:
    """Return the last lines of a job's log, and how many bytes come before them.

    Those of several nodes stand one after another, each below its name.
    """
    place, blobs, logs = artifact_place(job.name), context.state.blobs, logs_of(job)
    text, skipped = "", 0
    for log in logs:
        size = blobs.size(place.container, place.path + log) or 0
        start = max(size - _LOG_BYTES // len(logs), 0)
        if size:
            found = b"".join(blobs.read(place.container, place.path + log, start=start))
            text += f"{log}:\n" if len(logs) > 1 else ""
            text += found.decode(errors="replace")
            skipped += start
    return text, skipped
