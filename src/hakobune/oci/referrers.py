"""Artifacts that refer to an image in a registry (OCI specifications 1.1).

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-manifests-with-subject
"""

import json
from typing import Any, Protocol

from hakobune.oci.documents import (
    OCI_INDEX,
    OCI_MANIFEST,
    Index,
    digest_of,
    invalid,
    parse,
    parse_manifest,
)

_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


class Store(Protocol):
    """A registry's repository that can be written to."""

    def upload(self, content: bytes, media_type: str) -> None:
        """Upload a blob."""
        ...

    def manifest(self, reference: str, media_type: str) -> bytes | None:
        """Return the manifest or index of a tag or digest; None where there is none."""
        ...

    def put(self, reference: str, content: bytes, media_type: str) -> bool:
        """Write a manifest or index; tell whether the registry lists referrers by itself."""
        ...


def attach(store: Store, subject: bytes, content: bytes, *, media_type: str, name: str) -> str:
    """Push the content as an artifact that refers to the image of a manifest; return its digest.

    The same content again gives the same digest and changes nothing. Raises ImageInvalidError for a
    manifest or a list of artifacts that is not one, and what the store raises.
    """
    kind = parse_manifest(subject, name="the image's manifest").media_type
    manifest = _written(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": media_type,
            "config": _descriptor(_EMPTY, _EMPTY_TYPE),
            "layers": [
                {
                    **_descriptor(content, media_type),
                    "annotations": {"org.opencontainers.image.title": name},
                }
            ],
            "subject": _descriptor(subject, kind),
        }
    )
    store.upload(content, media_type)
    store.upload(_EMPTY, _EMPTY_TYPE)
    if not store.put(digest_of(manifest), manifest, OCI_MANIFEST):
        _list_under_tag(store, subject, manifest, media_type)
    return digest_of(manifest)


def _list_under_tag(store: Store, subject: bytes, manifest: bytes, media_type: str) -> None:
    """Add the artifact to the list that older registries keep under a tag of the image's digest."""
    tag = digest_of(subject).replace(":", "-")
    entry = {**_descriptor(manifest, OCI_MANIFEST), "artifactType": media_type}
    content = store.manifest(tag, OCI_INDEX)
    others = [] if content is None else _entries(content, f"the list {tag[:19]}")
    listed = [*(each for each in others if each["digest"] != entry["digest"]), entry]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed}
    store.put(tag, _written(index), OCI_INDEX)


def _entries(content: bytes, name: str) -> list[dict[str, Any]]:
    found = parse(content, name=name)
    if not isinstance(found, Index):
        raise invalid(f"{name} is not an index")
    return list(found.values["manifests"] or [])


def _descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def _written(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
