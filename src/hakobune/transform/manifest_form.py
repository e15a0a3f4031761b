"""An image's manifest in the one form that BuildKit writes. No I/O."""

import json
from collections.abc import Mapping
from typing import Any

_KEYS = ("schemaVersion", "mediaType", "config", "layers")
_DESCRIPTOR_KEYS = ("mediaType", "digest", "size")


def manifest_in_form(manifest: bytes) -> bytes:
    """Return the manifest as BuildKit would write it: its keys in order, two spaces, no more.

    A manifest with a key that BuildKit's has not is returned as it is.
    """
    values = json.loads(manifest)
    parts = [values, values.get("config"), *values.get("layers", [])]
    orders = [_KEYS, *[_DESCRIPTOR_KEYS] * (len(parts) - 1)]
    if any(not _has_keys(part, keys) for part, keys in zip(parts, orders, strict=True)):
        return manifest
    ordered = _ordered(values, _KEYS) | {
        "config": _ordered(values["config"], _DESCRIPTOR_KEYS),
        "layers": [_ordered(layer, _DESCRIPTOR_KEYS) for layer in values["layers"]],
    }
    return json.dumps(ordered, indent=2).encode()


def _has_keys(part: object, keys: tuple[str, ...]) -> bool:
    return isinstance(part, dict) and set(part) == set(keys)


def _ordered(part: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: part[key] for key in keys}
