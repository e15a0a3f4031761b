"""The walk from an index to the layers: each descriptor and document that is wrong is refused."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from hakobune.errors import ImageInvalidError
from hakobune.oci.documents import LARGEST_DOCUMENT, OCI_INDEX, OCI_MANIFEST, Descriptor
from hakobune.oci.walk import check, find_manifest, read, walk
from tests.saved_images import (
    AMD64,
    ARM64,
    CONFIG,
    LAYER,
    config_of,
    digest_of,
    index_of,
    manifest_of,
    named,
)

LAYERS = (b"one", b"two")
CONFIGURATION = config_of(*map(digest_of, LAYERS))
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
Change = Callable[[dict[str, Any]], object]


@dataclass
class Blobs:
    """A source that has these blobs under their digests."""

    contents: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, *contents: bytes) -> "Blobs":
        self.contents |= {digest_of(content): content for content in contents}
        return self

    def document(self, digest: str) -> bytes | None:
        self.asked.append(digest)
        return self.contents.get(digest)

    def measured(self, digest: str) -> tuple[str, int] | None:
        found = self.contents.get(digest)
        return None if found is None else (digest_of(found), len(found))


def image(change: Change | None = None) -> tuple[Blobs, str]:
    """Return an image whose manifest was changed, under an index; and the index's digest."""
    manifest = manifest_of(named(CONFIGURATION, CONFIG), *(named(each, LAYER) for each in LAYERS))
    if change is not None:
        values = json.loads(manifest)
        change(values)
        manifest = json.dumps(values).encode()
    index = index_of(named(manifest, OCI_MANIFEST, platform=AMD64))
    return Blobs().add(*LAYERS, CONFIGURATION, manifest, index), digest_of(index)


def test_a_digest_leads_to_all_parts_of_the_image() -> None:
    blobs, top = image()
    tree = walk(blobs, top)
    check(blobs, tree)
    manifest = next(
        iter(set(blobs.contents) - {top, digest_of(CONFIGURATION), *map(digest_of, LAYERS)})
    )
    assert [part.digest for part in tree.parts] == [
        *(top, manifest, digest_of(CONFIGURATION)),
        *map(digest_of, LAYERS),
    ]
    assert tree.configuration.diff_ids == tuple(map(digest_of, LAYERS))
    assert walk(blobs, manifest).parts == tuple(
        part if n else Descriptor(digest=manifest) for n, part in enumerate(tree.parts[1:])
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda v: v["config"].update(digest="sha256:" + "0" * 64), "is missing"),
        (lambda v: v["config"].update(digest="sha256:../../index"), "not a digest"),
        (lambda v: v["config"].update(digest="sha512:" + "0" * 128), "not a digest"),
        (lambda v: v["config"].update(digest=digest_of(LAYERS[0])), "bytes, and is named with"),
        (lambda v: v["config"].update(digest=None), "not a digest"),
        (lambda v: v["config"].update(size=1), "bytes, and is named with 1"),
        (lambda v: v["config"].update(mediaType="text/html"), "unknown media type 'text/html'"),
        (lambda v: v["config"].pop("mediaType"), "without a media type"),
        (lambda v: v["config"].update(mediaType=OCI_MANIFEST), "unknown media type"),
        (lambda v: v["layers"][0].update(size="3"), "with the size"),
        (lambda v: v["layers"][0].update(size=True), "with the size"),
        (lambda v: v["layers"][0].update(size=-1), "with the size"),
        (lambda v: v["layers"][0].update(size=1 << 50), "with the size"),
        (lambda v: v["layers"][0].update(size=4), "has 3 bytes, and is named with 4"),
        (lambda v: v["layers"][0].update(digest="sha256:" + "A" * 64), "not a digest"),
        (lambda v: v["layers"][1].update(digest=digest_of(b"gone")), "is missing"),
        (lambda v: v["layers"][1].update(mediaType="application/x-tar"), "unknown media type"),
        (lambda v: v.update(layers=v["layers"][:1]), "has 1 layers, its configuration has 2"),
        (lambda v: v.update(layers={}), "is not a list"),
        (lambda v: v.update(layers=[[]]), "not a JSON object"),
        (lambda v: v.update(layers=v["layers"] * 501), "is not a list of at most"),
        (lambda v: v.update(config=[]), "not a JSON object"),
        (lambda v: v.update(mediaType=DOCKER_MANIFEST), "is named as"),
        (lambda v: v.update(mediaType=OCI_INDEX), "unknown media type"),
        (lambda v: v.update(schemaVersion=1), "schemaVersion"),
        (lambda v: v.update(manifests=[]), "or is several"),
        (lambda v: v.update(rootfs={}), "or is several"),
    ],
)
def test_a_manifest_that_is_wrong_is_refused(change: Change, said: str) -> None:
    blobs, top = image(change)
    with pytest.raises(ImageInvalidError, match=said):
        check(blobs, walk(blobs, top))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (config_of(digest_of(LAYERS[0])), "has 2 layers, its configuration has 1"),
        (config_of("sha256:x", digest_of(LAYERS[1])), "not a digest"),
        (config_of(*map(digest_of, LAYERS), **ARM64), "is for 'linux/arm64'"),
        (config_of(*map(digest_of, LAYERS), os=1), "without system"),
        (json.dumps({**AMD64, "rootfs": []}).encode(), "not a JSON object"),
        (b"[" * 100_000, "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[]", "is not a JSON object"),
    ],
)
def test_a_configuration_that_is_wrong_is_refused(config: bytes, said: str) -> None:
    blobs, top = image(lambda values: values.update(config=named(config, CONFIG)))
    with pytest.raises(ImageInvalidError, match=said):
        walk(blobs.add(config), top)


def test_bytes_that_are_not_those_of_their_digest_are_refused_wherever_they_are() -> None:
    blobs, top = image()
    for digest, content in list(blobs.contents.items()):
        blobs.contents[digest] = content[:-1] + b" "
        with pytest.raises(ImageInvalidError, match=f"{digest[:19]} has other bytes"):
            check(blobs, walk(blobs, top))
        del blobs.contents[digest]
        with pytest.raises(ImageInvalidError, match=f"{digest[:19]} is missing"):
            check(blobs, walk(blobs, top))
        blobs.contents[digest] = content
    check(blobs, walk(blobs, top))


def test_a_document_that_is_too_long_is_not_read_as_json() -> None:
    long = b"{" + b" " * LARGEST_DOCUMENT + b"}"
    with pytest.raises(ImageInvalidError, match="is longer"):
        walk(Blobs().add(long), digest_of(long))


def test_nothing_that_is_not_a_digest_is_asked_for() -> None:
    blobs = Blobs()
    for name in (
        "",
        "sha256:",
        "sha256:../../../etc/passwd",
        "latest",
        "sha256:" + "0" * 64 + "\n",
    ):
        with pytest.raises(ImageInvalidError, match="not a digest"):
            walk(blobs, name)
        with pytest.raises(ImageInvalidError, match="not a digest"):
            read(blobs, Descriptor(digest=name))
    assert blobs.asked == []


def test_the_first_manifest_for_our_platform_is_taken_and_the_others_are_known() -> None:
    blobs, inner = image()
    other = named(b"{}", OCI_MANIFEST, platform=ARM64)
    windows = index_of(named(b"{}", OCI_MANIFEST, platform={"os": "windows", "architecture": "x"}))
    foreign = named(b"{}", "application/vnd.other+json", platform=AMD64)
    outer = index_of(
        foreign, other, named(windows, OCI_INDEX), named(blobs.contents[inner], OCI_INDEX)
    )
    tree = walk(blobs.add(windows, outer), digest_of(outer))
    assert [step.descriptor.digest for step in tree.steps][:2] == [digest_of(outer), inner]
    assert [each.digest for each in tree.others] == [
        *(foreign["digest"], other["digest"]),
        digest_of(windows),
    ]


@pytest.mark.parametrize(
    "platform", [{"os": "linux"}, "linux/amd64", {"os": "linux", "architecture": ["amd64"]}]
)
def test_a_platform_that_is_none_is_refused(platform: object) -> None:
    index = index_of(named(b"{}", OCI_MANIFEST, platform=platform))
    with pytest.raises(ImageInvalidError, match="platform"):
        walk(Blobs().add(index), digest_of(index))


def test_an_index_that_is_a_manifest_too_is_refused() -> None:
    blobs, top = image()
    values = json.loads(blobs.contents[top])
    config = named(CONFIGURATION, CONFIG)
    for other in ({"config": config}, {"config": config, "layers": []}):
        both = json.dumps({**values, **other}).encode()
        with pytest.raises(ImageInvalidError, match="or is several"):
            walk(blobs.add(both), digest_of(both))


def test_indexes_inside_indexes_end() -> None:
    blobs, top = image()
    for _ in range(5):
        index = index_of(named(blobs.contents[top], OCI_INDEX))
        top = digest_of(index)
        blobs.add(index)
    with pytest.raises(ImageInvalidError, match="inside"):
        find_manifest(blobs, top)


def test_the_same_index_named_many_times_is_read_once() -> None:
    empty = index_of()
    index = index_of(*[named(empty, OCI_INDEX)] * 900)
    blobs = Blobs().add(empty, index)
    with pytest.raises(ImageInvalidError, match="no image"):
        walk(blobs, digest_of(index))
    assert len(blobs.asked) == 2


def test_docker_s_own_media_types_are_known() -> None:
    config = "application/vnd.docker.container.image.v1+json"
    layer = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    manifest = manifest_of(
        named(CONFIGURATION, config),
        *(named(each, layer) for each in LAYERS),
        mediaType=DOCKER_MANIFEST,
    )
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER_LIST,
            "manifests": [named(manifest, DOCKER_MANIFEST, platform=AMD64)],
        }
    ).encode()
    blobs = Blobs().add(*LAYERS, CONFIGURATION, manifest, index)
    check(blobs, walk(blobs, digest_of(index)))
