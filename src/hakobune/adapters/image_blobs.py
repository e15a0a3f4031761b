"""The bytes of an image as `docker save` gives them: an OCI layout in a tar.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import json
import tarfile
from dataclasses import dataclass
from typing import IO, Any

from hakobune.adapters.process import Runner

_BLOBS = "blobs/sha256/"
_CHUNK = 1 << 20
_PLATFORM = ("linux", "amd64")


def wrong_blob(runner: Runner, image: str) -> str:
    """Return in words what of the image is not what its id says; empty where all bytes are.

    Each blob is hashed as it comes, so memory stays level whatever the image's size.
    """
    found = _Blobs(hashes={}, documents={})
    unreadable = []

    def consume(stream: IO[bytes]) -> None:
        try:
            found.read(stream)
        except (tarfile.TarError, ValueError) as exc:
            unreadable.append(exc)

    done = runner.pipe(["docker", "save", image], consume)
    if done.exit_code != 0 and done.stderr.strip():
        return f"docker save fails: {done.stderr.strip()}"
    if unreadable:
        return f"docker save gives no readable archive ({unreadable[0]})"
    top = image.removeprefix("sha256:")
    named = _named(top, found)
    for name in named:
        if name not in found.hashes:
            return f"the blob sha256:{name[:12]} is missing"
        if found.hashes[name] != name:
            return f"the blob sha256:{name[:12]} has other bytes"
    if named == [top]:
        return f"sha256:{top[:12]} names neither a configuration nor layers"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blobs:
    """What an archive holds: the hash of each blob, and the JSON of the small ones."""

    hashes: dict[str, str]
    documents: dict[str, Any]

    def read(self, stream: IO[bytes]) -> None:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                file = archive.extractfile(member) if member.name.startswith(_BLOBS) else None
                if file is not None:
                    self._add(member.name.removeprefix(_BLOBS), file, member.size)
        while stream.read(_CHUNK):  # so that the other end can finish
            pass

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        digest, last = hashlib.sha256(), b""
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            last = chunk
        self.hashes[name] = digest.hexdigest()
        if size <= _CHUNK and last.startswith(b"{"):
            self.documents[name] = json.loads(last)


def _named(top: str, found: _Blobs) -> list[str]:
    """Return the digests that the image's id stands for, beginning with itself.

    The id is that of a manifest, which names configuration and layers, of an index, which names
    manifests, or of a configuration, which names the layers by what they unpack to. Of an index an
    engine keeps the platforms that it has pulled; linux/amd64 must be among them.
    """
    document = found.documents.get(top, {})
    below = [document.get("config", {}), *document.get("layers", [])]
    named = [str(entry.get("digest", "")) for entry in below if "digest" in entry]
    named += document.get("rootfs", {}).get("diff_ids", [])
    digests = [top, *(digest.removeprefix("sha256:") for digest in named)]
    for entry in document.get("manifests", []):
        name = str(entry.get("digest", "")).removeprefix("sha256:")
        platform = entry.get("platform", {})
        if name in found.hashes or (platform.get("os"), platform.get("architecture")) == _PLATFORM:
            digests += _named(name, found)
    return digests
