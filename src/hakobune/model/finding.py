"""What an examination of this machine found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

PREREQUISITE_EXIT_CODE = 5
DEGRADED_EXIT_CODE = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One step's state: it works, works but degraded, or cannot work."""

    step: str
    state: Literal["ok", "weak", "no"]
    what: str
    remedy: str = ""


def exit_code_of(findings: Sequence[Finding]) -> int:
    """Return 5 where a step lacks a prerequisite, 14 where one is degraded, else 0."""
    states = {finding.state for finding in findings}
    if "no" in states:
        return PREREQUISITE_EXIT_CODE
    return DEGRADED_EXIT_CODE if "weak" in states else 0
