"""Small archives as `docker save` writes them, for tests."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}
EPOCH = 315532800


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


def write_archive(
    path: Path,
    layers: Sequence[Sequence[File]],
    *,
    config: dict[str, Any] | None = None,
    level: int | None = 6,
    other_platform: bool = False,
) -> Path:
    """Write an OCI layout with docker's own manifest.json beside; return the path.

    Without a level the layers are not packed, as the classic image store saves them.
    """
    blobs: dict[str, bytes] = {}

    def keep(content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = content
        return {"digest": f"sha256:{digest}", "size": len(content)}

    tars = [layer_tar(files) for files in layers]
    packed = [keep(t if level is None else gzipped(t, level)) for t in tars]
    document = {
        "architecture": "amd64",
        "os": "linux",
        **(config or {}),
        "rootfs": {"diff_ids": [f"sha256:{hashlib.sha256(t).hexdigest()}" for t in tars]},
    }
    configuration = keep(json.dumps(document).encode())
    media = "application/vnd.oci.image.manifest.v1+json"
    manifest = keep(json.dumps({"config": configuration, "layers": packed}).encode())
    manifests = [{"mediaType": media, **manifest}]
    if other_platform:
        arm = {"mediaType": media, "platform": {"os": "linux", "architecture": "arm64"}}
        amd = {**manifests[0], "platform": {"os": "linux", "architecture": "amd64"}}
        inner = {"manifests": [{**arm, **keep(b"{}")}, amd]}
        index = "application/vnd.oci.image.index.v1+json"
        manifests = [{"mediaType": index, **keep(json.dumps(inner).encode())}]
    written = [
        {
            "Config": place(configuration),
            "Layers": [place(layer) for layer in packed],
        }
    ]
    blobs["index.json"] = json.dumps({"manifests": manifests}).encode()
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
