"""`python -m proof`: what reproducibility.md promises, shown: images, models, and broken chains.

Prints a table; with --write it replaces the groups' rows in docs/reference/reproducibility.md. The
exit code is 1 where one build, one training or one flip is not as promised. `--only cost` prints
what fixing arithmetic costs, which is a matter of seconds and fails nothing. `--row vendored` runs
those builds only whose row has that word in its name.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable

from measure import ROOT, report_head
from proof import flips, images, models

Row = tuple[str, int, int]
PAGE = ROOT / "docs/reference/reproducibility.md"
GROUPS: dict[str, tuple[str, Callable[[int], list[Row]], int]] = {
    "images": ("builds of the same image", images.table, 20),
    "models": ("trainings with the same bytes", models.table, 100),
    "flips": ("changed bits that broke the chain", flips.table, 2400),
}


def main() -> None:
    """Measure the groups that were asked for; all without an option."""
    parser = argparse.ArgumentParser(prog="python -m proof", description=__doc__)
    choices = (*GROUPS, "cost")
    parser.add_argument("--only", action="append", choices=choices, help="may be given again")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} anew")
    parser.add_argument("--row", help="a part of the name of one row of builds; implies them only")
    options = parser.parse_args()
    if options.row:
        if options.write or options.only not in (None, ["images"]):
            parser.error("--row goes with neither --write nor another group")
        options.only = ["images"]
    if "cost" in (options.only or ()):
        report_head()
        models.cost()
    are_kept = True
    for name in (name for name in options.only or GROUPS if name in GROUPS):
        title, measure, count = GROUPS[name]
        began = time.monotonic()
        rows = images.table(chosen=options.row) if options.row else measure(count)
        if not rows:
            parser.error(f"no row of builds has {options.row!r} in its name")
        minutes = (time.monotonic() - began) / 60
        same, of = sum(row[1] for row in rows), sum(row[2] for row in rows)
        are_kept &= same == of
        lines = [f"| **{title}** ({minutes:.0f} min) | **{same} of {of}** |"]
        lines += [f"| {what} | {kept} of {all_of} |" for what, kept, all_of in rows]
        table = "\n".join(lines)
        print(f"| | |\n| --- | --- |\n{table}\n", flush=True)
        if options.write:
            _write(name, table)
    sys.exit(not are_kept)


def _write(name: str, table: str) -> None:
    """Replace one group's rows in the page."""
    marks = re.compile(rf"(?s)(<!-- begin: {name} -->\n).*?(<!-- end: {name} -->)")
    text = PAGE.read_text(encoding="utf-8")
    new = f"| | |\n| --- | --- |\n{table}\n"
    PAGE.write_text(marks.sub(lambda m: f"{m[1]}{new}{m[2]}", text), encoding="utf-8")


if __name__ == "__main__":
    main()
