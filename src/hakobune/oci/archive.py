"""What `docker save` writes, as a source of blobs: a file, or a stream that is read once.

Docker 25 and later write an OCI layout; older engines write a form of their own, in which a file's
name is not its digest. Both have a `manifest.json`.
"""

import re
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from hakobune.errors import ImageInvalidError
from hakobune.oci.documents import (
    LARGEST_DOCUMENT,
    Configuration,
    Index,
    digest_hex,
    digest_of,
    docker_save_entry,
    invalid,
    parse,
    short,
)
from hakobune.oci.walk import ImageTree, check, measure, walk

_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")
_CONFIG = re.compile(r"(?:blobs/sha256/)?([0-9a-f]{64})(?:\.json)?")
_MOST_DOCUMENT_BYTES = 64 << 20
_CHUNK = 1 << 20
# What reading a damaged archive raises; the recursion is that of a link to itself.
_UNREADABLE = (tarfile.TarError, zlib.error, EOFError, KeyError, RecursionError, ValueError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """An archive on the disk. `places` are the files whose names are not their digests."""

    tar: tarfile.TarFile
    members: Mapping[str, tarfile.TarInfo]
    places: Mapping[str, str] = field(default_factory=dict)

    def document(self, digest: str) -> bytes | None:
        """See DocumentSource."""
        return self.file(self._place(digest))

    def measured(self, digest: str) -> tuple[str, int] | None:
        """See BlobSource."""
        if self._place(digest) not in self.members:
            return None
        with readable(short(digest)), self.open(digest) as stream:
            return measure(stream)

    def open(self, digest: str) -> IO[bytes]:
        """Return the stream of a blob."""
        name = self._place(digest)
        stream = self.tar.extractfile(self.members[name]) if name in self.members else None
        if stream is None:
            raise invalid(f"the blob {short(digest)} is missing")
        return stream

    def file(self, name: str) -> bytes | None:
        """Return a document's bytes, cut off as in DocumentSource; None where it is missing."""
        if name not in self.members:
            return None
        with readable(name):
            stream = self.tar.extractfile(self.members[name])
            return None if stream is None else stream.read(LARGEST_DOCUMENT + 1)

    def index(self) -> Index | None:
        """Return the layout's index; None where there is no layout, or the index is empty.

        It is empty where some engines with the classic image store save an image by its id.
        """
        content = self.file("index.json") if "oci-layout" in self.members else None
        found = None if content is None else parse(content, name="index.json")
        return found if isinstance(found, Index) and found.manifests else None

    def _place(self, digest: str) -> str:
        return self.places.get(digest, f"blobs/sha256/{digest_hex(digest)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    """An image in an archive, every part of which has its digest."""

    archive: Archive
    tree: ImageTree


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedBlobs:
    """What is kept of an archive that passes as a stream: digests, sizes and documents."""

    found: dict[str, tuple[str, int]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)

    def document(self, digest: str) -> bytes | None:
        """See DocumentSource."""
        if digest in self.found and digest not in self.documents:
            raise invalid(f"the blob {short(digest)} is not JSON, or is too long")
        return self.documents.get(digest)

    def measured(self, digest: str) -> tuple[str, int] | None:
        """See BlobSource."""
        return self.found.get(digest)

    def take(self, stream: IO[bytes]) -> None:
        """Read an archive to its end. Raises ImageInvalidError."""
        try:
            with (
                readable("what docker save prints"),
                tarfile.open(fileobj=stream, mode="r|") as tar,
            ):
                for member in tar:
                    name = _BLOB.fullmatch(member.name)
                    content = tar.extractfile(member) if name and member.isreg() else None
                    if name and content is not None:
                        self._add(f"sha256:{name[1]}", content, member.size)
        finally:
            while stream.read(_CHUNK):  # so that the other end can finish
                pass

    def _add(self, digest: str, content: IO[bytes], size: int) -> None:
        if digest in self.found:
            raise invalid(f"the archive has the blob {short(digest)} twice")
        if size > LARGEST_DOCUMENT:
            self.found[digest] = measure(content)
            return
        data = content.read()
        self.found[digest] = (digest_of(data), len(data))
        if data.startswith(b"{"):
            self.documents[digest] = data
        if sum(map(len, self.documents.values())) > _MOST_DOCUMENT_BYTES:
            raise invalid(f"the archive has more than {_MOST_DOCUMENT_BYTES} bytes of documents")


def check_saved(image_id: str, save: Callable[[Callable[[IO[bytes]], None]], str]) -> None:
    """Raise ImageInvalidError unless an engine's image consists of the bytes that its id names.

    `save` hands the archive's stream to what it is given and returns why saving failed, or nothing.
    Memory stays level whatever the image's size.
    """
    blobs = PassedBlobs()
    unreadable = []

    def consume(stream: IO[bytes]) -> None:
        try:
            blobs.take(stream)
        except ImageInvalidError as exc:
            unreadable.append(exc)

    failure = save(consume)
    if failure:
        raise invalid(f"docker save fails: {failure}")
    if unreadable:
        raise unreadable[0]
    check(blobs, walk(blobs, image_id))


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive for reading. Raises ImageInvalidError where the file is not one."""
    with readable(str(path)):
        tar = tarfile.open(path, mode="r:")  # noqa: SIM115 - closed below, outside `readable`
    with tar:
        with readable(str(path)):
            members = {member.name: member for member in tar}
            if len(members) != len(tar.getmembers()):
                raise invalid(f"{path} has a file twice")
        yield Archive(tar=tar, members=members)


@contextmanager
def open_image(path: Path) -> Iterator[SavedImage]:
    """Open the archive of one image, after a look at all its bytes. Raises ImageInvalidError."""
    with open_archive(path) as archive:
        index = archive.index()
        source, top = (archive, index) if index else _by_docker_s_own_list(archive)
        tree = walk(source, top)
        check(source, tree)
        yield SavedImage(archive=source, tree=tree)


@contextmanager
def readable(name: str) -> Iterator[None]:
    """Raise ImageInvalidError where what is read inside cannot be read as an archive."""
    try:
        yield
    except _UNREADABLE as exc:
        raise invalid(f"{name} is not a readable archive: {exc}") from exc


def _by_docker_s_own_list(archive: Archive) -> tuple[Archive, str]:
    """Return the archive with the names of `manifest.json`, and the configuration's digest."""
    config, layers = docker_save_entry(archive.file("manifest.json") or b"")
    name = _CONFIG.fullmatch(config)
    document = parse(archive.file(config) or b"", name=config)
    if name is None or not isinstance(document, Configuration):
        raise invalid(f"manifest.json names {config!r}, which is not a configuration")
    if len(layers) != len(document.diff_ids):
        raise invalid(f"manifest.json does not name the layers of {config}")
    top = f"sha256:{name[1]}"
    places = {top: config, **dict(zip(document.diff_ids, layers, strict=True))}
    return Archive(tar=archive.tar, members=archive.members, places=places), top
