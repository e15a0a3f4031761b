"""`python -m search`: each number of the search beside the other engines, in one run.

The exit code is 1 where a bound is missed, or where its number could not be measured.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from search import (
    bits_numbers,
    daily_numbers,
    hard_numbers,
    job_numbers,
    long_numbers,
    mixed_numbers,
    saved_numbers,
)
from search.engines import STATSFORECAST
from search.table import Row, print_head, print_row

Groups = dict[str, tuple[str, Callable[[], Iterator[Row]]]]


def main() -> None:
    """Print the groups that were asked for; all without an option."""
    parser = argparse.ArgumentParser(prog="python -m search", description=__doc__)
    parser.add_argument("--series", type=int, default=200, help="daily series (default 200)")
    parser.add_argument("--mixed", type=int, default=50, help="mixed series (default 50)")
    parser.add_argument("--only", action="append", help="a group, may be given again: daily ...")
    options = parser.parse_args()
    groups = _groups(options.series, options.mixed)
    unknown = sorted(set(options.only or ()) - set(groups))
    if unknown:
        parser.error(f"no such group: {', '.join(unknown)}; there are {', '.join(groups)}")
    if not STATSFORECAST.is_installed():
        sys.exit("the other engines are not there: make .venv-bench/ready")
    missed = []
    for name, (title, rows) in groups.items():
        if options.only and name not in options.only:
            continue
        print_head(f"{name}: {title}")
        for row in rows():
            print_row(row)
            if row.is_met is False:
                missed.append(f"{name}: {row.what}")
    print(f"\n{len(missed)} missed" if missed else "\nall met")
    for what in missed:
        print(f"  {what}")
    sys.exit(bool(missed))


def _groups(series: int, mixed: int) -> Groups:
    """Return the quick groups first."""
    return {
        "saved": (saved_numbers.TITLE, saved_numbers.rows),
        "job": (job_numbers.TITLE, job_numbers.rows),
        "hard": (hard_numbers.TITLE, hard_numbers.rows),
        "long": (long_numbers.TITLE, long_numbers.rows),
        "bits": (bits_numbers.TITLE, bits_numbers.rows),
        "mixed": (mixed_numbers.TITLE, lambda: mixed_numbers.rows(mixed)),
        "daily": (daily_numbers.TITLE, lambda: daily_numbers.rows(series)),
    }


if __name__ == "__main__":
    main()
