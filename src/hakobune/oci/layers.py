"""The files of a layer, read as a stream: an entry is kept, its content is not."""

import shutil
import tarfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from hakobune.oci.archive import Archive, readable
from hakobune.oci.compare import LayerFile
from hakobune.oci.documents import Descriptor, digest_hex, short
from hakobune.oci.walk import measure

_CHUNK = 1 << 20
_KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.AREGTYPE: "file",
    tarfile.DIRTYPE: "folder",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "pipe",
}
# PAX records that the entry itself has as a field.
_FIELDS = ("path", "linkpath", "size", "uid", "gid", "mtime", "uname", "gname")


def read_files(archive: Archive, layer: Descriptor) -> Iterator[LayerFile]:
    """Yield a layer's entries in their order. Raises ImageInvalidError."""
    for member, content in _entries(archive, layer):
        extended = {k: v for k, v in member.pax_headers.items() if k not in _FIELDS}
        yield LayerFile(
            path=member.name,
            kind=_KINDS.get(member.type, f"entry of type {member.type!r}"),
            mode=member.mode,
            uid=member.uid,
            gid=member.gid,
            mtime=member.mtime,
            size=member.size,
            link=member.linkname,
            device=f"{member.devmajor}:{member.devminor}",
            names=f"{member.uname}:{member.gname}",
            extended=tuple(sorted(extended.items())),
            sha256="" if content is None else digest_hex(measure(content)[0]),
        )


def first_differences(
    first: tuple[Archive, Descriptor],
    second: tuple[Archive, Descriptor],
    paths: Collection[str],
    folder: Path,
) -> dict[str, int]:
    """Return the offset of the first differing byte of each of these files of two layers.

    The folder, which must be empty, keeps copies of the first layer's files meanwhile.
    """
    kept: dict[str, Path] = {}
    for member, content in _entries(*first):
        if content is not None and member.name in paths:
            kept[member.name] = folder / f"{len(kept)}"
            with kept[member.name].open("wb") as file:
                shutil.copyfileobj(content, file, _CHUNK)
    found = {}
    for member, content in _entries(*second):
        if content is not None and member.name in kept:
            with kept[member.name].open("rb") as file:
                found[member.name] = _first_difference(file, content)
    return found


def _first_difference(first: IO[bytes], second: IO[bytes]) -> int:
    offset = 0
    while True:
        one, two = first.read(_CHUNK), second.read(_CHUNK)
        if one != two:
            shorter = min(len(one), len(two))
            return offset + next((n for n in range(shorter) if one[n] != two[n]), shorter)
        if not one:
            return offset
        offset += len(one)


def _entries(
    archive: Archive, layer: Descriptor
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    with (
        readable(f"the layer {short(layer.digest)}"),
        archive.open(layer.digest) as stream,
        tarfile.open(fileobj=stream, mode="r|*") as inner,
    ):
        for member in inner:
            yield member, inner.extractfile(member) if member.isreg() else None
