"""An image as a folder: OCI's layout, in which each blob has its digest as a name.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from hakobune.oci.archive import open_archive, readable
from hakobune.oci.documents import (
    LARGEST_DOCUMENT,
    OCI_INDEX,
    Index,
    digest_hex,
    digest_of,
    invalid,
    parse,
)
from hakobune.oci.walk import Repository, check, find_manifest, measure, require_bytes, walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A folder of blobs."""

    folder: Path

    def document(self, digest: str) -> bytes | None:
        """See DocumentSource."""
        return self._file(self.place(digest))

    def measured(self, digest: str) -> tuple[str, int] | None:
        """See BlobSource."""
        try:
            with self.place(digest).open("rb") as stream:
                return measure(stream)
        except OSError:
            return None

    def index(self) -> Index:
        """Return what `index.json` says. Raises ImageInvalidError."""
        content = self._file(self.folder / "index.json")
        found = None if content is None else parse(content, name="index.json")
        if not isinstance(found, Index):
            raise invalid(f"{self.folder} has no index.json that is an index")
        return found

    def keep(self, content: bytes) -> None:
        """Add a document under its digest."""
        place = self.place(digest_of(content))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def place(self, digest: str) -> Path:
        """Return where the blob of this digest is. Raises ImageInvalidError for another text."""
        return self.folder / "blobs" / "sha256" / digest_hex(digest)

    def _file(self, path: Path) -> bytes | None:
        # A file that cannot be read is as good as missing: both are reported by the blob's name.
        try:
            with path.open("rb") as stream:
                return stream.read(LARGEST_DOCUMENT + 1)
        except OSError:
            return None


def unpack(archive: Path, folder: Path) -> str | None:
    """Unpack an archive's linux/amd64 image into an OCI layout; return its manifest's digest.

    The indexes above the manifest are kept, too: a registry's digest is that of the outermost.
    Returns None for what an engine before version 25 writes. Raises ImageInvalidError.
    """
    layout = Layout(folder=folder)
    with open_archive(archive) as saved:
        if "oci-layout" not in saved.members:
            return None
        tree = walk(saved, saved.index() or Index(manifests=(), values={}))
        for part in tree.parts:
            path = layout.place(part.digest)
            path.parent.mkdir(parents=True, exist_ok=True)
            with readable(str(archive)), saved.open(part.digest) as stream, path.open("wb") as file:
                require_bytes(part, *measure(stream, file))
    manifest = tree.manifest
    index = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [
            {
                "mediaType": manifest.media_type,
                "digest": manifest.digest,
                "size": manifest.size,
            }
        ],
    }
    (folder / "index.json").write_text(json.dumps(index) + "\n", encoding="utf-8")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}\n', encoding="utf-8")
    return manifest.digest


def pack(folder: Path, archive: Path, name: str) -> None:
    """Write a folder's OCI layout as an archive that every engine loads, under this name."""
    layout = Layout(folder=folder)
    tree = walk(layout, layout.index())
    written = {
        "Config": _member(tree.config.digest),
        "RepoTags": [name],
        "Layers": [_member(layer.digest) for layer in tree.layers],
    }
    content = json.dumps([written]).encode()
    with tarfile.open(archive, "w") as tar:
        tar.add(folder, arcname=".")
        info = tarfile.TarInfo("manifest.json")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))


def keep_documents(folder: Path, repository: Repository, digest: str) -> None:
    """Add what a registry has under this digest, from the index down to the manifest.

    Raises ImageInvalidError, or what asking the registry raises.
    """
    for step in find_manifest(repository, digest):
        Layout(folder=folder).keep(step.content)


def require_image(folder: Path, manifest: str, digest: str) -> None:
    """Raise ImageInvalidError unless the layout's only manifest is the image that a digest names.

    The digest is that of the manifest, or of an index which names it. The classic image store saves
    an image under a manifest of its own, which names unpacked layers: then both manifests name the
    same configuration, and that names those layers.
    """
    layout = Layout(folder=folder)
    if [entry.digest for entry in layout.index().manifests] != [manifest]:
        raise invalid(f"index.json does not name {manifest} alone")
    named, saved = walk(layout, digest), walk(layout, manifest)
    unpacked = tuple(layer.digest for layer in saved.layers)
    if manifest != named.manifest.digest and (
        saved.config.digest != named.config.digest or unpacked != named.configuration.diff_ids
    ):
        raise invalid(f"the layout's manifest {manifest} is not the one that {digest} names")
    check(layout, saved)


def _member(digest: str) -> str:
    return f"blobs/sha256/{digest_hex(digest)}"
