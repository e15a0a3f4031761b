"""All terminal text. Results go to stdout, progress and errors to stderr.

Whatever is shown is escaped here and nowhere else: text from a record, a job, a file name or
another program can neither move the cursor, colour a line, nor begin one.
"""

import contextlib
import os
import re
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hakobune.errors import HakobuneError
from hakobune.model.forms import escaped, without_effects

if TYPE_CHECKING:  # the console is loaded for every command, and must be quick
    from hakobune.model.finding import Finding
    from hakobune.model.link import Link

_DIGEST_SHOWN = 19  # `sha256:` and twelve digits, as docker shows them
_BREAK = "\n"
# Where the installed package has our documentation.
_PAGES = Path(__file__).parent / "data" / "documentation"


class Console:
    """The Reporter of the command line: one line for each finished stage.

    Where `is_verbose` is set, the other programs' own text is shown in place of the line that says
    what is being done now.
    """

    def __init__(self) -> None:
        self.is_verbose = False
        self._started = time.monotonic()
        self._working = ""

    def say(self, text: str) -> None:
        """Show a line on stderr; ours may be several, with line breaks between them."""
        self.working("")
        _err(escaped(text, keep=_BREAK))

    def done(
        self, stage: str, outcome: str, *, digest: str = "", seconds: float | None = None
    ) -> None:
        """Show a finished stage: name, outcome, seconds since the last one, digest."""
        self.working("")
        if seconds is None:
            now = time.monotonic()
            seconds, self._started = now - self._started, now
        short = (digest if digest.startswith("sha256:") else f"sha256:{digest}")[:_DIGEST_SHOWN]
        ending = f"  {escaped(short)}" if digest else ""
        _err(f"{_bold(f'{escaped(stage):<7}')} {escaped(outcome)}  {seconds:.1f} s{ending}")

    def working(self, text: str) -> None:
        """Show what is being done on the terminal's last line, which the next line replaces."""
        if self.is_verbose or not _is_terminal():
            return
        # Written over what stands there, and cut off before the edge: it neither flickers nor
        # begins a second line.
        shown = _fitting(escaped(text), _columns() - 1)
        if shown != self._working:
            self._working = shown
            sys.stderr.write(f"\r{shown}\x1b[K")
            sys.stderr.flush()

    def heard(self, content: bytes) -> None:
        """Show what another program printed, if all of it was asked for."""
        if self.is_verbose:
            show_bytes_aside(content)


def show_error(error: HakobuneError) -> None:
    """Show what failed and what to do."""
    _err(f"{_red(f'error[{error.name()}]')}: {escaped(str(error), keep=_BREAK)}")
    for number, line in enumerate(_with_places(error.remedy).split(_BREAK)):
        _err(f"{_bold('  fix')}: {escaped(line)}" if number == 0 else f"       {escaped(line)}")


def _with_places(text: str) -> str:
    """Return a text with the place of each of our pages: no other project has a `docs/reference`.

    In a checkout of hakobune they are where the text says.
    """
    if not _PAGES.is_dir():
        return text
    return re.sub(r"\bdocs/[a-z-]+/[a-z-]+\.md", lambda page: str(_PAGES / page[0]), text)


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


@contextlib.contextmanager
def all_aside() -> Iterator[None]:
    """Send to stderr what is meant for stdout, also that of programs which are started inside."""
    kept = None
    with contextlib.suppress(OSError):  # a stream that is none of the system's
        if sys.stdout.fileno() == 1:
            sys.stdout.flush()
            kept = os.dup(1)
            os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def show_bytes(content: bytes) -> None:
    """Print what another program wrote on stdout: as it came, or escaped on a terminal."""
    _pass_on(sys.stdout, content)


def show_bytes_aside(content: bytes) -> None:
    """Print what another program wrote on stderr: as it came, or escaped on a terminal."""
    _pass_on(sys.stderr, content)


def _pass_on(stream: TextIO, content: bytes) -> None:
    stream.flush()
    stream.buffer.write(without_effects(content) if stream.isatty() else content)
    stream.buffer.flush()


def _err(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m" if _has_colour() else text


def _red(text: str) -> str:
    return f"\x1b[1;31m{text}\x1b[0m" if _has_colour() else text


def _has_colour() -> bool:
    return _is_terminal() and not os.environ.get("NO_COLOR")


def _is_terminal() -> bool:
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _columns() -> int:
    """Return the terminal's width in cells; 80 where it does not say."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


def _fitting(text: str, cells: int) -> str:
    """Return the start of a text that takes at most so many cells of a terminal."""
    for number, letter in enumerate(text):
        # Characters of East Asian scripts take two: https://www.unicode.org/reports/tr11/
        cells -= 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        if cells < 0:
            return text[:number]
    return text


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


def may_ask_network() -> bool:
    """Tell whether a command may use the network for what it only prints: not if it is offline.

    HAKOBUNE_OFFLINE is 1; the scripts of docker/base read it, too, and refuse odd values.
    """
    return os.environ.get("HAKOBUNE_OFFLINE", "") not in {"1", "true", "yes"}
