"""Opens regular files and nothing else: what a path names may be a pipe, a device or a link.

Opening a pipe without a writer hangs, a device has no end, and a link in somebody else's folder
leads to a file that is not theirs.
"""

import io
import os
import stat
from pathlib import Path, PurePosixPath

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


class NotRegularError(OSError):
    """The path names a folder, a link, a pipe, a device or a socket; `kind` says it in words."""

    def __init__(self, mode: int) -> None:
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link"}
        self.kind = kinds.get(stat.S_IFMT(mode), "not a regular file")
        super().__init__(self.kind)


class TooLargeError(OSError):
    """The file has more bytes than are read."""


def read_regular(path: Path, largest: int) -> bytes:
    """Return the content of a file that a person named, which may be a link to it.

    Raises NotRegularError, TooLargeError beyond `largest` bytes, and the errors of `os.open`.
    """
    _refuse_other(os.stat(path).st_mode)  # noqa: PTH116 - also opening a device may change it
    return _read(os.open(path, _FLAGS), largest)


def open_regular(path: Path) -> io.BufferedReader:
    """Open a file that a person named, which may be a link to it, to be read from its start.

    Raises NotRegularError, and the errors of `os.open`.
    """
    _refuse_other(os.stat(path).st_mode)  # noqa: PTH116 - also opening a device may change it
    return _opened(os.open(path, _FLAGS))


def read_beneath(folder: Path, name: str, largest: int) -> bytes:
    """Return the content of a file of a folder; neither it nor a folder above it may be a link.

    `folder` itself may be one. Raises what `read_regular` raises, and ValueError for a name that
    leads out of the folder.
    """
    return _read(_beneath(folder, name), largest)


def open_beneath(folder: Path, name: str) -> io.BufferedReader:
    """Open such a file to be read from its start. Raises what `read_beneath` raises."""
    return _opened(_beneath(folder, name))


def _beneath(folder: Path, name: str) -> int:
    *above, last = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in (*above, last):
        raise ValueError(f"{name!r} is not a path inside the folder")
    place = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        for part in above:
            _refuse_link(part, place)
            inner = os.open(
                part, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place
            )
            os.close(place)
            place = inner
        _refuse_other(os.stat(last, dir_fd=place, follow_symlinks=False).st_mode)
        return os.open(last, _FLAGS | os.O_NOFOLLOW, dir_fd=place)
    finally:
        os.close(place)


def _opened(file: int) -> io.BufferedReader:
    stream = os.fdopen(file, "rb")
    try:
        _refuse_other(os.fstat(file).st_mode)  # what was looked at may be another file by now
    except BaseException:
        stream.close()
        raise
    return stream


def _read(file: int, largest: int) -> bytes:
    with _opened(file) as stream:
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise TooLargeError(f"more than {largest:,} bytes")
    return content


def _refuse_link(name: str, folder: int) -> None:
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        raise NotRegularError(mode)


def _refuse_other(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise NotRegularError(mode)
