"""How much two runs' results are the same."""

from dataclasses import dataclass
from enum import Enum

# The tolerance of the third grade: relative to the larger number.
TOLERANCE = 1e-6


class Sameness(Enum):
    """From the best to the worst; the value is how it is told."""

    BITS = "bit-identical"
    NUMBERS = "numerically identical"
    CLOSE = f"within {TOLERANCE:g}"
    DIFFERENT = "different"

    @property
    def rank(self) -> int:
        """0 for the best."""
        return list(Sameness).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """The worst of all files, and where the first difference lies (empty for the same bits)."""

    sameness: Sameness
    first: str = ""
