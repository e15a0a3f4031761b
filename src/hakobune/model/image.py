"""A built image, and one that a registry has."""

from dataclasses import dataclass

from hakobune.model.lock import PLATFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image: the tag to run it by, its id (`sha256:` and hex) and its base.

    The other digests say what it was built from, as its labels have them.
    """

    tag: str
    id: str
    base: str
    size_bytes: int
    environment_sha256: str
    lock_sha256: str
    source_sha256: str
    platform: str = PLATFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedImage:
    """An image of this machine and where a registry has it: `registry/name` and the digest.

    `digest` is empty where it is known only after the push.
    """

    image: Image
    repository: str
    tag: str
    digest: str

    @property
    def reference(self) -> str:
        """The image by digest: what no later push can change."""
        return f"{self.repository}@{self.digest or '<known after the push>'}"

    @property
    def tagged(self) -> str:
        """The image by its tag, which is derived from its content."""
        return f"{self.repository}:{self.tag}"
