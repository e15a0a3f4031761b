"""A built image."""

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
