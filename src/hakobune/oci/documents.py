"""Index, manifest and configuration of an image: bytes to checked values and back. No I/O.

Whoever sends such a document may be hostile: its length, its form, each digest, size and media
type are checked here. https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hakobune.errors import ImageInvalidError
from hakobune.model.forms import is_of
from hakobune.model.json_text import parse_json

# Registries refuse longer manifests; no configuration comes near it.
LARGEST_DOCUMENT = 4 << 20
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPES = (OCI_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json")
MANIFEST_TYPES = (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
_CONFIG_TYPES = (_OCI_CONFIG, "application/vnd.docker.container.image.v1+json")
_LAYER = re.compile(
    r"application/vnd\.(oci\.image\.layer\.v1\.tar(\+gzip|\+zstd)?"
    r"|docker\.image\.rootfs\.diff\.tar(\.gzip|\.zstd)?)"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST_BLOB = 1 << 40
_MOST_PARTS = 1000
# In the order in which BuildKit writes them.
_MANIFEST_KEYS = ("schemaVersion", "mediaType", "config", "layers")
_DESCRIPTOR_KEYS = ("mediaType", "digest", "size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """The name of a blob: its digest and what it must be.

    `media_type` and `size` are empty and None where only a digest is known, `platform` is empty
    where an index names none.
    """

    digest: str
    media_type: str = ""
    size: int | None = None
    platform: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The manifests of several platforms. `values` is the document as it is."""

    manifests: tuple[Descriptor, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An image's, or an artifact's, configuration and layers. `values` is the document as it is."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """An image's configuration: the digests of its unpacked layers. `values` is all of it."""

    platform: str
    diff_ids: tuple[str, ...]
    values: Mapping[str, Any]


Document = Index | Manifest | Configuration


def invalid(what: str) -> ImageInvalidError:
    """Return the error for an image that is not what its digest or its form requires."""
    return ImageInvalidError(what, remedy="remove the image, then build or pull it again")


def digest_of(content: bytes) -> str:
    """Return the digest that names these bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_hex(digest: object) -> str:
    """Return a digest's 64 hexadecimal digits. Raises ImageInvalidError for any other text."""
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise invalid(f"{str(digest)[:80]!r} is not a digest of the form sha256:<64 hex digits>")
    return digest.removeprefix("sha256:")


def short(digest: str) -> str:
    """Return the part of a digest that messages show."""
    return digest[:19]


def parse(content: bytes, media_type: str = "", *, name: str = "the document") -> Document:
    """Return what the bytes of an index, manifest or configuration say.

    `media_type` is the one that a descriptor or registry gave; `name` is for messages. Raises
    ImageInvalidError.
    """
    values = _object(content, name)
    # A document of two kinds is read by one program as this and by another as that.
    kinds = [key for key in ("manifests", "layers", "rootfs") if key in values]
    if len(kinds) != 1 or (kinds == ["manifests"] and "config" in values):
        raise invalid(f"{name} is not an index, a manifest or a configuration, or is several")
    if kinds == ["rootfs"]:
        _require_type(media_type or _OCI_CONFIG, _CONFIG_TYPES, name)
        return _configuration(values, name)
    if values.get("schemaVersion") != 2:  # noqa: PLR2004 - the only version of both formats
        raise invalid(f"{name} has no schemaVersion 2")
    is_index = kinds == ["manifests"]
    known = INDEX_TYPES if is_index else MANIFEST_TYPES
    own = values.get("mediaType", media_type or known[0])
    _require_type(own, known, name)
    if media_type and own != media_type:
        raise invalid(f"{name} is a {own}, and is named as {media_type[:80]!r}")
    parts = tuple(_descriptor(part, name) for part in _list(values, kinds[0], name))
    if is_index:
        return Index(manifests=parts, values=values)
    config = _descriptor(values.get("config"), name)
    return Manifest(media_type=own, config=config, layers=parts, values=values)


def parse_manifest(content: bytes, *, name: str) -> Manifest:
    """Return the manifest of an image. Raises ImageInvalidError for anything else."""
    found = parse(content, name=name)
    if not isinstance(found, Manifest):
        raise invalid(f"{name} is not the manifest of one image")
    require_image_types(found, name)
    return found


def require_image_types(manifest: Manifest, name: str) -> None:
    """Raise ImageInvalidError unless configuration and layers are of an image that Linux runs."""
    _require_type(manifest.config.media_type, _CONFIG_TYPES, name)
    for layer in manifest.layers:
        if not _LAYER.fullmatch(layer.media_type):
            raise invalid(f"{name} has a layer of the unknown media type {layer.media_type[:80]!r}")


def docker_save_entry(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Return configuration and layers by the paths in the `manifest.json` of `docker save`."""
    try:
        (entry,) = parse_json(content)
        config, layers = entry["Config"], entry["Layers"]
    except (KeyError, TypeError, ValueError) as exc:
        raise invalid(f"manifest.json does not describe one image: {exc}") from exc
    if not isinstance(layers, list) or not all(isinstance(p, str) for p in (config, *layers)):
        raise invalid("manifest.json does not name files")
    return config, tuple(layers)


def in_builders_form(manifest: bytes) -> bytes:
    """Return the manifest as BuildKit would write it: its keys in order, two spaces, no more.

    A manifest with a key that BuildKit does not write is returned as it is.
    """
    values = json.loads(manifest)
    parts = [values, values.get("config"), *values.get("layers", [])]
    orders = [_MANIFEST_KEYS, *[_DESCRIPTOR_KEYS] * (len(parts) - 1)]
    if any(not _has_keys(part, keys) for part, keys in zip(parts, orders, strict=True)):
        return manifest
    ordered = _ordered(values, _MANIFEST_KEYS) | {
        "config": _ordered(values["config"], _DESCRIPTOR_KEYS),
        "layers": [_ordered(layer, _DESCRIPTOR_KEYS) for layer in values["layers"]],
    }
    return json.dumps(ordered, indent=2).encode()


def _has_keys(part: object, keys: tuple[str, ...]) -> bool:
    return isinstance(part, dict) and set(part) == set(keys)


def _ordered(part: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: part[key] for key in keys}


def _object(content: bytes, name: str) -> dict[str, Any]:
    if len(content) > LARGEST_DOCUMENT:
        raise invalid(f"{name} is longer than {LARGEST_DOCUMENT} bytes")
    try:
        values = parse_json(content, largest=LARGEST_DOCUMENT)
    except ValueError as exc:
        raise invalid(f"{name} is not JSON: {exc}") from exc
    if not isinstance(values, dict):
        raise invalid(f"{name} is not a JSON object")
    return values


def _list(values: Mapping[str, Any], key: str, name: str) -> list[Any]:
    found = values.get(key)
    if found is None:  # Docker's engine writes an empty list so
        return []
    if not isinstance(found, list) or len(found) > _MOST_PARTS:
        raise invalid(f"{key!r} in {name} is not a list of at most {_MOST_PARTS} entries")
    return found


def _descriptor(part: object, name: str) -> Descriptor:
    if not isinstance(part, dict):
        raise invalid(f"{name} has an entry that is not a JSON object")
    media_type, size = part.get("mediaType"), part.get("size")
    digest_hex(part.get("digest"))
    if not isinstance(media_type, str) or not media_type:
        raise invalid(f"{name} names {short(part['digest'])} without a media type")
    # A bool is an int to Python.
    if type(size) is not int or not 0 <= size <= _LARGEST_BLOB:
        raise invalid(f"{name} names {short(part['digest'])} with the size {str(size)[:40]!r}")
    return Descriptor(
        digest=part["digest"],
        media_type=media_type,
        size=size,
        platform=_platform(part["platform"], name) if part.get("platform") is not None else "",
    )


def _configuration(values: Mapping[str, Any], name: str) -> Configuration:
    rootfs = values["rootfs"]
    if not isinstance(rootfs, dict):
        raise invalid(f"'rootfs' in {name} is not a JSON object")
    diff_ids = tuple(_list(rootfs, "diff_ids", name))
    for diff_id in diff_ids:
        digest_hex(diff_id)
    return Configuration(platform=_platform(values, name), diff_ids=diff_ids, values=values)


def _platform(values: object, name: str) -> str:
    found = values if isinstance(values, dict) else {}
    system, processor = found.get("os"), found.get("architecture")
    if not isinstance(system, str) or not isinstance(processor, str):
        raise invalid(f"{name} has a platform without system and architecture")
    if not is_of("line", system) or not is_of("line", processor):
        raise invalid(f"{name} has a platform that is not one line of text")
    return f"{system}/{processor}"


def _require_type(found: object, known: tuple[str, ...], name: str) -> None:
    if found not in known:
        raise invalid(f"{name} has the unknown media type {str(found)[:80]!r}")
