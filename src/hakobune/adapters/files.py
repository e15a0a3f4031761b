"""Reading and writing files of the project. A write happens whole or not at all."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from io import BufferedReader
from pathlib import Path

from hakobune.errors import DiskFullError, FileIrregularError, FileNotWritableError
from hakobune.interruption import raise_if_interrupted, uninterrupted
from hakobune.model.forms import escaped

# What hakobune keeps for itself in a project.
OWN = ".hakobune"
# How much of a document is read, by its kind, in bytes.
LARGEST_DOCUMENT = 4 << 20
LARGEST_SIGNATURE = 16 << 20
# Only what is not on a disk, such as /proc/kcore, claims to be larger.
_LARGEST = 1 << 46
# A pipe without a writer is opened at once, and no terminal becomes ours.
_READING = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_READABLE = "make the file readable, or name another"
_REGULAR = "remove it: a run consists of plain files"


def read_bytes(path: Path, *, largest: int | None = None) -> bytes | None:
    """Return the file's bytes, or None where there is no such file.

    Follows links: for files that the user wrote or named. Raises FileNotWritableError for what is
    not a plain file, or is longer than `largest` bytes.
    """
    try:
        with _opened(path) as file:
            content = file.read(-1 if largest is None else largest + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise FileNotWritableError(f"{path}: {exc.strerror}", remedy=_READABLE) from exc
    if largest is not None and len(content) > largest:
        raise FileNotWritableError(
            f"{path} is longer than {largest} bytes", remedy="name the right file"
        )
    return content


def read_inside(folder: Path, name: str, *, largest: int = LARGEST_DOCUMENT) -> bytes | None:
    """Return the bytes of a file below a folder whose author is not trusted; None where missing.

    No link is followed, neither `folder` itself nor any part of `name`. Raises FileIrregularError.
    """
    with _inside(folder, name) as file:
        if file is None:
            return None
        # No more memory is taken than the file has bytes.
        content = file.read(min(os.fstat(file.fileno()).st_size, largest) + 1)
    if len(content) > largest:
        raise FileIrregularError(
            f"{folder / name} is longer than {largest} bytes", remedy="do not use this run"
        )
    return content


def sha256_inside(
    folder: Path, name: str, *, size_bytes: int | None = None
) -> tuple[str, int] | None:
    """Return sha256 and size of a file as `read_inside` opens it; None where it is missing.

    The sha256 of a file of another size than `size_bytes` is empty: a file with holes may claim any
    size, and reading it would take hours.
    """
    import hashlib  # noqa: PLC0415 - few commands need it

    with _inside(folder, name) as file:
        if file is None:
            return None
        size = os.fstat(file.fileno()).st_size
        if size_bytes is not None and size != size_bytes:
            return "", size
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def list_inside(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield each path below a folder that is not a folder, and whether it is a plain file.

    No link is followed; the order is by name.
    """
    waiting = [""]
    while waiting:
        above = waiting.pop()
        with os.scandir(folder / above) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
        for entry in found:
            name = f"{above}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                waiting.append(f"{name}/")
            else:
                yield name, entry.is_file(follow_symlinks=False)


@contextlib.contextmanager
def _inside(folder: Path, name: str) -> Iterator[BufferedReader | None]:
    """Open a plain file below a folder, part by part without links; None where it is missing."""
    shown = escaped(str(folder / name))
    above = -1
    try:
        above = os.open(folder, _READING | os.O_DIRECTORY | os.O_NOFOLLOW)
        *parts, last = name.split("/")
        for part in parts:
            inner = os.open(part, _READING | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
            os.close(above)
            above = inner
        # Looked at first: opening a device may have effects.
        if not stat.S_ISREG(os.stat(last, dir_fd=above, follow_symlinks=False).st_mode):
            raise FileIrregularError(f"{shown} is not a plain file", remedy=_REGULAR)
        number = os.open(last, _READING | os.O_NOFOLLOW, dir_fd=above)
        file: BufferedReader | None = open(number, "rb")  # noqa: SIM115, PTH123 - closed below
    except FileNotFoundError:
        file = None
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.ENOTDIR):
            raise FileIrregularError(
                f"{shown} is a link, or a part of its path is one", remedy=_REGULAR
            ) from exc
        raise FileNotWritableError(f"{shown}: {exc.strerror}", remedy=_READABLE) from exc
    finally:
        if above >= 0:
            os.close(above)
    try:
        if file is not None and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileIrregularError(f"{shown} is not a plain file", remedy=_REGULAR)
        yield file
    except OSError as exc:
        raise FileNotWritableError(f"{shown}: {exc.strerror}", remedy=_READABLE) from exc
    finally:
        if file is not None:
            file.close()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BufferedReader]:
    """Open a plain file for reading, links followed. Raises OSError for anything else."""
    # Looked at first: opening a device may have effects.
    if not stat.S_ISREG(path.stat().st_mode):
        is_folder = path.is_dir()
        raise OSError(errno.EINVAL, os.strerror(errno.EISDIR) if is_folder else "not a plain file")
    with open(os.open(path, _READING), "rb") as file:  # noqa: PTH123 - with these flags
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise OSError(errno.EINVAL, "not a plain file")
        yield file


@uninterrupted
def write_bytes(path: Path, content: bytes) -> bool:
    """Replace the file by this content in one step; return False where it held it already."""
    raise_if_interrupted()
    # Of another size it is another content, and it may be too large to read.
    if path.is_file() and path.stat().st_size == len(content) and read_bytes(path) == content:
        return False
    # Imported here, because it is slow to import and many commands write nothing.
    import tempfile  # noqa: PLC0415

    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
        temporary.chmod(0o644 & ~_umask())
        temporary.replace(path)
    except OSError as exc:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFullError(
                f"{path}: {exc.strerror}", remedy="free some space and run the command again"
            ) from exc
        raise FileNotWritableError(
            f"{path} cannot be written: {exc.strerror}",
            remedy="check who owns the folder and whether it is read-only",
        ) from exc
    except BaseException:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise
    return True


def write_durably(path: Path, content: bytes) -> None:
    """Replace the file in one step, and return when the disk has it: a power cut keeps it."""
    write_bytes(path, content)
    for part in (path, path.parent):
        descriptor = os.open(part, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _umask() -> int:
    value = os.umask(0)
    os.umask(value)
    return value


def read_tree(
    folder: Path,
    ignored: tuple[str, ...],
    is_left_out: Callable[[str], bool],
    names: Iterable[str] | None = None,
) -> dict[str, bytes] | None:
    """Return contents by relative path of the files below a folder, or None where it is missing.

    They are the files of these names that are there or, without `names`, all files but those of a
    virtual environment. Files and folders called by an ignored name are left out, and so is what
    `is_left_out` says of a relative path. A symbolic link is refused, because the image would hold
    the link and not what it points at.
    """
    if not folder.is_dir():
        return None
    files = {}

    def is_hidden(relative: Path) -> bool:
        return bool(set(relative.parts) & set(ignored)) or is_left_out(relative.as_posix())

    below = _walked(folder, is_hidden) if names is None else map(Path, names)
    for relative in below:
        path = folder / relative
        if is_hidden(relative):
            continue
        if path.is_symlink() or "\n" in str(relative) or "\\" in str(relative):
            raise FileNotWritableError(
                f"{path}: a symbolic link or a name with odd characters",
                remedy="replace it by a plain file: the image gets the package's files as they are",
            )
        if names is not None and path.is_dir():
            raise FileNotWritableError(
                f"{path} is a git repository inside this one, whose files are not listed",
                remedy="copy its files here without its .git, or move it out of this folder",
            )
        if path.is_file():
            files[relative.as_posix()] = read_bytes(path) or b""
    return files


def _walked(folder: Path, is_hidden: Callable[[Path], bool]) -> Iterator[Path]:
    """Yield all below a folder, relative to it; what is hidden is not looked into."""
    waiting = [folder]
    while waiting:
        for path in sorted(waiting.pop().iterdir()):
            relative = path.relative_to(folder)
            if is_hidden(relative) or (path / "pyvenv.cfg").is_file():
                continue
            yield relative
            if path.is_dir() and not path.is_symlink():
                waiting.append(path)


def read_data(name: str) -> str:
    """Return the text of a data file that ships with hakobune."""
    # Not importlib.resources, which takes 10 ms to import: hakobune is never run from an archive.
    return (Path(__file__).parents[1] / "data" / name).read_text(encoding="utf-8")


def shipped_folder(name: str) -> Path:
    """Return where `docker/<name>` lies: in this checkout, or inside the installed package."""
    package = Path(__file__).resolve().parents[1]
    checkout = package.parents[1] / "docker" / name
    return checkout if checkout.exists() else package / "data" / name


def make_folder(path: Path) -> None:
    """Create a folder where it is missing."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:
        raise FileNotWritableError(
            f"{path} is there and is not a folder", remedy="move it away, and run the command again"
        ) from exc
    except OSError as exc:
        raise FileNotWritableError(
            f"{path} cannot be created: {exc.strerror}", remedy="check who owns the parent folder"
        ) from exc


def has_content(path: Path) -> bool:
    """Tell whether there is a plain file here with at least one byte; a link is none."""
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size > 0


def sha256_of(path: Path) -> str:
    """Return the sha256 of the file's bytes, as hex; links are followed."""
    import hashlib  # noqa: PLC0415 - few commands need it

    try:
        with _opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise FileNotWritableError(
            f"{path} cannot be read: {exc.strerror}",
            remedy="make the file readable, or name another",
        ) from exc


def require_space(folder: Path, size_bytes: int) -> None:
    """Raise DiskFullError unless the folder's disk has room for this many bytes."""
    import shutil  # noqa: PLC0415 - few commands need it

    free = shutil.disk_usage(folder).free
    if free < size_bytes:
        raise DiskFullError(
            f"{folder}: {size_bytes / 1e6:.1f} MB are needed, and {free / 1e6:.1f} MB are free",
            remedy="free some space and run the command again",
        )


def move_folder(source: Path, target: Path) -> None:
    """Give a folder its final name in one step."""
    try:
        source.rename(target)
    except OSError as exc:
        raise FileNotWritableError(
            f"{target} cannot be written: {exc.strerror}",
            remedy="check whether something else has this name, and who owns the parent folder",
        ) from exc


def remove(path: Path) -> None:
    """Remove a file or folder that is ours; nothing where it is gone already."""
    import shutil  # noqa: PLC0415 - few commands need it

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def only_one(path: Path) -> Iterator[bool]:
    """Hold a lock while inside; the value tells whether it was free.

    The system gives it back whatever ends us, so none is ever left over.
    """
    import fcntl  # noqa: PLC0415 - few commands need it

    make_folder(path.parent)
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield False
        return
    else:
        yield True
    finally:
        os.close(lock)


def _open_lock(path: Path) -> int:
    """Open the lock as it lies there: no link is followed, nothing emptied, no FIFO waited for."""
    how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        lock = os.open(path, how, 0o600)
    except OSError as exc:
        raise _not_ours(path) from exc
    if not stat.S_ISREG(os.fstat(lock).st_mode):
        os.close(lock)
        raise _not_ours(path)
    return lock


def own_folder(root: Path) -> Path:
    """Return `.hakobune` of a project, where locks, receipts and notes lie; git ignores it.

    Raises FileNotWritableError where it, or a folder in it, is a link or no folder: what is written
    there would land elsewhere.
    """
    folder = root / OWN
    make_folder(folder)
    with os.scandir(folder) as entries:
        links = [Path(entry.path) for entry in entries if entry.is_symlink()]
    if folder.is_symlink() or links:
        raise _not_ours(folder if folder.is_symlink() else links[0])
    if not (folder / ".gitignore").exists():
        write_bytes(folder / ".gitignore", b"*\n")
    return folder


def _not_ours(path: Path) -> FileNotWritableError:
    return FileNotWritableError(
        f"{path} is a link, or cannot be opened: hakobune writes its own files in {OWN} only",
        remedy=f"remove it: rm {path}",
    )
