"""What a training reads of this machine, as one digest for a file or a folder.

docs/reference/record.md defines the digest of a folder.
"""

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hakobune.adapters.process import printable
from hakobune.errors import FileNotWritableError, InputUnusableError, RecordIncompleteError
from hakobune.model.forms import is_of

# What the system says of one entry: changed by every write, and by putting another in its place.
_Mark = tuple[str, int, int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An input as it was at one moment; `size_bytes` is that of all its files."""

    sha256: str
    size_bytes: int
    is_folder: bool
    marks: tuple[_Mark, ...]


def existing_input(path: Path) -> Path | None:
    """Return where the input really is; None where there is neither a file nor a folder."""
    return path.resolve() if path.name and (path.is_file() or path.is_dir()) else None


def recorded_path(path: Path, *, root: Path) -> str:
    """Return an input's path as records have it: from the project, and a folder's with `/`."""
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    return f"{shown}/" if path.is_dir() else str(shown)


def recorded_input(root: Path, path: str) -> Path | None:
    """Return the file or folder that a record names; None where there is none of that kind."""
    found = root / path
    is_there = found.is_dir() if path.endswith("/") else found.is_file()
    return found if is_there else None


def look_at(path: Path) -> Seen:
    """Read the input whole, and return what it is.

    Raises InputUnusableError for a folder with links, devices or names that cannot be shown, for an
    empty one, and for what changes meanwhile; FileNotWritableError for what cannot be read.
    """
    if not path.is_dir():
        mark, sha256 = _read_file(path, str(path))
        return Seen(sha256=sha256, size_bytes=mark[3], is_folder=False, marks=(mark,))
    listing, marks, size_bytes = hashlib.sha256(), [], 0
    entries = _entries(path)
    if not any(stat.S_ISREG(found.st_mode) for _, found in entries):
        raise InputUnusableError(
            f"{path} has no file in it",
            remedy="name a folder with the files that the program reads",
        )
    for name, found in entries:
        if stat.S_ISREG(found.st_mode):
            mark, sha256 = _read_file(path / name, name)
            listing.update(f"{sha256}  {name}\n".encode())
            size_bytes += mark[3]
        else:
            mark = _mark(name, found)
        marks.append(mark)
    return Seen(
        sha256=listing.hexdigest(), size_bytes=size_bytes, is_folder=True, marks=tuple(marks)
    )


def require_uploaded_whole(path: Path) -> None:
    """Raise InputUnusableError for a folder of which Azure's SDK would leave files out."""
    for name in (".amlignore", ".gitignore"):
        if (path / name).exists():
            raise InputUnusableError(
                f"{path} has a file {name}: Azure ML would not upload what it names, and the job "
                "would read other data than is recorded",
                remedy=f"remove it, or name a folder without a {name}",
            )


def digest_of_input(path: Path) -> str:
    """Return the sha256 of a file, or of a folder's listing. Raises as look_at does."""
    return look_at(path).sha256


def has_digest(path: Path, sha256: str) -> bool:
    """Tell whether the input is the one with this digest; one that has none is not."""
    try:
        return digest_of_input(path) == sha256
    except InputUnusableError:
        return False


def require_unchanged(seen: Mapping[Path, Seen], run: str) -> None:
    """Raise RecordIncompleteError for an input that is not what it was before this run.

    No content is read: every write changes the time of an entry, which no program can set back.
    """
    for path, before in seen.items():
        if not _is_unchanged(path, before):
            raise RecordIncompleteError(
                f"{path} was changed or replaced while the training ran: what {run} read is not "
                "known",
                remedy="train again, and change the data afterwards; the files of this run are "
                "kept, without a complete record",
            )


def _is_unchanged(path: Path, seen: Seen) -> bool:
    try:
        if path.is_dir() != seen.is_folder:
            return False
        if not seen.is_folder:
            return _mark(str(path), path.stat()) == seen.marks[0]
        return tuple(_mark(name, found) for name, found in _entries(path)) == seen.marks
    except (OSError, FileNotWritableError, InputUnusableError):
        return False


def _mark(name: str, found: os.stat_result) -> _Mark:
    size = found.st_size if stat.S_ISREG(found.st_mode) else 0
    return (name, found.st_dev, found.st_ino, size, found.st_mtime_ns, found.st_ctime_ns)


def _read_file(path: Path, name: str) -> tuple[_Mark, str]:
    """Return a file's mark and sha256. The mark is that of the bytes, read through one handle."""
    try:
        # Not blocking: a FIFO that took the file's place would be waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(handle, "rb") as file:
            before = os.fstat(handle)
            if not stat.S_ISREG(before.st_mode):
                raise _unusable(path, "is not a plain file")
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            mark = _mark(name, os.fstat(handle))
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    if mark != _mark(name, before):
        raise _unusable(path, "was changed while it was read")
    return mark, sha256


def _entries(folder: Path) -> list[tuple[str, os.stat_result]]:
    """Return the folder itself and all below it, by path, in the order of the paths' bytes."""
    found, pending = [("", folder.stat())], [""]
    while pending:
        above = pending.pop()
        try:
            with os.scandir(folder / above) as entries:
                below = [(f"{above}{e.name}", e.stat(follow_symlinks=False)) for e in entries]
        except OSError as exc:
            raise _unreadable(folder / above, exc) from exc
        for name, one in below:
            if not is_of("file name", name):
                raise _unusable(folder / name, "has a name that cannot be shown")
            if not (stat.S_ISREG(one.st_mode) or stat.S_ISDIR(one.st_mode)):
                raise _unusable(folder / name, "is a link, a device, a FIFO or a socket")
        pending += [f"{name}/" for name, one in below if stat.S_ISDIR(one.st_mode)]
        found += below
    return sorted(found, key=lambda entry: entry[0].encode())


def _unreadable(path: Path, why: OSError) -> FileNotWritableError:
    return FileNotWritableError(
        f"{printable(str(path))} cannot be read: {why.strerror}",
        remedy="make it readable, or name another",
    )


def _unusable(path: Path, what: str) -> InputUnusableError:
    return InputUnusableError(
        f"{printable(str(path))} {what}",
        remedy="an input is a plain file, or a folder of nothing but folders and plain files",
    )
