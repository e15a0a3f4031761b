"""A folder that holds all that a build needs from a network."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorListing:
    """What the folder holds: the base by name and digest, and each file's path and sha256.

    Paths are relative to the folder, with `/`; the digest is that of the base's manifest.
    """

    base: str
    base_digest: str
    files: tuple[tuple[str, str], ...]
