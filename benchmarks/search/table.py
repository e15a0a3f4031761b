"""The table: one row a number of the issue, with what it is held against and whether it is met."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number. `is_met` is None where there is no bound, or nothing to hold it against."""

    what: str
    ours: str
    reference: str = ""
    ratio: str = ""
    bound: str = ""
    is_met: bool | None = None


def print_head(title: str) -> None:
    """Print the title of a group of rows, and the names of the columns."""
    print(f"\n{title}")
    print(f"  {'':<44} {'hakobune':>13} {'reference':>24} {'ratio':>8}  bound")


def print_row(row: Row) -> None:
    """Print one row as soon as it is known."""
    verdict = {True: "met", False: "MISSED", None: ""}[row.is_met]
    line = f"  {row.what:<44} {row.ours:>13} {row.reference:>24} {row.ratio:>8}  {row.bound:<14}"
    print(f"{line} {verdict}".rstrip(), flush=True)


def at_least(what: str, ours: float, reference: float, bound: float, *, name: str) -> Row:
    """Return the row of a time that must be `bound` times less than the reference's."""
    ratio = reference / ours
    return Row(
        what=what,
        ours=f"{ours:.4f} s",
        reference=f"{name} {reference:.3f} s",
        ratio=f"{ratio:.1f}x",
        bound=f">= {bound:g}x",
        is_met=ratio >= bound,
    )
