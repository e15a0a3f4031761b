"""Copies a job's files between blob store and container as tar streams, without this disk."""

import io
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, cast

from drydock.blob_store import Blob, BlobStore
from drydock.job_spec import BlobPlace

_IN_MEMORY = 8 * 1024**2
_FOLDER_MARK = "/"  # some tools write an empty blob with such a name for a folder


class InputMissingError(Exception):
    """There is no blob at an input's URI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input's blobs, and its path for the job: a folder, or the file in it."""

    folder: str
    path: str
    container: str
    files: tuple[tuple[str, Blob], ...]


def find_input(store: BlobStore, name: str, place: BlobPlace, folder: str) -> Input:
    """Return the blobs of an input: the one with this name, else those below it."""
    found = store.blobs(place.container, place.path)
    exact = next((blob for blob in found if blob.name == place.path), None)
    if exact is not None and not place.path.endswith(_FOLDER_MARK):
        file = place.path.rsplit("/", 1)[-1]
        return Input(
            folder=folder,
            path=f"{folder}/{file}",
            container=place.container,
            files=((file, exact),),
        )
    below = f"{place.path.rstrip('/')}/" if place.path else ""
    files = tuple(
        (blob.name.removeprefix(below), blob)
        for blob in found
        if blob.name.startswith(below) and not blob.name.endswith(_FOLDER_MARK)
    )
    if not files:
        raise InputMissingError(f"input {name}: no blob exists at {place.container}/{place.path}")
    return Input(folder=folder, path=folder, container=place.container, files=files)


def pack_inputs(store: BlobStore, inputs: Iterable[Input]) -> IO[bytes]:
    """Return a tar file with the inputs at their paths in the container."""
    packed = cast("IO[bytes]", tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for one in inputs:
            for path, blob in one.files:
                member = tarfile.TarInfo(f"{one.folder}/{path}".lstrip("/"))
                member.size, member.mode = blob.size, 0o444
                archive.addfile(member, Pieces(store.read(one.container, blob.name)))
    packed.seek(0)
    return packed


def pack_folders(paths: Iterable[str], *, mode: int = 0o777) -> IO[bytes]:
    """Return a tar file of empty folders, which any user may write to unless `mode` differs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in paths:
            member = tarfile.TarInfo(path.lstrip("/"))
            member.type, member.mode = tarfile.DIRTYPE, mode
            archive.addfile(member)
    packed.seek(0)
    return packed


def pack_file(path: str, content: bytes) -> IO[bytes]:
    """Return a tar file of one file that is readable for any user."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(path.lstrip("/"))
        member.size, member.mode = len(content), 0o444
        archive.addfile(member, io.BytesIO(content))
    packed.seek(0)
    return packed


def upload(
    store: BlobStore, place: BlobPlace, stream: Iterable[bytes], *, is_mounted: bool = False
) -> int:
    """Write each file of a folder's tar stream to a blob below a path; return how many.

    For a mounted folder, an empty blob marks the folder and each folder in it, as the service's
    mount does. Links are left out: a mounted blob container does not support them.
    """
    count = 0
    with tarfile.open(fileobj=Pieces(stream), mode="r|") as archive:
        for member in archive:
            # The stream's first folder is the requested one.
            name = member.name.partition("/")[2]
            path = "/".join(part for part in (place.path.rstrip("/"), name) if part)
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                store.write(place.container, path, content, member.size)
                count += 1
            elif member.isdir() and is_mounted and path:
                store.mark_folder(place.container, path)
    return count


class Pieces(io.RawIOBase):
    """Pieces of bytes as a file that is read once, front to back."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces: Iterator[bytes] = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """Return the requested number of bytes; fewer only at the end."""
        taken: list[bytes | memoryview] = []
        missing = size
        while size < 0 or missing > 0:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            part = self._rest if size < 0 else self._rest[:missing]
            self._rest = self._rest[len(part) :]
            taken.append(part)
            missing -= len(part)
        return b"".join(taken)
