"""Small archives as `docker save` writes them, for tests."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hakobune.oci.documents import OCI_INDEX, OCI_MANIFEST

KINDS = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}
EPOCH = 315532800
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
AMD64 = {"os": "linux", "architecture": "amd64"}
ARM64 = {"os": "linux", "architecture": "arm64"}


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def named(content: bytes, media_type: str, **other: object) -> dict[str, Any]:
    """Return the descriptor of some bytes."""
    size = len(content)
    return {"mediaType": media_type, "digest": digest_of(content), "size": size, **other}


def config_of(*diff_ids: str, **other: Any) -> bytes:
    """Return an image's configuration."""
    return json.dumps({**AMD64, "rootfs": {"diff_ids": list(diff_ids)}, **other}).encode()


def manifest_of(config: dict[str, Any], *layers: dict[str, Any], **other: object) -> bytes:
    """Return an image's manifest."""
    values = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}
    return json.dumps({**values, **other}).encode()


def index_of(*manifests: dict[str, Any]) -> bytes:
    """Return an index of manifests."""
    return json.dumps({"schemaVersion": 2, "manifests": manifests}).encode()


Change = Callable[[dict[str, Any]], object]
# What makes a manifest wrong, by what is wrong then; each user of the walk must refuse all of them.
WRONG: dict[str, Change] = {
    "digest": lambda values: values["layers"][0].update(digest=digest_of(b"another")),
    "size": lambda values: values["layers"][0].update(size=7),
    "media type": lambda values: values["layers"][0].update(mediaType="text/html"),
    "dangling": lambda values: values["config"].update(digest=digest_of(b"another")),
    "form": lambda values: values.update(layers={}),
}


@dataclass(frozen=True)
class File:
    path: str
    content: bytes = b""
    kind: str = "file"
    mode: int = 0o644
    owner: tuple[int, int] = (0, 0)
    time: float = EPOCH
    link: str = ""
    extended: tuple[tuple[str, str], ...] = ()


def write_archive(  # noqa: PLR0913 - each has a default and is given by name
    path: Path,
    layers: Sequence[Sequence[File]],
    *,
    config: dict[str, Any] | None = None,
    level: int | None = 6,
    other_platform: bool = False,
    change: Change = lambda _: None,
) -> Path:
    """Write an OCI layout with docker's own manifest.json beside; return the path.

    Without a level the layers are not packed, as the classic image store saves them. `change` makes
    the manifest another one.
    """
    blobs: dict[str, bytes] = {}

    def keep(content: bytes, media_type: str, **other: object) -> dict[str, Any]:
        found = named(content, media_type, **other)
        blobs[place(found)] = content
        return found

    tars = [layer_tar(files) for files in layers]
    kind = LAYER if level is None else f"{LAYER}+gzip"
    packed = [keep(t if level is None else gzipped(t, level), kind) for t in tars]
    configuration = keep(config_of(*map(digest_of, tars), **(config or {})), CONFIG)
    values = json.loads(manifest_of(configuration, *packed))
    change(values)
    content = json.dumps(values).encode()
    manifests = [keep(content, OCI_MANIFEST)]
    if other_platform:
        other = keep(manifest_of(keep(config_of(**ARM64), CONFIG)), OCI_MANIFEST, platform=ARM64)
        inner = index_of(other, named(content, OCI_MANIFEST, platform=AMD64))
        manifests = [keep(inner, OCI_INDEX)]
    written = [
        {
            "Config": place(configuration),
            "Layers": [place(layer) for layer in packed],
        }
    ]
    blobs["index.json"] = index_of(*manifests)
    blobs["manifest.json"] = json.dumps(written).encode()
    blobs["oci-layout"] = b"{}"
    with tarfile.open(path, "w") as tar:
        for name, content in blobs.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def place(descriptor: dict[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def layer_tar(files: Sequence[File]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            info = tarfile.TarInfo(file.path)
            info.type = KINDS[file.kind]
            info.size, info.mode, info.mtime = len(file.content), file.mode, file.time
            info.uid, info.gid = file.owner
            info.linkname = file.link
            info.pax_headers = dict(file.extended)
            tar.addfile(info, io.BytesIO(file.content))
    return stream.getvalue()


def gzipped(content: bytes, level: int) -> bytes:
    import gzip

    return gzip.compress(content, compresslevel=level, mtime=0)
