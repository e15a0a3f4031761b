"""Where the verdict's JSON goes. A file there says no until a whole verdict takes its place."""

import json
import stat
from pathlib import Path
from typing import Literal

from trainer.compare.data import spoken_of
from trainer.compare.options import STANDARD
from trainer.errors import OutputNotWritableError
from trainer.prepare.publish import Target
from trainer.regular_file import read_regular

_LARGEST_VERDICT = 1 << 24


class Answer:
    """A path, `-` for standard output, or None for no answer."""

    def __init__(self, path: str | None) -> None:
        self._path = path

    @property
    def is_standard(self) -> bool:
        """Return whether it goes to standard output, and leaves no room for a table."""
        return self._path == STANDARD

    def begin(self, content: bytes) -> None:
        """Let a file say no, so that none of an earlier verdict is read after a failure.

        Refuses to write over a file that is no verdict: data, or a part of a run.
        """
        if self._path is None or self.is_standard:
            return
        kind = _kind(Path(self._path))
        if kind == "other":
            raise OutputNotWritableError(
                f"{self._path} already exists and is not a verdict of compare",
                remedy="name another file with --json, or remove that one",
            )
        if kind != "stream":
            self.give(content)

    def give(self, content: bytes) -> None:
        """Write all of it, or nothing."""
        if self._path is None:
            return
        with spoken_of("--json", instead_of="--output"), Target(self._path) as target:
            target.write(content)
            target.move()


def _kind(place: Path) -> Literal["free", "verdict", "stream", "other"]:
    """Return what is at the path; a stream is a device or a pipe, and what went there stays."""
    try:
        mode = place.stat().st_mode
    except (OSError, ValueError):
        return "free"  # or a bad path, which writing tells
    if stat.S_ISDIR(mode):
        return "free"
    if not stat.S_ISREG(mode):
        return "stream"
    try:
        content = read_regular(place, _LARGEST_VERDICT)
        found = json.loads(content) if content else {"promote": None}
    except (OSError, ValueError, RecursionError):
        return "other"
    return "verdict" if isinstance(found, dict) and "promote" in found else "other"
