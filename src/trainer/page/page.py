"""report.html, whole: no clock, no network, no script; the same bytes for the same value."""

import base64
import hashlib
from collections.abc import Sequence

from trainer.page.content import Content
from trainer.page.sections import head, parts
from trainer.page.stylesheet import STYLE
from trainer.page.wording import escaped


def write_page(content: Content) -> bytes:
    """Return report.html of one series."""
    title = f"{content.head.model_name}: {content.head.series_name}"
    return document(title, head(content.head), parts(content))


def document(title: str, top: str, sections: Sequence[tuple[str, str]]) -> bytes:
    """Return a whole page: its top, and the titles of its parts with their HTML."""
    links = "".join(f'<li><a href="#{_anchor(title)}">{title}</a></li>' for title, _ in sections)
    bodies = "".join(
        f'<section id="{_anchor(title)}"><h2>{title}</h2><div class="body">{body}</div></section>\n'
        for title, body in sections
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy()}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escaped(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'{top}\n<nav aria-label="Parts"><ul>{links}</ul></nav>\n'
        f"<main>\n{bodies}</main>\n</body>\n</html>\n"
    ).encode()


def _policy() -> str:
    """Allow this very style sheet, by its digest, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")
