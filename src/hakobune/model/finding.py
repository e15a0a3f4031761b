"""What an examination of this machine found."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One step's state: it will work, work in another way than it should, or not work."""

    step: str
    state: Literal["ok", "weak", "no"]
    what: str
    remedy: str = ""

    @property
    def exit_code(self) -> int:
        """Return 0, 4 for a weak step, 5 for one that cannot work."""
        return {"ok": 0, "weak": 4, "no": 5}[self.state]
