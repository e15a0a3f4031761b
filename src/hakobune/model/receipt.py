"""A receipt: what an image has passed on this machine."""

from dataclasses import dataclass

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The image's id, the smoke tests that it passed, and the runs that it made for reference."""

    image: str
    checks: tuple[str, ...]
    references: tuple[str, ...]
