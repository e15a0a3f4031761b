"""A job's output in mode `rw_mount`: a file system whose files are blobs. Runs in its own process.

It behaves as Azure ML's own mount does over a blob store (`azureml-dataprep-rslex` 2.26.0, over
azurite): a folder is an empty blob with a mark, renaming a file copies and deletes a blob, renaming
a folder is an input/output error, everything is open to every user. What a program writes is in the
store once it closes or fsyncs the file, as with Azure's blobfuse:
https://github.com/Azure/azure-storage-fuse/wiki/Blobfuse-Limitations-%7C-Differences-from-POSIX

Each node of a job has a mount of its own over the same blobs. A node sees another's file when it
lists the folder or opens a name for the first time; nothing is locked, and the last close wins.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from drydock.blob_store import Blob, BlobStore, BlobStoreError
from drydock.job_spec import BlobPlace

_MODE = 0o777  # whoever the job runs as may write; chmod is accepted and changes nothing
_BLOCK = 4096
_FREE_BLOCKS = 1 << 40  # a blob store does not fill up
FAULTS = ("rename-refused", "copy-failed", "rename-corrupted")


@dataclass(slots=True, eq=False)
class _File:
    """A file: its content on this disk, and whether the blob is older than that.

    What was only listed has no content here yet; `size` and `etag` are then those of its blob.
    """

    content: Path
    changed_ns: int
    is_changed: bool = False
    is_here: bool = True
    size: int = 0
    etag: str = ""


@dataclass(slots=True, eq=False)
class _Folder:
    changed_ns: int
    names: set[str] = field(default_factory=set)


class MountedOutput:
    """The operations of libfuse's high-level interface, called one after another.

    `cache` is an empty folder for the files' content. `take_fault` returns the name of an injected
    fault of FAULTS for the next rename, or None. Failures are OSErrors, whose number the program in
    the job gets.
    """

    use_ns = True  # times are nanoseconds

    def __init__(
        self,
        store: BlobStore,
        place: BlobPlace,
        cache: Path,
        take_fault: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._store = store
        self._container = place.container
        self._top = place.path.rstrip("/")
        self._cache = cache
        self._take_fault = take_fault
        self._nodes: dict[str, _File | _Folder] = {"/": _Folder(time.time_ns())}
        self._open: dict[int, tuple[_File, BinaryIO]] = {}
        self._made = 0
        self._refresh("/")
        self._mark("/")

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        """Return the attributes of a file or folder."""
        node = self._open[fh][0] if fh in self._open else self._node(path)
        is_file = isinstance(node, _File)
        size = 0
        if isinstance(node, _File):
            size = node.content.stat().st_size if node.is_here else node.size
        return {
            "st_mode": (stat.S_IFREG if is_file else stat.S_IFDIR) | _MODE,
            "st_nlink": 1 if is_file else 2,
            "st_size": size,
            "st_blocks": -(-size // 512),
            **dict.fromkeys(("st_atime", "st_mtime", "st_ctime"), node.changed_ns),
        }

    def readdir(self, path: str, _fh: int) -> list[str]:
        """Return the names in a folder, with those that another node added."""
        self._folder(path)
        self._refresh(path)
        return [".", "..", *sorted(self._folder(path).names)]

    def mkdir(self, path: str, _mode: int) -> int:
        """Make a folder, and the empty blob that marks it."""
        self._require_new(path)
        self._mark(path)
        self._put(path, _Folder(time.time_ns()))
        return 0

    def rmdir(self, path: str) -> int:
        """Remove an empty folder, and its mark."""
        self._folder(path)
        self._refresh(path)
        if self._folder(path).names:
            raise OSError(errno.ENOTEMPTY, path)
        self._delete(path)
        self._drop(path)
        return 0

    def create(self, path: str, _mode: int) -> int:
        """Make a file; the blob comes when it is closed."""
        self._require_new(path)
        self._put(path, self._new_file())
        return self.open(path, os.O_RDWR)

    def open(self, path: str, flags: int) -> int:
        """Open a file; return its handle."""
        file = self._brought(path)
        if flags & os.O_TRUNC:
            self._shorten(file, 0)
        opened = file.content.open("r+b", buffering=0)
        self._open[opened.fileno()] = (file, opened)
        return opened.fileno()

    def read(self, _path: str, size: int, offset: int, fh: int) -> bytes:
        """Read from an open file."""
        return os.pread(fh, size, offset)

    def write(self, _path: str, data: bytes, offset: int, fh: int) -> int:
        """Write into an open file."""
        file, _ = self._open[fh]
        file.is_changed, file.changed_ns = True, time.time_ns()
        return os.pwrite(fh, data, offset)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        """Give a file this length."""
        if fh in self._open:
            self._shorten(self._open[fh][0], length)
            return 0
        file = self._brought(path)
        self._shorten(file, length)
        self._upload(path, file)
        return 0

    def flush(self, path: str, fh: int) -> int:
        """Write the file's blob; a program's close() fails if that does."""
        self._upload(path, self._open[fh][0])
        return 0

    def fsync(self, path: str, _datasync: int, fh: int) -> int:
        """Write the file's blob."""
        return self.flush(path, fh)

    def release(self, path: str, fh: int) -> int:
        """Forget a handle that was closed."""
        with suppress(OSError):  # nobody is there to be told
            self.flush(path, fh)
        _, opened = self._open.pop(fh)
        opened.close()
        return 0

    def unlink(self, path: str) -> int:
        """Remove a file and its blob."""
        self._file(path)
        self._delete(path)
        self._drop(path)
        return 0

    def rename(self, old: str, new: str) -> int:
        """Copy a file's blob and delete the old one; a folder cannot be renamed (EIO)."""
        node, there = self._node(old), self._found(new)
        self._folder(os.path.dirname(new))  # noqa: PTH120 - a path in the mount
        fault = self._take_fault()
        if fault == "rename-refused":
            raise OSError(errno.EPERM, old)
        if isinstance(node, _Folder) or fault == "copy-failed":
            raise OSError(errno.EIO, old)
        if isinstance(there, _Folder):
            raise OSError(errno.EISDIR, new)
        if old == new:
            return 0
        self._brought(old)
        self._upload(old, node)
        with _as_os_error():
            self._store.copy(self._container, self._blob(old), self._blob(new))
        self._delete(old)
        self._drop(old)
        self._put(new, node)
        if fault == "rename-corrupted":
            self._shorten(node, node.content.stat().st_size // 2)
            self._upload(new, node)
        return 0

    def chmod(self, path: str, _mode: int) -> int:
        """Accept other rights, and keep those that there are."""
        self._node(path)
        return 0

    def chown(self, path: str, _uid: int, _gid: int) -> int:
        """Accept another owner, and keep the one that there is."""
        self._node(path)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """Set the time of the last change, for as long as the mount lasts."""
        self._node(path).changed_ns = times[1] if times else time.time_ns()
        return 0

    def statfs(self, _path: str) -> dict[str, int]:
        """Return that there is room."""
        free = dict.fromkeys(("f_blocks", "f_bfree", "f_bavail"), _FREE_BLOCKS)
        return {"f_bsize": _BLOCK, "f_frsize": _BLOCK, "f_namemax": 255, **free}

    def _refresh(self, path: str) -> None:
        """Take over what the store has at a path and below it, and what it no longer has.

        A file that is open or not written yet stays as it is.
        """
        blob = self._blob(path)
        with _as_os_error():
            found = self._store.blobs(self._container, blob or "", with_folders=True)
        below = f"{blob}/"
        there = {
            one.name.removeprefix(self._top): one
            for one in found
            if one.name == blob or one.name.startswith(below)
        }
        for name, one in there.items():
            if name not in ("", "/"):
                self._take(name, one)
        inside = path.rstrip("/") + "/"
        for name in [name for name in self._nodes if name.startswith(inside) and name != "/"]:
            node = self._nodes.get(name)
            if isinstance(node, _File) and name not in there and not self._is_held(node):
                self._drop(name)

    def _take(self, path: str, blob: Blob) -> None:
        """Add a blob, or note that its content changed."""
        for at in [at for at, letter in enumerate(path) if letter == "/" and at]:
            if path[:at] not in self._nodes:
                self._put(path[:at], _Folder(time.time_ns()))
        node = self._nodes.get(path)
        if node is None:
            self._put(path, _Folder(time.time_ns()) if blob.is_folder else self._new_file())
            node = self._nodes[path]
        elif isinstance(node, _File) and (self._is_held(node) or node.etag == blob.etag):
            return
        if isinstance(node, _File) and not blob.is_folder:
            node.is_changed = node.is_here = False
            node.size, node.etag, node.changed_ns = blob.size, blob.etag, time.time_ns()

    def _is_held(self, file: _File) -> bool:
        return file.is_changed or any(one is file for one, _ in self._open.values())

    def _brought(self, path: str) -> _File:
        """Return a file whose content is on this disk."""
        file = self._file(path)
        if not file.is_here:
            with _as_os_error(), file.content.open("wb") as target:
                target.writelines(self._store.read(self._container, self._blob(path)))
            file.is_here = True
        return file

    def _new_file(self) -> _File:
        self._made += 1
        content = self._cache / str(self._made)
        content.touch()
        return _File(content=content, changed_ns=time.time_ns(), is_changed=True)

    def _found(self, path: str) -> _File | _Folder | None:
        """Return what is at a path; for a new name the store is asked."""
        if path not in self._nodes:
            self._refresh(path)
        return self._nodes.get(path)

    def _node(self, path: str) -> _File | _Folder:
        found = self._found(path)
        if found is None:
            raise OSError(errno.ENOENT, path)
        return found

    def _file(self, path: str) -> _File:
        found = self._node(path)
        if isinstance(found, _Folder):
            raise OSError(errno.EISDIR, path)
        return found

    def _folder(self, path: str) -> _Folder:
        found = self._node(path)
        if isinstance(found, _File):
            raise OSError(errno.ENOTDIR, path)
        return found

    def _require_new(self, path: str) -> None:
        if self._found(path) is not None:
            raise OSError(errno.EEXIST, path)
        self._folder(os.path.dirname(path))  # noqa: PTH120 - a path in the mount

    def _put(self, path: str, node: _File | _Folder) -> None:
        above, name = os.path.split(path)
        self._folder(above).names.add(name)
        self._nodes[path] = node

    def _drop(self, path: str) -> None:
        above, name = os.path.split(path)
        self._folder(above).names.discard(name)
        del self._nodes[path]

    def _blob(self, path: str) -> str:
        return f"{self._top}{path}".rstrip("/")

    def _mark(self, path: str) -> None:
        with _as_os_error():
            self._store.mark_folder(self._container, self._blob(path))

    def _delete(self, path: str) -> None:
        with _as_os_error():
            self._store.delete(self._container, self._blob(path))

    def _upload(self, path: str, file: _File) -> None:
        if not file.is_changed or self._nodes.get(path) is not file:  # else it was removed
            return
        with _as_os_error(), file.content.open("rb") as source:
            size = file.content.stat().st_size
            file.etag = self._store.write(self._container, self._blob(path), source, size)
        file.is_changed = False

    @staticmethod
    def _shorten(file: _File, length: int) -> None:
        os.truncate(file.content, length)
        file.is_changed, file.changed_ns = True, time.time_ns()


@contextmanager
def _as_os_error() -> Iterator[None]:
    """Turn a refusal of the blob store into the input/output error that a program gets."""
    try:
        yield
    except BlobStoreError as exc:
        raise OSError(errno.EIO, str(exc)) from exc
