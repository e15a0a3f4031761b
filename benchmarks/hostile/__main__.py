"""`python -m hostile`: hostile inputs and what becomes of them; exit code 1 where one is wrong.

All of shared/hostile and some of shared/field by the real commands, in copies in a temporary
folder, then the fuzzer. `--only fuzz`, `--only cases` or a part of a case's name runs a part.
`--kind`, `--seed`, `--first` and `--count` choose the fuzzer's inputs, and `--checkout` the source
that is fuzzed: `git worktree add ../old 5f64409` gives an older one, to find its known faults.
"""

import argparse
import secrets
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from hostile import field_cases as field
from hostile import shared_cases as shared
from hostile.bench import ROOT, Bench
from hostile.fuzz import KINDS, fuzz
from hostile.rows import Row

Case = Callable[[Bench], Row | list[Row]]
CASES: dict[str, Case] = {
    "make_evil_run.sh": shared.evil_run,
    "overwrite_by_verify.sh": shared.overwrite,
    "job-tag": shared.job_tag,
    "evil_pickle.sh": shared.pickle,
    "planted_lock.sh": shared.planted_lock,
    "rehearse_bin": shared.rehearsal,
    "german_thousands.csv": partial(
        shared.table, name="german_thousands.csv", least=500, most=2000
    ),
    "us_thousands_tab.tsv": partial(
        shared.table, name="us_thousands_tab.tsv", least=500, most=2000
    ),
    "yyyymm_becomes_the_value.csv": partial(
        shared.table, name="yyyymm_becomes_the_value.csv", least=1900, most=3000
    ),
    "lost_sigterm.py-host": partial(shared.lost_signal, where="host"),
    "lost_sigterm.py-image": partial(shared.lost_signal, where="image"),
    "submit_twice.sh": shared.submit_twice,
    "secrets_left.sh": shared.secrets,
    "broken_records.sh": shared.broken_records,
    "folder-names": shared.folder_names,
    "01-same-file-name": field.same_file_name,
    "06-folder-with-a-space": field.folder_with_a_space,
    "07-ignored-file-in-source": field.ignored_file,
    "08-line-ends": field.line_ends,
    "10-killed-for-memory": field.memory,
    "11-code-in-tmp": field.code_in_tmp,
    "12-name-with-dots": field.name_with_dots,
    "threats.md": shared.threats_page,
}


def main() -> None:
    """Run what was asked for; all without an option."""
    parser = argparse.ArgumentParser(prog="python -m hostile", description=__doc__)
    parser.add_argument("--only", action="append", help="fuzz, cases, or a part of a case's name")
    parser.add_argument("--kind", action="append", choices=KINDS, help="of the fuzzer's inputs")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of the fuzzer")
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--count", type=int, default=10_000, help="inputs of each kind")
    parser.add_argument("--checkout", type=Path, default=ROOT, help="whose source is fuzzed")
    options = parser.parse_args()
    only = options.only or ["cases", "fuzz"]
    names = [name for name in CASES if "cases" in only or any(word in name for word in only)]
    wants_fuzz = "fuzz" in only or options.kind
    if not names and not wants_fuzz:
        parser.error(f"no such case; there are: {', '.join(CASES)}")
    rows = run_cases(names) if names else []
    for kind in (options.kind or KINDS) if wants_fuzz else ():
        row = fuzz(
            kind,
            seed=options.seed,
            first=options.first,
            count=options.count,
            checkout=options.checkout.resolve(),
        )
        row.show()
        rows.append(row)
    wrong = sum(row.is_right is False for row in rows)
    skipped = sum(row.is_right is None for row in rows)
    print(f"{len(rows)} rows, {wrong} wrong, {skipped} skipped")
    sys.exit(wrong > 0)


def run_cases(names: list[str]) -> list[Row]:
    """Run these cases one after the other; show each row when it is there."""
    folder = ROOT.parent / "shared"
    rows: list[Row] = []
    bench = Bench(folder)
    try:
        for name in names:
            for row in _rows_of(bench, name, folder):
                row.show()
                rows.append(row)
    finally:
        bench.close()
    return rows


def _rows_of(bench: Bench, name: str, folder: Path) -> list[Row]:
    if not (folder / "hostile").is_dir() or not (folder / "field").is_dir():
        why = "no folder `shared` beside the checkout"
        return [Row(name=name, expected="", found=why, is_right=None)]
    try:
        found = CASES[name](bench)
    except (OSError, RuntimeError, ValueError, StopIteration) as exc:
        return [Row(name=name, expected="", found=f"not measured: {exc}"[:800], is_right=False)]
    return found if isinstance(found, list) else [found]


if __name__ == "__main__":
    main()
