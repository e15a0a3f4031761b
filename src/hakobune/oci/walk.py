"""The one walk through an image: from an index to a manifest to configuration and layers.

Each document is compared with the descriptor that names it before its content is used, and `check`
does the same for layers. Archives, layouts and registries are sources of blobs for this walk.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol

from hakobune.model.lock import PLATFORM
from hakobune.oci.documents import (
    INDEX_TYPES,
    LARGEST_DOCUMENT,
    MANIFEST_TYPES,
    Configuration,
    Descriptor,
    Document,
    Index,
    Manifest,
    digest_hex,
    digest_of,
    invalid,
    parse,
    require_image_types,
    short,
)

# An index of an index occurs; more than that leads nowhere but may cost time.
_DEEPEST = 4
_CHUNK = 1 << 20


class DocumentSource(Protocol):
    """Gives documents by digest. The walk checks what it gives."""

    def document(self, digest: str) -> bytes | None:
        """Return the blob, cut off after LARGEST_DOCUMENT + 1 bytes; None where it is missing."""
        ...


class BlobSource(DocumentSource, Protocol):
    """Has layers, too."""

    def measured(self, digest: str) -> tuple[str, int] | None:
        """Return digest and size of the bytes under this name; None where they are missing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A registry's repository, whose manifests `fetch` returns by digest."""

    fetch: Callable[[str], bytes | None]

    def document(self, digest: str) -> bytes | None:
        """See DocumentSource."""
        return self.fetch(digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One document on the way: the descriptor that names it, its bytes and what they say."""

    descriptor: Descriptor
    content: bytes
    document: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageTree:
    """An image for linux/amd64.

    `steps` lead from the outermost index to the manifest, or consist of the configuration alone
    where an engine names the image by that: the classic image store, whose layers are unpacked.
    `others` are what the indexes name for other platforms.
    """

    steps: tuple[Step, ...]
    config: Descriptor
    configuration: Configuration
    layers: tuple[Descriptor, ...]
    others: tuple[Descriptor, ...]

    @property
    def parts(self) -> tuple[Descriptor, ...]:
        """All blobs of the image, outermost first."""
        above = (step.descriptor for step in self.steps)
        return tuple(dict.fromkeys((*above, self.config, *self.layers)))

    @property
    def manifest(self) -> Descriptor:
        """What names the image within its indexes."""
        return self.steps[-1].descriptor


def walk(source: DocumentSource, top: str | Index) -> ImageTree:
    """Return the image that a digest or a layout's index names; layers are not read.

    The digest may be that of an index, a manifest or a configuration. Raises ImageInvalidError.
    """
    steps = find_manifest(source, top)
    indexes = [step.document for step in steps] + [top]
    entries = [each for index in indexes if isinstance(index, Index) for each in index.manifests]
    passed = {step.descriptor.digest for step in steps}
    config, configuration, layers = _contents(source, steps[-1])
    if configuration.platform != PLATFORM:
        raise invalid(f"{_name(config)} is for {configuration.platform!r} and not for {PLATFORM}")
    return ImageTree(
        steps=steps,
        config=config,
        configuration=configuration,
        layers=layers,
        others=tuple(each for each in entries if each.digest not in passed),
    )


def find_manifest(source: DocumentSource, top: str | Index) -> tuple[Step, ...]:
    """Return the steps to the linux/amd64 manifest, outermost first. Raises ImageInvalidError.

    They are one step where `top` is the digest of a manifest or a configuration.
    """
    if isinstance(top, Index):
        found = next(_ways(source, top, (), set()), ())
        name = "index.json"
    else:
        found = (read(source, Descriptor(digest=top)),)
        name = _name(found[0].descriptor)
        if isinstance(found[0].document, Index):
            found = next(_ways(source, found[0].document, found, set()), ())
    if not found:
        raise invalid(f"{name} names no image for {PLATFORM}")
    return found


def check(source: BlobSource, tree: ImageTree) -> None:
    """Raise ImageInvalidError unless the bytes of every part have their digest and size.

    What the source has of other platforms must be whole, too.
    """
    seen: set[str] = set()
    others = [other for other in tree.others if source.measured(other.digest) is not None]
    below = [part for other in others for part in _below(source, other, seen)]
    for part in dict.fromkeys((*tree.parts, *below)):
        found = source.measured(part.digest)
        if found is None:
            raise invalid(f"{_name(part)} is missing")
        require_bytes(part, *found)


def read(source: DocumentSource, descriptor: Descriptor) -> Step:
    """Return the document that the descriptor names. Raises ImageInvalidError."""
    name = _name(descriptor)
    content = source.document(descriptor.digest)
    if content is None:
        raise invalid(f"{name} is missing")
    if len(content) > LARGEST_DOCUMENT:
        raise invalid(f"{name} is longer than {LARGEST_DOCUMENT} bytes")
    require_bytes(descriptor, digest_of(content), len(content))
    document = parse(content, descriptor.media_type, name=name)
    return Step(descriptor=descriptor, content=content, document=document)


def measure(stream: IO[bytes], target: IO[bytes] | None = None) -> tuple[str, int]:
    """Return digest and size of a stream's bytes, and copy them to a target if there is one."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return f"sha256:{digest.hexdigest()}", size


def require_bytes(descriptor: Descriptor, digest: str, size: int) -> None:
    """Raise ImageInvalidError unless bytes of this digest and size are what is named."""
    if digest != descriptor.digest:
        raise invalid(f"{_name(descriptor)} has other bytes")
    if descriptor.size not in (None, size):
        raise invalid(f"{_name(descriptor)} has {size} bytes, and is named with {descriptor.size}")


def _ways(
    source: DocumentSource, index: Index, above: tuple[Step, ...], seen: set[str]
) -> Iterator[tuple[Step, ...]]:
    """Yield the steps to each manifest that may be for linux/amd64."""
    for entry in index.manifests:
        if entry.digest in seen:
            continue
        seen.add(entry.digest)
        if entry.media_type in INDEX_TYPES:
            if len(above) >= _DEEPEST:
                raise invalid(f"{_name(entry)} is an index inside {_DEEPEST} others")
            step = read(source, entry)
            if isinstance(step.document, Index):
                yield from _ways(source, step.document, (*above, step), seen)
        # Where an index says nothing of a platform, the configuration does.
        elif entry.media_type in MANIFEST_TYPES and entry.platform in ("", PLATFORM):
            yield (*above, read(source, entry))


def _contents(
    source: DocumentSource, last: Step
) -> tuple[Descriptor, Configuration, tuple[Descriptor, ...]]:
    """Return an image's configuration and layers by its manifest, or by its configuration."""
    if isinstance(last.document, Configuration):
        layers = tuple(Descriptor(digest=digest) for digest in last.document.diff_ids)
        return last.descriptor, last.document, layers
    assert isinstance(last.document, Manifest)  # noqa: S101 - find_manifest ends so; for mypy
    manifest, name = last.document, _name(last.descriptor)
    require_image_types(manifest, name)
    configuration = read(source, manifest.config).document
    assert isinstance(configuration, Configuration)  # noqa: S101 - by its media type; for mypy
    count = len(configuration.diff_ids)
    if count != len(manifest.layers):
        raise invalid(f"{name} has {len(manifest.layers)} layers, its configuration has {count}")
    return manifest.config, configuration, manifest.layers


def _below(source: BlobSource, top: Descriptor, seen: set[str]) -> Iterator[Descriptor]:
    """Yield a descriptor and all that it names, whatever kind of artifact it is."""
    if top.digest in seen:
        return
    seen.add(top.digest)
    yield top
    if top.media_type in INDEX_TYPES:
        document = read(source, top).document
        for entry in document.manifests if isinstance(document, Index) else ():
            if source.measured(entry.digest) is not None:
                yield from _below(source, entry, seen)
    elif top.media_type in MANIFEST_TYPES:
        document = read(source, top).document
        if isinstance(document, Manifest):
            yield document.config
            yield from document.layers


def _name(descriptor: Descriptor) -> str:
    digest_hex(descriptor.digest)
    return f"the blob {short(descriptor.digest)}"
