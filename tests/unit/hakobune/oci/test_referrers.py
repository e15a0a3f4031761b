"""Artifacts beside an image: what is written into a registry, and what its list of them may be."""

import json

import pytest

from hakobune.errors import ImageInvalidError
from hakobune.oci.documents import OCI_INDEX, OCI_MANIFEST
from hakobune.oci.referrers import attach
from tests.saved_images import CONFIG, digest_of, index_of, manifest_of, named

SUBJECT = manifest_of(named(b"{}", CONFIG))
TAG = digest_of(SUBJECT).replace(":", "-")


class Store:
    """A repository of a registry; an old one keeps no list of referrers."""

    def __init__(self, *, is_old: bool = False, **manifests: bytes) -> None:
        self.is_old, self.blobs, self.manifests = is_old, dict[str, bytes](), dict(manifests)

    def upload(self, content: bytes, media_type: str) -> None:
        assert media_type
        self.blobs[digest_of(content)] = content

    def manifest(self, reference: str, media_type: str) -> bytes | None:
        assert media_type == OCI_INDEX
        return self.manifests.get(reference)

    def put(self, reference: str, content: bytes, media_type: str) -> bool:
        assert media_type in (OCI_MANIFEST, OCI_INDEX)
        self.manifests[reference] = content
        return not self.is_old


def attached(store: Store, content: bytes = b"signed") -> str:
    return attach(store, SUBJECT, content, media_type="application/x", name="run.jsonl")


def test_the_artifact_names_the_image_and_its_blobs_are_there() -> None:
    store = Store()
    digest = attached(store)
    artifact = json.loads(store.manifests[digest])
    assert digest_of(store.manifests[digest]) == digest
    assert artifact["subject"] == named(SUBJECT, OCI_MANIFEST)
    named_blobs = {artifact["config"]["digest"], *(x["digest"] for x in artifact["layers"])}
    assert named_blobs == set(store.blobs)
    assert attached(store) == digest
    assert set(store.manifests) == {digest}


def test_an_older_registry_gets_a_list_under_a_tag_which_keeps_what_it_had() -> None:
    other = {**named(b"{}", OCI_MANIFEST), "artifactType": "a/b", "annotations": {"x": "y"}}
    store = Store(is_old=True, **{TAG: index_of(other)})
    digest = attached(store)
    for _ in range(2):
        attached(store)
        listed = json.loads(store.manifests[TAG])["manifests"]
        assert listed[0] == other
        assert [each["digest"] for each in listed] == [other["digest"], digest]


@pytest.mark.parametrize(
    "content",
    [
        b"no JSON",
        b"[]",
        SUBJECT,
        b'{"schemaVersion": 2, "manifests": [{"digest": "x"}]}',
        b'{"schemaVersion": 2, "manifests": {}}',
    ],
)
def test_a_list_that_is_none_is_not_overwritten(content: bytes) -> None:
    store = Store(is_old=True, **{TAG: content})
    with pytest.raises(ImageInvalidError):
        attached(store)
    assert store.manifests[TAG] == content


@pytest.mark.parametrize("subject", [b"no JSON", b"{}", index_of()])
def test_nothing_is_attached_to_what_is_not_an_image(subject: bytes) -> None:
    store = Store()
    with pytest.raises(ImageInvalidError):
        attach(store, subject, b"signed", media_type="application/x", name="run.jsonl")
    assert not store.blobs
    assert not store.manifests
