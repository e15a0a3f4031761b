"""What is wrong in a file, collected so that all of it can be told at once."""

from dataclasses import dataclass, field

from trainer.errors import DataError
from trainer.printable import printable

SHOWN_PROBLEMS = 20
_KEPT = 1000


@dataclass(slots=True)
class Problems:
    """The problems of a file's rows: their number, and the first ones by line."""

    name: str
    count: int = 0
    found: list[tuple[int, str]] = field(default_factory=list)

    def add(self, line: int, what: str) -> None:
        """Note a problem of a line."""
        self.count += 1
        self.found.append((line, printable(what)))
        if len(self.found) > _KEPT:
            self.found = sorted(self.found)[:SHOWN_PROBLEMS]

    def shown(self) -> list[str]:
        """Return the first problems by line, each with its place."""
        first = sorted(self.found)[:SHOWN_PROBLEMS]
        return [f"{self.name}:{line}: {what}" for line, what in first]

    def raise_if_any(self, remedy: str, error: type[DataError]) -> None:
        """Raise an error that lists the first problems, and their number."""
        if not self.count:
            return
        lines = self.shown()
        if self.count > len(lines):
            lines.append(f"... and {self.count - len(lines):,} more, {self.count:,} in all")
        raise error("\n".join(lines), remedy=remedy)
