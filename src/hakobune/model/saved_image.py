"""An image taken apart: its manifest, its configuration and each layer's files."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerFile:
    """One entry of a layer, as its tar file holds it.

    `link` is where a symbolic or hard link points, `device` both numbers of a device, `names` the
    owner's and the group's names, and `extended` what the header says beyond (PAX records, sorted).
    `sha256` is that of a plain file's bytes and empty for anything else.
    """

    path: str
    kind: str
    mode: int
    uid: int
    gid: int
    mtime: float
    size: int
    link: str
    device: str
    names: str
    extended: tuple[tuple[str, str], ...]
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedLayer:
    """A layer: the blob's place in the archive, its digest there, and that of its tar file."""

    blob: str
    sha256: str
    diff_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedImage:
    """An image as `docker save` wrote it. `manifest` and `config` are the documents as they are."""

    manifest: dict[str, Any]
    config: dict[str, Any]
    layers: tuple[SavedLayer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that differs: where (a file, a field), what, and the two values as text.

    `is_content` tells that the file's bytes differ, so that somebody may look for the first.
    """

    place: str
    what: str
    first: str
    second: str
    is_content: bool = False
