"""All terminal text. Results go to stdout, progress and errors to stderr.

Whatever is shown is escaped here and nowhere else: text from a record, a job, a file name or
another program can neither move the cursor, colour a line, nor begin one.
"""

import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from hakobune.errors import HakobuneError
from hakobune.model.forms import escaped

if TYPE_CHECKING:  # the console is loaded for every command, and must be quick
    from hakobune.model.finding import Finding
    from hakobune.model.link import Link

_DIGEST_SHOWN = 19  # `sha256:` and twelve digits, as docker shows them
_BREAK = "\n"
# What a program's log may do to a terminal: end lines, begin them anew, and colour text.
_LOG_SIGNS = "\n\r\t"
_COLOUR = re.compile(r"(\x1b\[[0-9;]{0,20}m)")


class Console:
    """The Reporter of the command line: one line for each finished stage."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """Show a line on stderr; ours may be several, with line breaks between them."""
        _err(escaped(text, keep=_BREAK))

    def done(self, stage: str, outcome: str, *, digest: str = "") -> None:
        """Show a finished stage: name, outcome, seconds since the last one, digest."""
        now = time.monotonic()
        seconds, self._started = now - self._started, now
        short = (digest if digest.startswith("sha256:") else f"sha256:{digest}")[:_DIGEST_SHOWN]
        ending = f"  {escaped(short)}" if digest else ""
        _err(f"{_bold(f'{escaped(stage):<7}')} {escaped(outcome)}  {seconds:.1f} s{ending}")


def show_error(error: HakobuneError) -> None:
    """Show what failed and what to do."""
    _err(f"{_red(f'error[{error.name()}]')}: {escaped(str(error), keep=_BREAK)}")
    for number, line in enumerate(error.remedy.split(_BREAK)):
        _err(f"{_bold('  fix')}: {escaped(line)}" if number == 0 else f"       {escaped(line)}")


def show_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in aligned columns on stdout."""
    rows = [[escaped(cell) for cell in row] for row in rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def show_link(link: "Link") -> None:
    """Print a link of a chain that holds, or that cannot be seen from here."""
    mark = "ok" if link.is_seen else "--"
    digest = link.digest if link.digest.startswith("sha256:") else f"sha256:{link.digest}"
    shown = digest[:_DIGEST_SHOWN] if link.digest else ""
    shown = escaped(shown)
    sys.stdout.write(f"{mark}  {link.name:<7} {shown:<{_DIGEST_SHOWN}}  {escaped(link.what)}\n")


def show(text: str) -> None:
    """Print a line of result on stdout; ours may be several, with line breaks between them."""
    sys.stdout.write(escaped(text, keep=_BREAK) + "\n")


def show_json(found: Mapping[str, object]) -> None:
    """Print one JSON object on stdout."""
    import json  # noqa: PLC0415 - for few commands, and the console is loaded for all

    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def show_bytes(content: bytes) -> None:
    """Print what another program wrote on stdout: as it came, or escaped on a terminal."""
    _pass_on(sys.stdout, content)


def show_bytes_aside(content: bytes) -> None:
    """Print what another program wrote on stderr: as it came, or escaped on a terminal."""
    _pass_on(sys.stderr, content)


def _pass_on(stream: TextIO, content: bytes) -> None:
    stream.flush()
    stream.buffer.write(_without_effects(content) if stream.isatty() else content)
    stream.buffer.flush()


def _without_effects(content: bytes) -> bytes:
    """Return a log as a terminal may show it: text, line breaks, colours; else escaped."""
    # A character that two pieces of a log share is shown as its bytes: seldom, and harmless.
    parts = _COLOUR.split(content.decode(errors="backslashreplace"))
    shown = (
        part if number % 2 else escaped(part, keep=_LOG_SIGNS) for number, part in enumerate(parts)
    )
    return "".join(shown).encode()


def _err(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if _has_colour() else text


def _red(text: str) -> str:
    return f"\x1b[1;31m{text}\x1b[0m" if _has_colour() else text


def _has_colour() -> bool:
    return (
        sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def show_findings(findings: "Sequence[Finding]") -> None:
    """Print a line for each finding on stdout, and below it what to do."""
    marks = {"ok": "ok  ", "weak": "weak", "no": "no  "}
    for finding in findings:
        mark = marks[finding.state]
        if finding.state != "ok":
            mark = _red(mark)
        first, *rest = finding.what.splitlines()
        sys.stdout.write(f"{mark}  {finding.step:<7}  {escaped(first)}\n")
        lines = [*rest, *(f"-> {line}" for line in finding.remedy.splitlines())]
        for line in lines:
            show(f"{'':15}{line.strip()}")
