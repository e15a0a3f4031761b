"""A file or a pipe to blocks of whole lines, in constant memory. Knows nothing of columns."""

import hashlib
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from trainer.errors import (
    InputEmptyError,
    InputMissingError,
    InputNotTextError,
    InputUnreadableError,
    RawFileInvalidError,
)
from trainer.prepare.options import STANDARD

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 20
_PACKED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_PACKED |= {b"\x28\xb5\x2f\xfd": "zstd"}
_TEXT_REMEDY = "give the lines as UTF-8 text; from another encoding: iconv -f CP1252 -t UTF-8"


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines without their ends, the number of the first one, and whether the file ends here."""

    first_line: int
    lines: list[str]
    is_last: bool
    ends_in_line_end: bool


@dataclass(slots=True, kw_only=True)
class Source:
    """An open raw file: its name for messages, its size where it has one, what was read of it."""

    name: str
    stream: Stream
    size: int | None
    digest: Any = field(default_factory=hashlib.sha256)
    bytes_read: int = 0
    lines_read: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield all lines. Raises where the file is empty, no text or has no lines."""
        held, rest = b"", b""
        while content := self._next_bytes():
            whole, mark, tail = content.rpartition(b"\n")
            if mark:
                if held:
                    yield self._block(held, is_last=False)
                held, rest = rest + whole + mark, tail
            else:
                rest += tail
            self._refuse_long_line(held, rest)
        if not held + rest:
            raise InputEmptyError(
                f"{self.name}: the file is empty",
                remedy="give a text file with one transaction per line",
            )
        yield self._block(held + rest, is_last=True)

    def _next_bytes(self) -> bytes:
        try:
            content = self.stream.read(BLOCK_BYTES)
        except (OSError, ValueError) as exc:
            raise InputUnreadableError(
                f"{self.name} cannot be read further: {exc}", remedy="copy the file again"
            ) from exc
        if self.bytes_read == 0:
            _refuse_foreign(content, self.name)
        self.digest.update(content)
        self.bytes_read += len(content)
        return content

    def _block(self, content: bytes, *, is_last: bool) -> Block:
        ends = content.endswith((b"\n", b"\r"))
        text = self._decoded(content, is_last=is_last)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = (text if self.lines_read else text.removeprefix("\ufeff")).split("\n")
        if ends:
            lines.pop()
        first = self.lines_read + 1
        self.lines_read += len(lines)
        return Block(first_line=first, lines=lines, is_last=is_last, ends_in_line_end=ends)

    def _decoded(self, content: bytes, *, is_last: bool) -> str:
        if (place := content.find(b"\0")) >= 0:
            line = self.lines_read + content.count(b"\n", 0, place) + 1
            raise InputNotTextError(
                f"{self.name}:{line}: the file is binary, not text", remedy=_TEXT_REMEDY
            )
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError as exc:
            if is_last and exc.reason == "unexpected end of data":
                # A file that was cut off may end inside a letter.
                return content[: exc.start].decode("utf-8")
            line = self.lines_read + content.count(b"\n", 0, exc.start) + 1
            raise InputNotTextError(
                f"{self.name}:{line}: byte 0x{content[exc.start]:02x} is not UTF-8",
                remedy=_TEXT_REMEDY,
            ) from exc

    def _refuse_long_line(self, held: bytes, rest: bytes) -> None:
        if len(rest) > LONGEST_LINE:
            line = self.lines_read + held.count(b"\n") + 1
            self._decoded(rest, is_last=True)
            raise RawFileInvalidError(
                f"{self.name}:{line}: line longer than {LONGEST_LINE:,} bytes",
                remedy="end each line with a line feed (from old Macs: tr '\\r' '\\n')",
            )


@contextmanager
def open_source(path: str) -> Iterator[Source]:
    """Open a file, or standard input for `-`."""
    if path == STANDARD:
        if sys.stdin is None:
            raise InputMissingError("there is no standard input", remedy="name a file")
        yield Source(name="standard input", stream=sys.stdin.buffer, size=None)
        return
    try:
        stream = Path(path).open("rb")  # noqa: SIM115 - closed below; its errors are not the body's
    except FileNotFoundError as exc:
        raise InputMissingError(f"there is no file {path}", remedy="give a raw file") from exc
    except IsADirectoryError as exc:
        raise InputUnreadableError(f"{path} is a folder", remedy="name a file in it") from exc
    except PermissionError as exc:
        raise InputUnreadableError(
            f"{path} may not be read by this user (uid {os.getuid()})", remedy=f"chmod a+r {path}"
        ) from exc
    except (OSError, ValueError) as exc:
        raise InputUnreadableError(
            f"{path} cannot be read: {exc}", remedy="give a raw file"
        ) from exc
    with stream:
        status = os.fstat(stream.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        yield Source(name=path, stream=stream, size=size)


def _refuse_foreign(content: bytes, name: str) -> None:
    """Refuse what shows in its first bytes that it is no UTF-8 text."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputNotTextError(
            f"{name}: the file is UTF-16, not UTF-8", remedy="convert it: iconv -f UTF-16 -t UTF-8"
        )
    for magic, kind in _PACKED.items():
        if content.startswith(magic):
            raise InputNotTextError(
                f"{name}: the file is compressed ({kind})",
                remedy="decompress it, for example: zcat FILE | python -m trainer prepare -",
            )
