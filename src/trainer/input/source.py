"""A file or a pipe to blocks of whole lines, in constant memory. Knows nothing of columns."""

import codecs
import hashlib
import io
import os
import stat
import sys
import zlib
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
    RowsInvalidError,
)
from trainer.input.options import STANDARD
from trainer.printable import printable
from trainer.regular_file import NotRegularError, open_regular

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 1 << 20
# Text of numbers packs to a fifth or a twentieth; what packs to less than this is a bomb.
_LARGEST_RATIO = 200
_UNSUSPECTED_BYTES = 1 << 26
# UTF-16 without its mark has a NUL in two bytes; a name that has one is still text.
_FEWEST_PER_NUL = 10
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
_PACKED = {b"PK\x03\x04": "zip, as XLSX is", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}
_PACKED |= {b"\x28\xb5\x2f\xfd": "zstd"}
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TEXT_REMEDY = "save the data as CSV in UTF-8 (in a spreadsheet program: 'CSV UTF-8')"


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return the next bytes; none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Whole lines as bytes, the number of the first one, and whether the file ends here."""

    content: bytes
    first_line: int
    is_last: bool

    @property
    def ends_in_line_end(self) -> bool:
        """Return whether the last line is whole."""
        return self.content.endswith((b"\n", b"\r"))


@dataclass(slots=True, kw_only=True)
class Source:
    """An open file: its name for messages, its size where it has one, what was read of it.

    `descriptor` is None for a pipe. UTF-16 becomes UTF-8 here: every block is ASCII, and more.
    """

    name: str
    stream: Stream
    size: int | None = None
    descriptor: int | None = None
    encoding: str | None = None
    allows_nul: bool = False
    block_bytes: int = BLOCK_BYTES
    digest: Any = field(default_factory=hashlib.sha256)
    bytes_read: int = 0
    lines_read: int = 0
    _started: bytes = b""

    def start(self) -> bytes:
        """Return the first bytes, which show the kind of file; they are read again."""
        if not self._started:
            self._started = self._next_bytes()
        return self._started

    def finish(self) -> None:
        """Read what nobody asked for: it belongs to the checksum."""
        while self._next_bytes():
            pass

    def blocks(self) -> Iterator[Block]:
        """Yield all lines. Raises where the file is empty, no text or has an endless line."""
        held, rest = b"", b""
        for content in self._text():
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
                f"{self.name}: the file is empty", remedy="give a table with rows of data"
            )
        yield self._block(held + rest, is_last=True)

    def _text(self) -> Iterator[bytes]:
        pieces = self._unpacked()
        first = next(pieces, b"")
        if first.startswith(_UTF16) or self.encoding == "utf-16":
            yield from self._from_utf16(first, pieces)
            return
        for magic, kind in {**_PACKED, PARQUET: "parquet in a pipe"}.items():
            if first.startswith(magic):
                raise InputNotTextError(
                    f"{self.name}: the file is not text, but packed ({kind})", remedy=_TEXT_REMEDY
                )
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from pieces

    def _from_utf16(self, first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder("utf-16")()
        try:
            yield decoder.decode(first).encode()
            for piece in pieces:
                yield decoder.decode(piece).encode()
            decoder.decode(b"", final=True)
        except UnicodeError as exc:
            raise InputNotTextError(
                f"{self.name}: the file is not whole UTF-16: {exc.args[-1]}", remedy=_TEXT_REMEDY
            ) from exc

    def _unpacked(self) -> Iterator[bytes]:
        """Yield the file's bytes, those of a gzip file unpacked, however many members it has."""
        unpacking = zlib.decompressobj(wbits=31) if self.start().startswith(GZIP) else None
        made = 0
        while content := self._next_bytes():
            if unpacking is None:
                yield content
                continue
            while content:
                piece = self._unpack(unpacking, content)
                made += len(piece)
                self._refuse_bomb(made)
                yield piece
                content = unpacking.unconsumed_tail
                if unpacking.eof:
                    content = unpacking.unused_data.lstrip(b"\0")
                    if content:
                        unpacking = zlib.decompressobj(wbits=31)
        if unpacking is not None and not unpacking.eof:
            raise InputUnreadableError(
                f"{self.name}: the gzip file is cut off", remedy="copy the file again"
            )

    def _unpack(self, unpacking: Any, content: bytes) -> bytes:  # noqa: ANN401 - zlib names no type
        try:
            return bytes(unpacking.decompress(content, self.block_bytes))
        except zlib.error as exc:
            raise InputUnreadableError(
                f"{self.name}: the gzip file is damaged: {exc}", remedy="copy the file again"
            ) from exc

    def _refuse_bomb(self, made: int) -> None:
        if made > _UNSUSPECTED_BYTES + _LARGEST_RATIO * self.bytes_read:
            raise InputUnreadableError(
                f"{self.name}: the gzip file unpacks to more than {_LARGEST_RATIO} times its size",
                remedy="if it is meant so, unpack it first: gzip -d",
            )

    def _next_bytes(self) -> bytes:
        content, self._started = self._started, b""
        if content:
            return content
        try:
            content = self.stream.read(self.block_bytes)
        except (OSError, ValueError) as exc:
            raise InputUnreadableError(
                f"{self.name} cannot be read further: {exc}", remedy="copy the file again"
            ) from exc
        self.digest.update(content)
        self.bytes_read += len(content)
        return content

    def _block(self, content: bytes, *, is_last: bool) -> Block:
        self._refuse_binary(content)
        if b"\r" in content:
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first = self.lines_read + 1
        is_open = bool(content) and not content.endswith(b"\n")
        self.lines_read += content.count(b"\n") + is_open
        return Block(content=content, first_line=first, is_last=is_last)

    def _refuse_binary(self, content: bytes) -> None:
        place = content.find(b"\0")
        is_text = self.allows_nul and content.count(b"\0") * _FEWEST_PER_NUL < len(content)
        if place >= 0 and not is_text:
            line = self.lines_read + content.count(b"\n", 0, place) + 1
            raise InputNotTextError(
                f"{self.name}:{line}: the file is binary, not text", remedy=_TEXT_REMEDY
            )

    def _refuse_long_line(self, held: bytes, rest: bytes) -> None:
        if len(rest) > LONGEST_LINE:
            self._refuse_binary(held + rest)
            line = self.lines_read + held.count(b"\n") + 1
            raise RowsInvalidError(
                f"{self.name}:{line}: line longer than {LONGEST_LINE:,} bytes",
                remedy="end each line with a line feed (from old Macs: tr '\\r' '\\n')",
            )


@contextmanager
def open_source(
    path: str, *, encoding: str | None = None, option: str = "--input", pipes: bool = False
) -> Iterator[Source]:
    """Open a file; with `pipes` also standard input (`-`), a pipe or a device.

    `option` is the one that names the file, for messages.
    """
    if pipes and path == STANDARD:
        if sys.stdin is None:
            raise InputMissingError("there is no standard input", remedy="name a file")
        yield Source(name="standard input", stream=sys.stdin.buffer, encoding=encoding)
        return
    name = printable(path)
    with _opened(path, name, option, pipes=pipes) as stream:
        status = os.fstat(stream.fileno())
        size = status.st_size if stat.S_ISREG(status.st_mode) else None
        file = None if size is None else stream.fileno()
        yield Source(name=name, stream=stream, size=size, descriptor=file, encoding=encoding)


def source_of(content: bytes, name: str) -> Source:
    """Return the source of bytes that are in memory."""
    return Source(name=name, stream=io.BytesIO(content), size=len(content))


def _opened(path: str, name: str, option: str, *, pipes: bool) -> io.BufferedReader:
    """Return the open file; what can be wrong with a path is an error of its own."""
    remedy = f"give the path of a table with {option}"
    try:
        return Path(path).open("rb") if pipes else open_regular(Path(path))
    except FileNotFoundError as exc:
        raise InputMissingError(f"there is no file {name}", remedy=remedy) from exc
    except (NotRegularError, IsADirectoryError) as exc:
        kind = exc.kind if isinstance(exc, NotRegularError) else "a folder"
        raise InputUnreadableError(f"{name} is {kind}, not a table", remedy=remedy) from exc
    except PermissionError as exc:
        uid = os.getuid()
        raise InputUnreadableError(
            f"{name} may not be read by this user (uid {uid})", remedy=f"chmod a+r {name}"
        ) from exc
    except (OSError, ValueError) as exc:
        raise InputUnreadableError(f"{name} cannot be read: {exc}", remedy=remedy) from exc
