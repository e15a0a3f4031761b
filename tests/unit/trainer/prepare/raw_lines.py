"""Lines of raw files."""

from collections.abc import Sequence


def line(
    day: str, *, kind: str = "S", quantity: object = 1, cost: object = 2.5, product: int = 7
) -> str:
    return f"1\t{product}\t1\t0\t{day} 00:00:00\t{kind}\t{quantity}\t{cost}\t{day} 00:00:00\n"


def text(days: Sequence[str]) -> str:
    return "".join(line(day) for day in days)
