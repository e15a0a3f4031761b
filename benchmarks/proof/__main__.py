"""`python -m proof`: what reproducibility.md promises, shown: images, models, and broken chains.

Prints a table; with --write it replaces the one in docs/reference/reproducibility.md. The exit code
is 1 where one build, one training or one flip is not as promised.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measure import ROOT
from proof import flips, images, models

Row = tuple[str, int, int]
PAGE = ROOT / "docs/reference/reproducibility.md"
GROUPS: dict[str, tuple[str, Callable[[int], list[Row]], int]] = {
    "images": ("builds with the same digest", images.table, 20),
    "models": ("trainings with the same bytes", models.table, 100),
    "flips": ("changed bits that broke the chain", flips.table, 2400),
}
_TABLE = re.compile(r"(?s)(<!-- begin: make proof -->\n).*(<!-- end: make proof -->\n)")


def main() -> None:
    """Measure the groups that were asked for; all without an option."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    parser.add_argument("--only", action="append", choices=GROUPS, help="may be given again")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} anew")
    options = parser.parse_args()
    lines = []
    are_kept = True
    for name in options.only or GROUPS:
        title, measure, count = GROUPS[name]
        began = time.monotonic()
        rows = measure(count)
        minutes = (time.monotonic() - began) / 60
        same, of = sum(row[1] for row in rows), sum(row[2] for row in rows)
        are_kept &= same == of
        lines += [f"| **{title}** ({minutes:.0f} min) | **{same} of {of}** |"]
        lines += [f"| {what} | {kept} of {all_of} |" for what, kept, all_of in rows]
    table = "\n".join(["| | |", "| --- | --- |", *lines])
    print(table)
    if options.write:
        _write(PAGE, table)
    sys.exit(not are_kept)


def _write(page: Path, table: str) -> None:
    text = page.read_text(encoding="utf-8")
    found = _TABLE.sub(lambda match: f"{match[1]}{table}\n{match[2]}", text)
    page.write_text(found, encoding="utf-8")


if __name__ == "__main__":
    main()
