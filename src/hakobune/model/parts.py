"""What an image is made of, as it tells itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A package: `licences` are names as its own files have them; empty where they have none.

    `expression` is what a Python package says in SPDX's language, empty where it does not.
    """

    name: str
    version: str
    architecture: str
    licences: tuple[str, ...]
    expression: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The packages of an image, and the name of its Debian release."""

    distribution: str
    debian: tuple[Part, ...]
    python: tuple[Part, ...]
