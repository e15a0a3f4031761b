"""A link of a run's chain, after it was looked at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link that holds, or of which there is nothing here to look at (`is_seen` False)."""

    name: str
    what: str
    digest: str = ""
    is_seen: bool = True
