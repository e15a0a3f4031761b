"""What `docker save` writes: an image's documents, and its layers' files.

Reads both layouts, OCI's (Docker 25 and later) and the older one; docker writes `manifest.json`
into both. Layers are read as streams: what is kept of a file is its entry and never its content.
"""

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from hakobune.errors import FileNotWritableError
from hakobune.model.saved_image import LayerFile, SavedImage, SavedLayer

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


def read_image(archive: Path) -> SavedImage:
    """Return the image's documents, and where its layers lie in the archive."""
    with _opened(archive) as tar:
        written = _document(tar, "manifest.json")[0]
        config = _document(tar, written["Config"])
        layers = []
        diff_ids = config["rootfs"]["diff_ids"]
        for blob, diff_id in zip(written["Layers"], diff_ids, strict=True):
            with _member(tar, blob) as stream:
                digest = _sha256(stream)
            layers.append(SavedLayer(blob=blob, sha256=digest, diff_id=diff_id))
        return SavedImage(manifest=_manifest(tar), config=config, layers=tuple(layers))


def read_files(archive: Path, layer: SavedLayer) -> Iterator[LayerFile]:
    """Yield a layer's entries in their order."""
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
            sha256="" if content is None else _sha256(content),
        )


def first_differences(
    archives: tuple[Path, Path],
    layers: tuple[SavedLayer, SavedLayer],
    paths: Collection[str],
    folder: Path,
) -> dict[str, int]:
    """Return the offset of the first differing byte of each of these files.

    The first archive's copies lie in the folder meanwhile, which must be empty.
    """
    kept: dict[str, Path] = {}
    for member, content in _entries(archives[0], layers[0]):
        if content is not None and member.name in paths:
            kept[member.name] = folder / f"{len(kept)}"
            with kept[member.name].open("wb") as file:
                shutil.copyfileobj(content, file, _CHUNK)
    found = {}
    for member, content in _entries(archives[1], layers[1]):
        if content is not None and member.name in kept:
            with kept[member.name].open("rb") as file:
                found[member.name] = _first_difference(file, content)
    return found


def pack_layout(folder: Path, archive: Path, name: str) -> None:
    """Write a folder's OCI layout as an archive that every engine loads, under this name."""
    (descriptor,) = json.loads((folder / "index.json").read_bytes())["manifests"]
    manifest = json.loads((folder / _blob(descriptor["digest"])).read_bytes())
    written = {
        "Config": _blob(manifest["config"]["digest"]),
        "RepoTags": [name],
        "Layers": [_blob(layer["digest"]) for layer in manifest["layers"]],
    }
    content = json.dumps([written]).encode()
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, arcname=".")
        info = tarfile.TarInfo("manifest.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


def unpack_layout(archive: Path, folder: Path) -> str | None:
    """Unpack an OCI layout; return the digest of its only linux/amd64 manifest.

    The indexes that lead to it are kept too: a registry's digest is that of the outermost.
    Returns None where the archive is no OCI layout, which an engine before version 25 writes.
    """
    with _opened(archive) as tar:
        if "oci-layout" not in tar.getnames():
            return None
        *above, descriptor = _amd64(tar, _document(tar, "index.json")["manifests"])
        manifest = _document(tar, _blob(descriptor["digest"]))
        needed = [*above, descriptor, manifest["config"], *manifest["layers"]]
        for part in needed:
            path = folder / _blob(part["digest"])
            path.parent.mkdir(parents=True, exist_ok=True)
            with _member(tar, _blob(part["digest"])) as stream, path.open("wb") as file:
                shutil.copyfileobj(stream, file, _CHUNK)
    index = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{key: descriptor[key] for key in ("mediaType", "digest", "size")}],
    }
    (folder / "index.json").write_text(json.dumps(index) + "\n", encoding="utf-8")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}\n', encoding="utf-8")
    return str(descriptor["digest"])


def _sha256(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


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
    archive: Path, layer: SavedLayer
) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    with (
        _opened(archive) as outer,
        _member(outer, layer.blob) as stream,
        tarfile.open(fileobj=stream, mode="r|*") as inner,
    ):
        for member in inner:
            yield member, inner.extractfile(member) if member.isreg() else None


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, mode="r:") as tar:
            yield tar
    except (tarfile.TarError, KeyError, IndexError, ValueError) as exc:
        raise FileNotWritableError(
            f"{archive}: what docker saved cannot be read: {exc}",
            remedy="run the command again; `hakobune doctor` checks this machine",
        ) from exc


@contextmanager
def _member(tar: tarfile.TarFile, name: str) -> Iterator[IO[bytes]]:
    stream = tar.extractfile(name)
    if stream is None:
        raise KeyError(name)
    with stream:
        yield stream


def _document(tar: tarfile.TarFile, name: str) -> Any:  # noqa: ANN401 - JSON
    with _member(tar, name) as stream:
        return json.load(stream)


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    """Return the document whose digest names the image; empty where docker writes none."""
    if "index.json" not in tar.getnames():
        return {}
    (descriptor,) = _document(tar, "index.json")["manifests"]
    found = _document(tar, _blob(descriptor["digest"]))
    return dict(found)


def _amd64(tar: tarfile.TarFile, top: Sequence[dict[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the descriptor of the first manifest for linux/amd64, after those of its indexes."""
    for way in _ways(tar, top):
        platform = way[-1].get("platform", {"os": "linux", "architecture": "amd64"})
        if (platform["os"], platform["architecture"]) == ("linux", "amd64"):
            return way
    raise KeyError("a manifest for linux/amd64")


def _ways(
    tar: tarfile.TarFile,
    descriptors: Sequence[dict[str, Any]],
    above: tuple[dict[str, Any], ...] = (),
) -> Iterator[tuple[dict[str, Any], ...]]:
    for descriptor in descriptors:
        way = (*above, descriptor)
        if "index" in descriptor["mediaType"] or "manifest.list" in descriptor["mediaType"]:
            inner = _document(tar, _blob(descriptor["digest"]))
            yield from _ways(tar, inner["manifests"], way)
        else:
            yield way


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
