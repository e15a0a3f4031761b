"""How the stages speak to a person, without knowing the terminal."""

from typing import Protocol


class Reporter(Protocol):
    """Takes what a stage has to say."""

    def say(self, text: str) -> None:
        """Show one line: something that the user should know."""
        ...

    def done(
        self, stage: str, outcome: str, *, digest: str = "", seconds: float | None = None
    ) -> None:
        """Show the line that ends a stage: its name, outcome, seconds and digest.

        `seconds` are those of a part of a stage; the others are counted from the last stage's end.
        """
        ...

    def working(self, text: str) -> None:
        """Show what is being done now, on a terminal only; the next line takes its place.

        Whoever calls it calls it with an empty text at the end, whatever happens.
        """
        ...

    def heard(self, content: bytes) -> None:
        """Take what another program printed, which is shown only to who asked for all of it."""
        ...
