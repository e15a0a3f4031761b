"""How the stages speak to a person, without knowing the terminal."""

from typing import Protocol


class Reporter(Protocol):
    """Takes what a stage has to say."""

    def say(self, text: str) -> None:
        """Show one line: something that the user should know."""
        ...

    def done(self, stage: str, outcome: str, *, digest: str = "") -> None:
        """Show the line that ends a stage: its name, outcome, seconds and digest."""
        ...
