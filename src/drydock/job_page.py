"""A job as a page for a person: text and tables, everything escaped, no script.

The address has a token that is valid once, for one job and until drydock stops; `page_server`
checks and uses it up. Whoever has the workspace's key can make one: the handlers and `status`.
"""

import base64
import hashlib
import hmac
import html
import secrets
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from drydock.addresses import Addresses
from drydock.state.workspace import Workspace

REFRESH_S = 2
_MAC_BYTES = 16
STYLE = (
    "body{font:15px/1.5 sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}"
    "h1{font-size:1.4em}h2{font-size:1.1em;margin-top:1.6em}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2em 1em .2em 0;"
    "vertical-align:top;overflow-wrap:break-word}td{overflow-wrap:anywhere}"
    "th{font-weight:600}td.n{text-align:right}"
    "pre{background:#f4f4f4;padding:1em;white-space:pre-wrap;overflow-wrap:anywhere}"
    "code{overflow-wrap:anywhere}.Completed{color:#1a6b1a}.Failed,.Canceled{color:#a11}"
)
STYLE_HASH = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFile:
    """A file of an output; `sha256` is empty while the job may still write it."""

    output: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What a page shows. `log` is the end of the log; `skipped` are the bytes before it."""

    name: str
    status: str
    is_over: bool
    error: str
    facts: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, str], ...]
    files: tuple[OutputFile, ...]
    log: str
    skipped: int


def address_of(addresses: Addresses, workspace: Workspace, job: str) -> str:
    """Return a new address of a job's page, which opens once."""
    nonce = secrets.token_hex(_MAC_BYTES)
    token = f"{nonce}.{_mac(addresses, workspace, job, nonce)}"
    return f"{addresses.page_url}/jobs/{quote(job, safe='')}?token={token}"


def nonce_of(addresses: Addresses, workspace: Workspace, job: str, token: str) -> str | None:
    """Return the part of a genuine token that identifies it; None for any other text."""
    nonce, _, mac = token.partition(".")
    wanted = _mac(addresses, workspace, job, nonce)
    return nonce if hmac.compare_digest(mac.encode(), wanted.encode()) else None


def _mac(addresses: Addresses, workspace: Workspace, job: str, nonce: str) -> str:
    # The time of the start is in it: no address of an earlier drydock opens a page.
    text = f"page {addresses.started} {job} {nonce}".encode()
    return hmac.new(workspace.token_key.encode(), text, hashlib.sha256).hexdigest()[:32]


def render_page(view: JobView) -> str:
    """Return the page as HTML."""
    parts = [
        f"<h1>Job {escaped(view.name)}</h1>",
        f'<p>Status: <strong class="{escaped(view.status)}">{escaped(view.status)}</strong></p>',
        f"<p>{escaped(view.error)}</p>" if view.error else "",
        _table(view.facts),
        "<h2>Metrics</h2>",
        _table(view.metrics) or "<p>None logged.</p>",
        "<h2>Outputs</h2>",
        _files(view.files, is_over=view.is_over),
        "<h2>Log</h2>",
        f"<p>{view.skipped} bytes before these lines are not shown.</p>" if view.skipped else "",
        f"<pre>{escaped(view.log)}</pre>" if view.log else "<p>Nothing yet.</p>",
    ]
    return _document(f"Job {view.name}: {view.status}", "\n".join(part for part in parts if part))


def render_refusal(text: str) -> str:
    """Return a page that says why nothing is shown."""
    return _document("drydock", f"<h1>drydock</h1>\n<p>{escaped(text)}</p>")


def escaped(text: str) -> str:
    """Return text for HTML; control and format characters, which could hide some, as escapes."""
    shown = "".join(
        one
        if one in "\n\t" or not unicodedata.category(one).startswith("C")
        else one.encode("unicode_escape").decode("ascii")
        for one in text.replace("\r\n", "\n")
    )
    return html.escape(shown, quote=True)


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def _table(rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"<tr><th>{escaped(n)}</th><td><code>{escaped(t)}</code></td></tr>" for n, t in rows]
    return "<table>\n" + "\n".join(lines) + "\n</table>" if lines else ""


def _files(files: tuple[OutputFile, ...], *, is_over: bool) -> str:
    if not files:
        return "<p>None.</p>" if is_over else "<p>None yet.</p>"
    lines = [
        f"<tr><td>{escaped(one.output)}</td><td>{escaped(one.path)}</td>"
        f'<td class="n">{one.size}</td><td><code>{escaped(one.sha256)}</code></td></tr>'
        for one in files
    ]
    head = "<tr><th>output</th><th>file</th><th>bytes</th><th>sha256</th></tr>"
    return "<table>\n" + "\n".join([head, *lines]) + "\n</table>"


def facts_of(rows: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return rows for the table, without those that have no value."""
    return tuple((name, str(value)) for name, value in rows.items() if value not in (None, ""))
