"""Reading and writing files of the project. A write happens whole or not at all."""

import contextlib
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from hakobune.errors import DiskFullError, FileNotWritableError


def read_bytes(path: Path) -> bytes | None:
    """Return the file's bytes, or None where there is no such file."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        raise FileNotWritableError(
            f"{path}: {exc.strerror}", remedy="make the file readable, or name another"
        ) from exc


def write_bytes(path: Path, content: bytes) -> bool:
    """Replace the file by this content in one step; return False where it held it already."""
    if read_bytes(path) == content:
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
    left_out: tuple[str, ...] = (),
    names: Iterable[str] | None = None,
) -> dict[str, bytes] | None:
    """Return contents by relative path of the files below a folder, or None where it is missing.

    They are the files of these names that are there or, without `names`, all files. Files and
    folders called by an ignored name are left out, and so are the paths `left_out`. A symbolic link
    is refused, because the image would hold the link and not what it points at.
    """
    if not folder.is_dir():
        return None
    files = {}
    for path in folder.rglob("*") if names is None else (folder / name for name in names):
        relative = path.relative_to(folder)
        if set(relative.parts) & set(ignored) or relative.as_posix() in left_out:
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
    except OSError as exc:
        raise FileNotWritableError(
            f"{path} cannot be created: {exc.strerror}", remedy="check who owns the parent folder"
        ) from exc


def has_content(path: Path) -> bool:
    """Tell whether there is a file here with at least one byte."""
    return path.is_file() and path.stat().st_size > 0


def sha256_of(path: Path) -> str:
    """Return the sha256 of the file's bytes, as hex."""
    import hashlib  # noqa: PLC0415 - few commands need it

    try:
        with path.open("rb") as file:
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

    if path.is_dir():
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
    with path.open("w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
