"""`hakobune compare`."""

from dataclasses import asdict

import click

from hakobune.cli.options import Document, json_option, run_argument
from hakobune.cli.wiring import Wiring, pass_wiring
from hakobune.console import show, show_table
from hakobune.stages.compare import compare, grade_runs, told
from hakobune.stages.record import find_run

_SHOWN = 34
_BEFORE = 12  # characters shown before a difference that is far from the start


@click.command("compare")
@run_argument("left")
@run_argument("right")
@json_option(
    left="the first run's name",
    right="the second run's name",
    rows="each with name, is_same, left and right",
    grade="bit-identical, numerically identical, within 1e-06 or different",
    first="the first number that differs, or empty",
    cause="its likely cause, or empty",
)
@pass_wiring
def command(wiring: Wiring, *, left: str, right: str) -> Document:
    """Show two runs side by side: what is the same, what differs, and the metrics.

    The last line grades their results: bit-identical, numerically identical, within 1e-6, or
    different, with the first number that differs and the likely cause.
    """
    project, cwd = wiring.project, wiring.cwd
    folders = find_run(project, left, cwd=cwd), find_run(project, right, cwd=cwd)
    grade, cause = grade_runs(project, *folders)
    rows = compare(project, *folders)
    shown = [
        (row.name, "same" if row.is_same else "differs", *_cells(row.left, row.right))
        for row in rows
    ]
    show_table([("", "", folders[0].name[:_SHOWN], folders[1].name[:_SHOWN]), *shown])
    show(f"{folders[0].name} is {told(grade, folders[1].name, cause)}")
    names = {"left": folders[0].name, "right": folders[1].name}
    graded = {"grade": grade.sameness.value, "first": grade.first, "cause": cause}
    return {**names, "rows": [asdict(row) for row in rows], **graded}


def _cells(left: str, right: str) -> tuple[str, str]:
    """Return both values; long ones are cut so that the first difference shows."""
    if left == right:
        return left[:_SHOWN], ""
    pairs = enumerate(zip(left, right, strict=False))
    same = next((n for n, (one, other) in pairs if one != other), min(len(left), len(right)))
    if same < _SHOWN:
        return left[:_SHOWN], right[:_SHOWN]
    start = same - _BEFORE
    return f"…{left[start:]}"[:_SHOWN], f"…{right[start:]}"[:_SHOWN]
