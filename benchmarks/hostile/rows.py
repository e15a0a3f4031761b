"""A row of the table that `make hostile` prints."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A case: what is right, what was found, and whether that is the same. None: not run."""

    name: str
    expected: str
    found: str
    is_right: bool | None

    def show(self) -> None:
        """Print the row."""
        verdict = {True: "ok", False: "WRONG", None: "skipped"}[self.is_right]
        print(f"{verdict:<8}{self.name:<34}{self.expected}", flush=True)
        print(f"{'':<42}-> {self.found}", flush=True)
