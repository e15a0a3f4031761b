"""A built image, and a difference that a check found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image: the tag to run it by, its id (`sha256:` and hex) and its base."""

    tag: str
    id: str
    base: str
    size_bytes: int
