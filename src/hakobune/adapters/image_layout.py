"""An image as a folder: OCI's layout, in which each part lies under the digest of its bytes.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from hakobune.adapters import files

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_AMD64 = {"os": "linux", "architecture": "amd64"}


def is_image_of(layout: Path, manifest: str, digest: str) -> bool:
    """Tell by the bytes of all its parts whether the layout's one manifest is what a digest names.

    The digest is that of the manifest, or of an index of platforms which names it. The classic
    image store saves an image under a manifest of its own, which names the layers unpacked; then it
    is the configuration that both manifests name, and it names those layers.
    """
    try:
        (only,) = json.loads((layout / "index.json").read_bytes())["manifests"]
        named = _document(layout, digest)
        while inner := _of_platform(named):
            digest, named = inner, _document(layout, inner)
        saved = _document(layout, manifest)
        config = _document(layout, named["config"]["digest"])
        layers = [layer["digest"] for layer in saved["layers"]]
        is_same = manifest == digest or (
            saved["config"]["digest"] == named["config"]["digest"]
            and layers == config["rootfs"]["diff_ids"]
        )
        return (
            only["digest"] == manifest and is_same and all(_has(layout, layer) for layer in layers)
        )
    # Whatever a file that others wrote makes of this: it is not the image.
    except (AttributeError, KeyError, OSError, RecursionError, TypeError, ValueError):
        return False


def keep_document(layout: Path, document: bytes) -> str:
    """Lay an index or a manifest into the layout; return what the index names for linux/amd64."""
    digest = f"sha256:{hashlib.sha256(document).hexdigest()}"
    files.write_bytes(_place(layout, digest), document)
    return _of_platform(json.loads(document))


def _of_platform(document: dict[str, Any]) -> str:
    """Return the digest that an index names for linux/amd64; nothing where it is no index."""
    if "manifests" not in document:
        return ""
    for descriptor in document["manifests"]:
        platform = descriptor.get("platform", _AMD64)
        if all(platform[key] == value for key, value in _AMD64.items()):
            return str(descriptor["digest"])
    raise KeyError("a manifest for linux/amd64")


def _document(layout: Path, digest: str) -> dict[str, Any]:
    content = _place(layout, digest).read_bytes()
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
        raise ValueError(f"{digest} has other bytes")
    return dict(json.loads(content))


def _has(layout: Path, digest: str) -> bool:
    place = _place(layout, digest)
    return place.is_file() and f"sha256:{files.sha256_of(place)}" == digest


def _place(layout: Path, digest: str) -> Path:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(f"{digest} is no digest")
    return layout / "blobs" / digest.replace(":", "/")
